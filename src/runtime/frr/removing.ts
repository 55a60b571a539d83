/** Taking our part out of an FRR, where no engine runs any more. */
import { setTimeout as pause } from "node:timers/promises";
import { planLines } from "#core/frr/plan";
import { parseRunning, withoutNetworks } from "#core/frr/running";
import type { FrrFailure, FrrPort } from "#drivers/frr/port";
import { runRound } from "./round.ts";

export type Removed =
  /** So many lines were entered for it. */
  { readonly ok: true; readonly lines: number } | { readonly ok: false; readonly failure: FrrFailure };

const failed = (failure: FrrFailure): Removed =>
  failure.reason === "no-shell" || failure.reason === "no-daemon"
    ? { ok: true, lines: 0 }
    : { ok: false, failure };

/** How long FRR gets to tell peers that routes are gone, in milliseconds; they might keep those of a session that just ends. */
const FAREWELL_MS = 1_000;

/** Removes exactly our part: first the routes, then the sessions. */
export const removeFromFrr = async (frr: FrrPort, farewellMs = FAREWELL_MS): Promise<Removed> => {
  const running = await frr.running();
  if (!running.ok) return failed(running.failure);
  const { own } = parseRunning(running.value);
  const withdrawal = planLines(withoutNetworks(own), own);
  if (withdrawal.length > 0) {
    const withdrawn = await frr.configure(withdrawal);
    if (!withdrawn.ok) return failed(withdrawn.failure);
    await pause(farewellMs);
  }
  const outcome = await runRound(frr, { peers: [], routes: [] });
  switch (outcome.type) {
    case "settled":
      return { ok: true, lines: withdrawal.length + outcome.lines };
    case "unchanged":
      return { ok: true, lines: withdrawal.length };
    case "unsettled":
      return { ok: false, failure: { reason: "refused", message: `still there: ${outcome.line}` } };
    default:
      return failed(outcome.failure);
  }
};
