/** `weight N [reverse]`: how much something tracked counts. */
import { quoted } from "./arguments.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

/** Positive: added while it works. Negative: taken away while it has failed. 0: its failure is a fault. */
export type Weight = { readonly effect: number; readonly reverse: boolean };

/** Reads `weight N [reverse|noreverse]`; `undefined`, with a note, when it is something else. */
export const readWeight = (
  words: readonly string[],
  statement: Statement,
  report: Report,
): Weight | undefined => {
  const [keyword, number = "", direction, ...rest] = words;
  const effect = /^[+-]?\d{1,3}$/.test(number) ? Number(number) : Number.NaN;
  const understood =
    keyword === "weight" &&
    effect >= -253 &&
    effect <= 253 &&
    (direction === undefined || /^(no_?)?reverse$/.test(direction)) &&
    rest.length === 0;
  if (understood) return { effect, reverse: direction === "reverse" };
  report.lost(statement, `${quoted(words.join(" "))} is no weight in -253..253`);
  return undefined;
};
