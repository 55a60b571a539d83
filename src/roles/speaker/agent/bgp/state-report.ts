/**
 * Keeps the status of this node's `ConfigurationState` true, as MetalLB's speakers do: whether this node can use the configuration, and why
 * not. A peer that is refused here, though the resources are right by themselves, is told there as well.
 *
 * The object is made with the links of this node (`writers/link-report.ts`); until then nothing is written.
 */
import type { Instant, WallTime } from "#base/time";
import { stateObject } from "#core/metallb/status";
import { CONFIGURATION_STATES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "../writers/attempts.ts";

export type StateReportParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly clock: { readonly now: () => Instant; readonly wall: () => WallTime };
  /** Whether the object is there. */
  readonly isThere: () => boolean;
  /** Has `look` called again at that time. */
  readonly lookAgain: (when: Instant) => void;
};

/** The API's limit is 32,768; nobody reads that much. */
const LONGEST = 4_096;
const TYPE = "configReconcilerValid";

const rfc3339 = (at: WallTime): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

export class StateReport {
  readonly #parts: StateReportParts;
  #problems: readonly string[] | undefined;
  /** What was written last, and when its verdict became what it is. */
  #written: { readonly text: string } | undefined;
  #verdict: { readonly isValid: boolean; readonly since: string } | undefined;

  constructor(parts: StateReportParts) {
    this.#parts = parts;
  }

  /** These keep something of the configuration out of force here; none: all of it is in force. */
  set(problems: readonly string[]): void {
    this.#problems = problems;
    this.look();
  }

  /** Writes what is true, unless that was written last. */
  look(): void {
    const { self, namespace, writes, attempts, clock, isThere, lookAgain } = this.#parts;
    if (this.#problems === undefined || !isThere()) return;
    const summary = this.#problems.join("\n").slice(0, LONGEST);
    if (this.#written?.text === summary) return;
    const { name } = stateObject({ type: "speaker", node: self }, namespace).metadata;
    const key = `ConfigurationState ${name} status`;
    const due = attempts.dueAt(key, summary, clock.now());
    if (due > clock.now()) {
      lookAgain(due);
      return;
    }
    attempts.sent(key, summary, clock.now());
    writes.put(key, {
      request: () => ({
        target: { resource: CONFIGURATION_STATES, namespace, name, subresource: "status" },
        write: { verb: "patch", type: "merge", body: { status: this.#statusOf(summary) } },
      }),
      done: ({ answer }) => {
        if (answer.ok) this.#written = { text: summary };
        else lookAgain(attempts.dueAt(key, summary, clock.now()));
      },
    });
  }

  #statusOf(summary: string): Readonly<Record<string, unknown>> {
    const isValid = summary === "";
    if (this.#verdict?.isValid !== isValid)
      this.#verdict = { isValid, since: rfc3339(this.#parts.clock.wall()) };
    const errorSummary = isValid ? "" : `configuration error: ${summary}`;
    return {
      result: isValid ? "Valid" : "Invalid",
      errorSummary,
      conditions: [
        {
          type: TYPE,
          status: isValid ? "True" : "False",
          reason: isValid ? "Reconciled" : "ConfigurationError",
          message: errorSummary,
          lastTransitionTime: this.#verdict.since,
        },
      ],
    };
  }
}
