/** Configuration of FRR as it is written: lines, and the lines below them, in order. */

/** Lines by their text, each with what is below it. */
export type Tree = ReadonlyMap<string, Tree>;

/** A tree that is being made. */
export type Growing = Map<string, Growing>;

export const EMPTY: Tree = new Map();

/** What is below a line, which is added if it is not there. */
export const below = (tree: Growing, line: string): Growing => {
  const found = tree.get(line);
  if (found !== undefined) return found;
  const grown: Growing = new Map();
  tree.set(line, grown);
  return grown;
};

/** Adds lines that have nothing below them. */
export const addLines = (tree: Growing, lines: readonly string[]): void => {
  for (const line of lines) below(tree, line);
};

/** Lines that end a block or mean nothing. */
const ENDINGS = /^(?:!.*|exit(?:-\S+)?|end|Building configuration\.\.\.|Current configuration:)?$/;

/** Deeper than this nothing of FRR's is. */
const DEEPEST = 8;

/**
 * Reads what `show running-config` prints: a line belongs to the one above it that is less indented. Never throws; what is
 * deeper than anything of FRR's is taken for less deep.
 */
export const parseTree = (text: string): Tree => {
  const root: Growing = new Map();
  const open: { readonly indent: number; readonly tree: Growing }[] = [{ indent: -1, tree: root }];
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    const words = line.trimStart();
    if (ENDINGS.test(words)) continue;
    const indent = line.length - words.length;
    while (open.length > 1 && (open.at(-1)?.indent ?? 0) >= indent) open.pop();
    const tree = below(open.at(-1)?.tree ?? root, words);
    if (open.length < DEEPEST) open.push({ indent, tree });
  }
  return root;
};
