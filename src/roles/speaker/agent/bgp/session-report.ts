/**
 * Tells the other speakers with which peers this node has a session, in an annotation of its `ConfigurationState`: one object for each node,
 * and not one for each Service, says whether what is intended is so.
 *
 * The object is made with the links of this node (`writers/link-report.ts`); until then, and where there is nothing to say, nothing is written.
 */
import type { Instant } from "#base/time";
import { stateObject } from "#core/metallb/status";
import { SESSIONS_ANNOTATION, type SpeakerReport, sessionsText } from "#core/speaker-report/report";
import { CONFIGURATION_STATES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "../writers/attempts.ts";

export type SessionReportParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly clock: { readonly now: () => Instant };
  /** What the mirror shows of this node's report. */
  readonly seen: () => SpeakerReport | undefined;
  /** Has `look` called again at that time. */
  readonly lookAgain: (when: Instant) => void;
};

export class SessionReport {
  readonly #parts: SessionReportParts;
  #peers: readonly string[] | undefined;

  constructor(parts: SessionReportParts) {
    this.#parts = parts;
  }

  /** With these there is a session. */
  set(peers: readonly string[]): void {
    this.#peers = peers;
    this.look();
  }

  /** Writes the report unless the mirror shows it already. */
  look(): void {
    const { self, namespace, writes, attempts, clock, seen, lookAgain } = this.#parts;
    const before = seen();
    if (this.#peers === undefined || before === undefined) return;
    const { name } = stateObject({ type: "speaker", node: self }, namespace).metadata;
    const key = `ConfigurationState ${name} sessions`;
    const text = sessionsText(this.#peers);
    const isSaid = text === sessionsText(before.sessions ?? []);
    if (isSaid) {
      writes.drop(key);
      return;
    }
    const attempt = `${text} ${sessionsText(before.sessions ?? [])}`;
    const due = attempts.dueAt(key, attempt, clock.now());
    if (due > clock.now()) {
      lookAgain(due);
      return;
    }
    attempts.sent(key, attempt, clock.now());
    writes.put(key, {
      request: () => ({
        target: { resource: CONFIGURATION_STATES, namespace, name },
        write: {
          verb: "patch",
          type: "merge",
          body: { metadata: { annotations: { [SESSIONS_ANNOTATION]: text } } },
        },
      }),
    });
    lookAgain(attempts.dueAt(key, attempt, clock.now()));
  }
}
