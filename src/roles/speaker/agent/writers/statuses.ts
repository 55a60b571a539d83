/**
 * Keeps the `ServiceL2Status` objects true: this node's own, and those that others left of what this node announces now.
 *
 * Left is what was there when this node began to announce, and what names a node that is no ready member. An object that came later is of
 * a node that began later and knows better, or does not hear this one: both stay, and whoever gives way removes its own. So
 * two nodes that each believe that they alone answer do not delete each other's objects without end.
 *
 * Its own object is made, and what it says is written into the object's status as soon as it is there, without waiting for
 * the mirror. Everything else follows from what the mirror shows.
 */
import { after, type Instant, seconds } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";
import {
  type Announced,
  readStatus,
  type SeenStatus,
  statusBody,
  statusName,
  statusObject,
} from "#core/layer2-status/object";
import { planStatus, type StatusWrite } from "#core/layer2-status/plan";
import type { Owner } from "#core/service-status/object";
import { L2_STATUSES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";
import type { Standing } from "./standing.ts";
import { StatusWrites } from "./status-writes.ts";

export type StatusParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly now: () => Instant;
  readonly statusesOf: (service: ObjectKey) => readonly SeenStatus[];
  /** The pod of this node's speaker; `undefined` while it is not known. */
  readonly owner: () => Owner | undefined;
  /** Has the Service looked at again at that time. */
  readonly lookAgain: (service: ObjectKey, when: Instant) => void;
  /** This node has begun to announce the Service. */
  readonly onBegun: (service: ObjectKey) => void;
};

/** From when this node begins to announce a Service until it ends. */
type Tenure = {
  /** The uids of what was there of the Service at the beginning. */
  readonly left: readonly string[];
  /** Whether this node's object has been there, and so the beginning told of. */
  own: "not-yet" | "told";
  /** Of the object that this node has made, as the API server answered it. */
  uid: string | undefined;
  /** Since when it is gone while another node's is there: that one has taken over, and this one will hear of it soon. */
  goneAt: Instant | undefined;
};

const NOTHING_LEFT: readonly string[] = [];
/** How long an object that another holder has removed is not made again. */
const GIVEN_WAY = seconds(5);

export class Statuses {
  readonly #parts: StatusParts;
  /** What this node announces; of these only there may be something to write that has not been sent. */
  readonly #wanted = new Map<ObjectKey, Announced>();
  readonly #tenures = new Map<ObjectKey, Tenure>();
  readonly #writes: StatusWrites<Announced>;
  #isClosing = false;

  constructor(parts: StatusParts) {
    this.#parts = parts;
    const { self, namespace, owner } = parts;
    this.#writes = new StatusWrites({
      ...{ ...parts, kind: "ServiceL2Status", resource: L2_STATUSES },
      objectOf: (service) => statusObject({ node: self, service, namespace, owner: owner() }),
      bodyOf: (announced) => statusBody(self, announced),
      onMade: (service, body) => this.#onMade(service, body),
    });
  }

  /** Services that this node has said to announce, whether or not the mirror shows it. */
  services(): Iterable<ObjectKey> {
    return this.#tenures.keys();
  }

  /** From now on nothing is waited for: there will be no other time. */
  hurry(): void {
    this.#isClosing = true;
  }

  /** This node announces so much of a Service, and other nodes may as well. */
  look(
    service: ObjectKey,
    announced: Announced | undefined,
    { mayShare, mustShare }: Pick<Extract<Standing, { type: "announced" }>, "mayShare" | "mustShare">,
  ): void {
    const { self, statusesOf } = this.#parts;
    const seen = statusesOf(service);
    const before = this.#tenures.get(service);
    if (announced === undefined) {
      this.#wanted.delete(service);
      this.#tenures.delete(service);
    } else {
      this.#wanted.set(service, announced);
      this.#serve(service, seen);
    }
    const left = this.#tenures.get(service)?.left;
    const mayStay = ({ node, labelled, uid }: SeenStatus): boolean => {
      // An object is made first, and says whose it is a moment later.
      const whose = node === "" ? labelled : node;
      return mustShare(whose) || (mayShare(whose) && left?.includes(uid) !== true);
    };
    const plan =
      announced === undefined && seen.length === 0 ? [] : planStatus(self, announced, seen, mayStay);
    this.#writes.keep(service, new Set(plan.map(({ name }) => name)));
    const given = { seen: JSON.stringify(seen), isLast: this.#isClosing };
    for (const write of plan) if (!this.#isGivingWay(service, write)) this.#writes.put(service, write, given);
    if (this.#isClosing && announced === undefined) this.#removeUnseen(service, before?.uid, seen);
  }

  /** Removes an object that this node has made and the mirror does not show yet: at the end there is no time to wait for it. */
  #removeUnseen(service: ObjectKey, uid: string | undefined, seen: readonly SeenStatus[]): void {
    const name = statusName(this.#parts.self, service);
    if (uid !== undefined && !seen.some((each) => each.name === name))
      this.#writes.send(service, { type: "delete", name, uid });
  }

  /** Keeps what is known of the time that this node announces the Service. */
  #serve(service: ObjectKey, seen: readonly SeenStatus[]): void {
    const { self, now } = this.#parts;
    const isThere = seen.some(({ name }) => name === statusName(self, service));
    const tenure: Tenure = this.#tenures.get(service) ?? {
      left: seen.length === 0 ? NOTHING_LEFT : seen.map(({ uid }) => uid),
      ...{ uid: undefined, goneAt: undefined },
      // One that is there already is of an agent before this one, which has told of it.
      own: isThere ? "told" : "not-yet",
    };
    this.#tenures.set(service, tenure);
    tenure.goneAt =
      isThere || tenure.own === "not-yet" || seen.length === 0 ? undefined : (tenure.goneAt ?? now());
  }

  /** Whether another holder has just removed what is to be made: it is looked at again in a moment. */
  #isGivingWay(service: ObjectKey, write: StatusWrite): boolean {
    const { now, lookAgain } = this.#parts;
    const goneAt = this.#tenures.get(service)?.goneAt;
    if (write.type !== "create" || goneAt === undefined) return false;
    const until = after(goneAt, GIVEN_WAY);
    if (now() < until) lookAgain(service, until);
    return now() < until;
  }

  #onMade(service: ObjectKey, body: unknown): Announced | undefined {
    const announced = this.#wanted.get(service);
    if (announced === undefined) return undefined;
    const tenure = this.#tenures.get(service);
    if (tenure?.own === "not-yet") this.#parts.onBegun(service);
    if (tenure !== undefined) {
      tenure.own = "told";
      tenure.uid = readStatus(body)?.uid;
    }
    return announced;
  }
}
