/** Two texts side by side: what is different between them, and how what is the same was written. */

const MOST_LINES = 3_000;

/** Lengths of the longest common rest of both lists from each pair of places on. */
const commonRests = (before: readonly string[], after: readonly string[]): readonly Uint16Array[] => {
  const rests = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const [here, below] = [rests[row], rests[row + 1]];
      if (here === undefined || below === undefined) continue;
      here[column] =
        before[row] === after[column]
          ? (below[column + 1] ?? 0) + 1
          : Math.max(below[column] ?? 0, here[column + 1] ?? 0);
    }
  }
  return rests;
};

/** Numbers of lines from 0: of both texts where they are the same, else of the one that has it. */
type Step = { readonly old: number | undefined; readonly fresh: number | undefined };

/** Walks along the longest common part; `undefined` when the texts are too long. */
const align = (before: readonly string[], after: readonly string[]): readonly Step[] | undefined => {
  if (before.length > MOST_LINES || after.length > MOST_LINES) return undefined;
  const rests = commonRests(before, after);
  const steps: Step[] = [];
  let [old, fresh] = [0, 0];
  while (old < before.length || fresh < after.length) {
    const isSame = old < before.length && fresh < after.length && before[old] === after[fresh];
    const isGone =
      fresh >= after.length ||
      (old < before.length && (rests[old + 1]?.[fresh] ?? 0) >= (rests[old]?.[fresh + 1] ?? 0));
    steps.push({ old: isSame || isGone ? old : undefined, fresh: isSame || !isGone ? fresh : undefined });
    if (isSame || isGone) old += 1;
    if (isSame || !isGone) fresh += 1;
  }
  return steps;
};

/** Keys whose values nobody is shown; `datastore-endpoint` often holds a password. */
const SECRET =
  /^(\s*-?\s*["']?[\w-]*(?:token|secret|password|key|datastore-endpoint)[\w-]*["']?\s*:\s*).*\S.*$/i;

const withoutSecret = (line: string): string => line.replace(SECRET, "$1…");

/** Lines that go (`-`) and come (`+`), each with its number in the text that it is in; without the secrets that stand in such files. */
export const differenceOf = (before: string, after: string): readonly string[] => {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  const steps = align(old, fresh);
  if (steps === undefined) return ["(too long to be compared)"];
  const show = (sign: string, line: string | undefined, index: number): string =>
    `${sign} ${String(index + 1).padStart(4)}  ${withoutSecret(line ?? "")}`;
  return steps.flatMap((step) => {
    if (step.old !== undefined && step.fresh !== undefined) return [];
    if (step.old !== undefined) return [show("-", old[step.old], step.old)];
    return step.fresh === undefined ? [] : [show("+", fresh[step.fresh], step.fresh)];
  });
};

/**
 * A text in which lines that differ from the earlier one in blanks only are written as they were, and empty lines that were
 * there still are. It may mean something else where blanks count: compare what it means.
 */
export const keepSpacing = (before: string, after: string): string => {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  const bare = (line: string): string => line.replaceAll(/\s+/g, "");
  const steps = align(old.map(bare), fresh.map(bare));
  if (steps === undefined) return after;
  const lines = steps.flatMap((step) => {
    if (step.old === undefined) return step.fresh === undefined ? [] : [fresh[step.fresh] ?? ""];
    const line = old[step.old] ?? "";
    return step.fresh !== undefined || bare(line) === "" ? [line] : [];
  });
  return lines.join("\n");
};
