/** What follows from a call, for each Service once, and without repeating what was asked for already. */
import type { Decision } from "#core/ipam/decide";
import type { ObjectKey } from "#core/kubernetes/meta";
import { type Entry, noteFlight } from "./entry.ts";
import type { Outcome, ServiceEvent } from "./outcome.ts";
import { sameWrite, type Wanted, writeFor } from "./wanted.ts";

/** Why a decision is made: the Service was observed, or something else changed. */
export type Cause = "observed" | "again";

/** What was decided about a Service, and what is to be said about it. */
type News = {
  /** `undefined` for a Service that is not ours any more. */
  readonly decision: Decision | undefined;
  readonly events: readonly ServiceEvent[];
  readonly cause: Cause;
};

export class Outbox {
  /** In the order of the last decision about each. */
  #outcomes = new Map<ObjectKey, Outcome>();

  /** Posts how a Service should look, if that is news. */
  post(entry: Entry, wanted: Wanted, { decision, events, cause }: News): void {
    const { key, service, asked } = entry;
    const { uid, resourceVersion } = service.meta;
    const write = writeFor(service, wanted);
    const open = asked?.resourceVersion === resourceVersion ? asked.write : undefined;
    entry.asked = write === undefined ? undefined : { resourceVersion, write };
    // A write that was asked for and may not have been sent yet is repeated only when the Service was observed anew. When
    // nothing is to be written any more, that is said, so that it is not sent.
    const isNews = open === undefined ? write !== undefined : !sameWrite(open, write) || cause === "observed";
    const before = this.#outcomes.get(key);
    if (!isNews && events.length === 0 && before === undefined) return;
    const all = before === undefined ? events : [...before.events, ...events];
    this.#outcomes.delete(key);
    this.#outcomes.set(key, { key, uid, resourceVersion, decision, write, events: all });
    if (write?.isIngressChanged) noteFlight(entry, wanted.addresses);
  }

  /** Hands over everything. */
  empty(): readonly Outcome[] {
    const outcomes = [...this.#outcomes.values()];
    if (outcomes.length > 0) this.#outcomes = new Map();
    return outcomes;
  }
}
