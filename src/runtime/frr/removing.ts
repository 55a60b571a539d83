/** Taking our part out of an FRR, where no engine runs any more. */
import type { FrrFailure, FrrPort } from "#drivers/frr/port";
import { runRound } from "./round.ts";

/** Removes exactly our part; gives how many lines that took, or why it is still there. */
export const removeFromFrr = async (
  frr: FrrPort,
): Promise<
  { readonly ok: true; readonly lines: number } | { readonly ok: false; readonly failure: FrrFailure }
> => {
  const outcome = await runRound(frr, { peers: [], routes: [] });
  switch (outcome.type) {
    case "settled":
      return { ok: true, lines: outcome.lines };
    case "unchanged":
      return { ok: true, lines: 0 };
    case "unsettled":
      return { ok: false, failure: { reason: "refused", message: `still there: ${outcome.line}` } };
    default:
      return outcome.failure.reason === "no-shell" || outcome.failure.reason === "no-daemon"
        ? { ok: true, lines: 0 }
        : { ok: false, failure: outcome.failure };
  }
};
