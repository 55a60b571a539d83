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
import type { Target, Write } from "#drivers/kubernetes/port";
import { L2_STATUSES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";
import type { Standing } from "./standing.ts";

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
  readonly left: ReadonlySet<string>;
  /** Whether this node's object has been there, and so the beginning told of. */
  own: "not-yet" | "told";
  /** Of the object that this node has made, as the API server answered it. */
  uid: string | undefined;
  /** Since when it is gone while another node's is there: that one has taken over, and this one will hear of it soon. */
  goneAt: Instant | undefined;
};

const NOTHING_LEFT: ReadonlySet<string> = new Set();
/** How long an object that another holder has removed is not made again. */
const GIVEN_WAY = seconds(5);

export class Statuses {
  readonly #parts: StatusParts;
  /** What this node announces; of these only there may be something to write that has not been sent. */
  readonly #wanted = new Map<ObjectKey, Announced>();
  readonly #tenures = new Map<ObjectKey, Tenure>();
  /** Names of objects with a write that has not ended, by Service. */
  readonly #open = new Map<ObjectKey, Set<string>>();
  #isClosing = false;

  constructor(parts: StatusParts) {
    this.#parts = parts;
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
      return mustShare(whose) || (mayShare(whose) && left?.has(uid) !== true);
    };
    const plan =
      announced === undefined && seen.length === 0 ? [] : planStatus(self, announced, seen, mayStay);
    const names = new Set(plan.map(({ name }) => name));
    for (const name of [...(this.#open.get(service) ?? [])]) if (!names.has(name)) this.#drop(service, name);
    const text = JSON.stringify(seen);
    for (const write of plan) if (!this.#isGivingWay(service, write)) this.#put(service, write, text);
    if (this.#isClosing && announced === undefined) this.#removeUnseen(service, before?.uid, seen);
  }

  /** Removes an object that this node has made and the mirror does not show yet: at the end there is no time to wait for it. */
  #removeUnseen(service: ObjectKey, uid: string | undefined, seen: readonly SeenStatus[]): void {
    const name = statusName(this.#parts.self, service);
    if (uid !== undefined && !seen.some((each) => each.name === name))
      this.#send(service, { type: "delete", name, uid });
  }

  /** Keeps what is known of the time that this node announces the Service. */
  #serve(service: ObjectKey, seen: readonly SeenStatus[]): void {
    const { self, now } = this.#parts;
    const isThere = seen.some(({ name }) => name === statusName(self, service));
    const tenure: Tenure = this.#tenures.get(service) ?? {
      left: seen.length === 0 ? NOTHING_LEFT : new Set(seen.map(({ uid }) => uid)),
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

  #drop(service: ObjectKey, name: string): void {
    this.#parts.writes.drop(keyOf(name));
    this.#end(service, name);
  }

  #end(service: ObjectKey, name: string): void {
    const open = this.#open.get(service);
    open?.delete(name);
    if (open?.size === 0) this.#open.delete(service);
  }

  #put(service: ObjectKey, write: StatusWrite, seen: string): void {
    const { attempts, now, lookAgain } = this.#parts;
    const key = keyOf(write.name);
    const text = `${JSON.stringify(write)} ${seen}`;
    const due = attempts.dueAt(key, text, now());
    if (due > now() && !this.#isClosing) {
      lookAgain(service, due);
      return;
    }
    attempts.sent(key, text, now());
    this.#send(service, write);
  }

  #send(service: ObjectKey, write: StatusWrite): void {
    const { writes, attempts, now, lookAgain } = this.#parts;
    const key = keyOf(write.name);
    const open = this.#open.get(service) ?? new Set();
    this.#open.set(service, open.add(write.name));
    writes.put(key, {
      request: () => this.#requestOf(service, write),
      done: ({ answer }) => {
        this.#end(service, write.name);
        if (answer.ok && write.type === "create") this.#onMade(service, write.name, answer.body);
        // Should the mirror go on showing what it showed, it is decided anew all the same.
        else lookAgain(service, attempts.dueAt(key, "", now()));
      },
    });
  }

  #onMade(service: ObjectKey, name: string, body: unknown): void {
    const announced = this.#wanted.get(service);
    if (announced === undefined) return;
    const tenure = this.#tenures.get(service);
    if (tenure?.own === "not-yet") this.#parts.onBegun(service);
    if (tenure !== undefined) {
      tenure.own = "told";
      tenure.uid = readStatus(body)?.uid;
    }
    this.#send(service, { type: "report", name, announced });
  }

  #requestOf(service: ObjectKey, write: StatusWrite): { readonly target: Target; readonly write: Write } {
    const { self, namespace, owner } = this.#parts;
    const target: Target = { resource: L2_STATUSES, namespace };
    const { name } = write;
    switch (write.type) {
      case "create": {
        const body = statusObject({ node: self, service, namespace, owner: owner() });
        return { target, write: { verb: "create", body } };
      }
      case "report": {
        const body = { status: statusBody(self, write.announced) };
        return {
          target: { ...target, name, subresource: "status" },
          write: { verb: "patch", type: "merge", body },
        };
      }
      default:
        return { target: { ...target, name }, write: { verb: "delete", uid: write.uid } };
    }
  }
}

const keyOf = (name: string): string => `ServiceL2Status ${name}`;
