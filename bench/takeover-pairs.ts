/**
 * Takeovers of both programs, compared run by run: is ours slower by an amount that can be told from none? Pure.
 *
 * Counted from the active edge's last advertisement, because that is where both programs' timers start. The gap that
 * clients see is shorter by as much of the interval as had passed when the fault came, and the bench hits that moment
 * only as well as the machine lets it: on a busy one its errors are larger than what the programs differ by.
 */
import { type PairedRatio, pairedRatio } from "./paired.ts";
import type { Run } from "./takeover-report.ts";

/** With fewer runs the interval is not one of 95 %. */
const CONFIDENCE = 0.95;

const isPartner = (own: Run, other: Run): boolean =>
  other.program === "keepalived" &&
  other.mode === own.mode &&
  other.intervalMs === own.intervalMs &&
  other.share === own.share;

/**
 * Steelyard's time from the last advertisement until answers came again, by keepalived's, of each two runs that met
 * their fault at the same point; `undefined` for too few of them to tell anything.
 */
export const compareTakeovers = (runs: readonly Run[]): PairedRatio | undefined => {
  const pairs = runs
    .filter(({ program }) => program === "steelyard")
    .flatMap((own) => {
      const other = runs.find((each) => isPartner(own, each));
      return other === undefined ? [] : [{ own: own.sinceAdvertMs, other: other.sinceAdvertMs }];
    });
  const ratio = pairedRatio(
    pairs.map(({ own }) => own),
    pairs.map(({ other }) => other),
  );
  return ratio.confidence < CONFIDENCE ? undefined : ratio;
};
