/**
 * Keeps the status of this node's `ConfigurationState` true, as MetalLB's speakers do: whether this node can use the configuration, and why
 * not. A peer that is refused here, though the resources are right by themselves, is told there as well.
 *
 * The object is made with the links of this node (`writers/link-report.ts`); until then nothing is written.
 */
import type { Instant, WallTime } from "#base/time";
import { stateObject } from "#core/metallb/status";
import { type SaidVerdict, SPEAKER_VERDICT } from "#core/speaker-report/verdict";
import { CONFIGURATION_STATES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "../writers/attempts.ts";

export type StateReportParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly clock: { readonly now: () => Instant; readonly wall: () => WallTime };
  /** What the mirror shows; `undefined` while the object is not there. */
  readonly seen: () => SaidVerdict | undefined;
  /** Has `look` called again at that time. */
  readonly lookAgain: (when: Instant) => void;
};

/** The API's limit is 32,768; nobody reads that much. */
const LONGEST = 4_096;
const rfc3339 = (at: WallTime): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const statusOf = ({ result, errorSummary, since }: SaidVerdict): Readonly<Record<string, unknown>> => ({
  result,
  errorSummary,
  conditions: [
    {
      type: SPEAKER_VERDICT,
      status: result === "Valid" ? "True" : "False",
      reason: result === "Valid" ? "Reconciled" : "ConfigurationError",
      message: errorSummary,
      lastTransitionTime: since,
    },
  ],
});

export class StateReport {
  readonly #parts: StateReportParts;
  #problems: readonly string[] | undefined;

  constructor(parts: StateReportParts) {
    this.#parts = parts;
  }

  /** These keep something of the configuration out of force here; none: all of it is in force. */
  set(problems: readonly string[]): void {
    this.#problems = problems;
    this.look();
  }

  /** Writes what is true, unless the mirror shows that already. */
  look(): void {
    const { self, namespace, writes, attempts, clock, seen, lookAgain } = this.#parts;
    const before = seen();
    if (this.#problems === undefined || before === undefined) return;
    const { name } = stateObject({ type: "speaker", node: self }, namespace).metadata;
    const key = `ConfigurationState ${name} status`;
    const result = this.#problems.length === 0 ? "Valid" : "Invalid";
    const told = this.#problems.join("\n");
    const errorSummary = told === "" ? "" : `configuration error: ${told}`.slice(0, LONGEST);
    if (before.result === result && before.errorSummary === errorSummary) {
      writes.drop(key);
      return;
    }
    const text = `${result} ${errorSummary} ${before.result} ${before.errorSummary}`;
    const due = attempts.dueAt(key, text, clock.now());
    if (due > clock.now()) {
      lookAgain(due);
      return;
    }
    attempts.sent(key, text, clock.now());
    const isSame = before.result === result && before.since !== "";
    const since = isSame ? before.since : rfc3339(clock.wall());
    writes.put(key, {
      request: () => ({
        target: { resource: CONFIGURATION_STATES, namespace, name, subresource: "status" },
        write: {
          verb: "patch",
          type: "merge",
          body: { status: statusOf({ result, errorSummary, since }) },
        },
      }),
    });
    lookAgain(attempts.dueAt(key, text, clock.now()));
  }
}
