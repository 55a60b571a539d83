/**
 * Keeps this node's conditions on Services true: the controller's, the holder's and the prober's are written each by its own type,
 * and under the version of the Service that was seen, so that nobody's newer words are overwritten.
 *
 * Good news is written at once. That nobody answers is written when it has lasted; and what is only said more exactly, such as which
 * nodes are left out while all speakers are restarted one by one, when it has lasted for long.
 */
import { after, type Duration, type Instant, micros, seconds, type WallTime } from "#base/time";
import type { WantedCondition } from "#core/allocation/outcome";
import { hashName } from "#core/balance/name-hash";
import type { Condition } from "#core/kubernetes/condition";
import { type ObjectKey, objectKey, splitKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { Target, Write } from "#drivers/kubernetes/port";
import { SERVICES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";
import { Wishes } from "./wishes.ts";

/** What a Service should say, by type; `undefined`: it should not have this condition. */
export type Wish = {
  readonly type: string;
  readonly condition: WantedCondition | undefined;
  /**
   * `at-once`: it is certain already, however bad; `contested`: another node may say the opposite for a moment; `patient`: another
   * one is about to say more; `tidying`: it does no harm as it is, and others may still write it until all have been restarted.
   */
  readonly patience: "at-once" | "usual" | "contested" | "patient" | "tidying";
  /** How the message begins as long as it says the same but for details. */
  readonly gist: string;
};

export type ConditionParts = {
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly clock: { readonly now: () => Instant; readonly wall: () => WallTime };
  /** Has the Service looked at again at that time. */
  readonly lookAgain: (service: ObjectKey, when: Instant) => void;
  /** The Service says so now, and said `before` until now. */
  readonly onWritten: (service: Service, condition: WantedCondition, before: Condition | undefined) => void;
};

/** How long bad news must have lasted. */
const LASTING = seconds(10);
/** How long details must have lasted; and as long again, spread by name, so that not all Services are written at once. */
const DETAILS = seconds(60);
/** How long another node has for what it is about to find out: a round of its questions, and a verdict. */
const ANOTHERS = seconds(30);
/** How long who answers is left as it is said while several say that they do. */
const CONTESTED = seconds(5);
/** How long what nobody keeps true any more is left; and as long again, spread by name. */
const TIDYING = seconds(300);

const rfc3339 = (at: WallTime): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const isSaid = (before: Condition | undefined, wanted: WantedCondition | undefined): boolean =>
  before === undefined || wanted === undefined
    ? before === wanted
    : before.status === wanted.status && before.reason === wanted.reason && before.message === wanted.message;

const patienceFor = (service: ObjectKey, before: Condition | undefined, wish: Wish): Duration => {
  const { condition, patience, gist } = wish;
  const spread = (time: Duration): Duration => micros(time * (1 + hashName(service, 1) / 0x1_0000_0000));
  if (patience === "tidying") return spread(TIDYING);
  if (patience === "at-once" || condition === undefined) return seconds(0);
  if (patience === "patient") return ANOTHERS;
  const isSameGist =
    before?.status === condition.status &&
    before.reason === condition.reason &&
    before.message.startsWith(gist);
  if (isSameGist) return spread(DETAILS);
  if (condition.status !== "True") return LASTING;
  return patience === "contested" && before?.status === "True" ? CONTESTED : seconds(0);
};

const elementOf = (service: Service, { type, condition }: Wish, now: WallTime): unknown => {
  if (condition === undefined) return { $patch: "delete", type };
  const before = service.conditions.find((each) => each.type === type);
  const isSame = before?.status === condition.status && before.lastTransitionTime !== "";
  return {
    ...condition,
    lastTransitionTime: isSame ? before.lastTransitionTime : rfc3339(now),
    observedGeneration: service.meta.generation,
  };
};

const requestOf = (
  service: Service,
  wishes: readonly Wish[],
  now: WallTime,
): { readonly target: Target; readonly write: Write } => {
  const { uid, resourceVersion } = service.meta;
  const conditions = wishes.map((wish) => elementOf(service, wish, now));
  return {
    target: { resource: SERVICES, ...splitKey(objectKey(service.meta)), subresource: "status" },
    write: {
      verb: "patch",
      type: "strategic",
      body: { metadata: { uid, resourceVersion }, status: { conditions } },
    },
  };
};

const keyOf = (service: ObjectKey): string => `Service ${service}`;

export class Conditions {
  readonly #parts: ConditionParts;
  readonly #wishes = new Wishes();

  constructor(parts: ConditionParts) {
    this.#parts = parts;
  }

  /** What this node has to say of a Service; what it has nothing to say of stays as it is. */
  look(service: Service, wishes: readonly Wish[]): void {
    const now = this.#parts.clock.now();
    const key = objectKey(service.meta);
    const due = wishes.filter((wish) => this.#isDue(key, service, wish, now));
    if (due.length === 0) this.#parts.writes.drop(keyOf(key));
    else this.#put(key, service, due);
  }

  /** The Service is gone. */
  forget(service: ObjectKey, types: readonly string[]): void {
    this.#parts.writes.forget(keyOf(service));
    this.#parts.attempts.forget(keyOf(service));
    for (const type of types) this.#wishes.forget(`${service} ${type}`);
  }

  #isDue(key: ObjectKey, service: Service, wish: Wish, now: Instant): boolean {
    const { type, condition } = wish;
    const before = service.conditions.find((each) => each.type === type);
    if (isSaid(before, condition)) {
      this.#wishes.forget(`${key} ${type}`);
      return false;
    }
    const since = this.#wishes.sinceOf(`${key} ${type}`, JSON.stringify(condition ?? null), now);
    const when = after(since, patienceFor(key, before, wish));
    if (when > now) this.#parts.lookAgain(key, when);
    return when <= now;
  }

  #put(key: ObjectKey, service: Service, wishes: readonly Wish[]): void {
    const { writes, attempts, clock, lookAgain, onWritten } = this.#parts;
    const text = JSON.stringify([
      service.meta.resourceVersion,
      wishes.map(({ type, condition }) => [type, condition]),
    ]);
    const when = attempts.dueAt(keyOf(key), text, clock.now());
    if (when > clock.now()) {
      lookAgain(key, when);
      return;
    }
    attempts.sent(keyOf(key), text, clock.now());
    writes.put(keyOf(key), {
      request: () => requestOf(service, wishes, clock.wall()),
      done: ({ answer }) => {
        // Of a conflict the newer version is on its way; should it never come, it is tried again all the same.
        if (!answer.ok) lookAgain(key, attempts.dueAt(keyOf(key), text, clock.now()));
        else
          for (const { type, condition } of wishes) {
            const before = service.conditions.find((each) => each.type === type);
            if (condition !== undefined) onWritten(service, condition, before);
          }
      },
    });
  }
}
