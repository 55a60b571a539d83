/** One round: look, plan, enter, look again. */
import { planLines } from "#core/frr/plan";
import { parseRunning } from "#core/frr/running";
import { type Section, sectionOf, type Wanted } from "#core/frr/section";
import type { FrrFailure, FrrPort } from "#drivers/frr/port";

export type RoundOutcome =
  /** FRR has our part; `lines` were entered for that. */
  | { readonly type: "settled"; readonly section: Section; readonly lines: number }
  /** It has not, although it took every line. */
  | { readonly type: "unsettled"; readonly section: Section; readonly line: string }
  | { readonly type: "failed"; readonly failure: FrrFailure };

/** A password is nobody's to read. */
const shown = (line: string): string => line.trim().replace(/\b(password) .*/, "$1 ...");

/** Brings FRR to what is wanted, or says why not. Whoever calls it waits for it to end before calling again. */
export const runRound = async (frr: FrrPort, wanted: Wanted): Promise<RoundOutcome> => {
  const before = await frr.running();
  if (!before.ok) return { type: "failed", failure: before.failure };
  const running = parseRunning(before.value);
  const section = sectionOf(wanted, running);
  const lines = planLines(section.wanted, running.own);
  if (lines.length === 0) return { type: "settled", section, lines: 0 };
  const entered = await frr.configure(lines);
  if (!entered.ok) return { type: "failed", failure: entered.failure };
  const after = await frr.running();
  if (!after.ok) return { type: "failed", failure: after.failure };
  const [first] = planLines(section.wanted, parseRunning(after.value).own);
  return first === undefined
    ? { type: "settled", section, lines: lines.length }
    : { type: "unsettled", section, line: shown(first) };
};
