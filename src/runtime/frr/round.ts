/** One round: look, plan, enter, look again. */
import { setImmediate as turn } from "node:timers/promises";
import { planLines } from "#core/frr/plan";
import { parseRunning } from "#core/frr/running";
import { type Section, sectionOf, type Wanted } from "#core/frr/section";
import type { FrrFailure, FrrPort } from "#drivers/frr/port";

export type RoundOutcome =
  /** FRR prints what it printed when it had our part. */
  | { readonly type: "unchanged" }
  /** FRR has our part; `lines` were entered for that. `text` is what it prints. */
  | { readonly type: "settled"; readonly section: Section; readonly lines: number; readonly text: string }
  /** It has not, although it took every line. */
  | { readonly type: "unsettled"; readonly section: Section; readonly line: string }
  | { readonly type: "failed"; readonly failure: FrrFailure };

/** A password is nobody's to read. */
const shown = (line: string): string => line.trim().replace(/\b(password) .*/, "$1 ...");

/**
 * Brings FRR to what is wanted, or says why not. Whoever calls it waits for it to end before calling again. `settled` is what FRR printed
 * when it had what is wanted now. With ten thousand routes each step takes some 30 ms; between them others have their turn.
 */
export const runRound = async (frr: FrrPort, wanted: Wanted, settled?: string): Promise<RoundOutcome> => {
  const before = await frr.running();
  if (!before.ok) return { type: "failed", failure: before.failure };
  if (before.value === settled) return { type: "unchanged" };
  const running = parseRunning(before.value);
  await turn();
  const section = sectionOf(wanted, running);
  await turn();
  const lines = planLines(section.wanted, running.own);
  if (lines.length === 0) return { type: "settled", section, lines: 0, text: before.value };
  const entered = await frr.configure(lines);
  if (!entered.ok) return { type: "failed", failure: entered.failure };
  const after = await frr.running();
  if (!after.ok) return { type: "failed", failure: after.failure };
  const { own } = parseRunning(after.value);
  await turn();
  const [first] = planLines(section.wanted, own);
  return first === undefined
    ? { type: "settled", section, lines: lines.length, text: after.value }
    : { type: "unsettled", section, line: shown(first) };
};
