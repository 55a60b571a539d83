/** Comments and continued lines: from the text of a file to the lines that mean something. */

/** A line without its comment, and the number of its first physical line, from 1. */
export type BareLine = {
  readonly line: number;
  /** The parts of a line that was continued with a backslash; mostly one. */
  readonly parts: readonly string[];
};

/** A physical line without indentation and comment, and whether it goes on in the next one. */
const strip = (line: string): { readonly text: string; readonly continued: boolean } => {
  let quoted = false;
  for (let index = 0; index < line.length; index += 1) {
    const character = line.charAt(index);
    if (character === "\\") {
      if (line.slice(index + 1).trim() === "") return { text: line.slice(0, index).trim(), continued: true };
      index += 1;
    } else if (character === '"') {
      quoted = !quoted;
    } else if (!quoted && (character === "#" || character === "!")) {
      return { text: line.slice(0, index).trim(), continued: false };
    }
  }
  return { text: line.trim(), continued: false };
};

/** The lines of a file that hold something, continued ones put together. */
export const bareLines = (text: string): readonly BareLine[] => {
  const lines: BareLine[] = [];
  let open: { readonly line: number; readonly parts: string[] } | undefined;
  for (const [index, physical] of text.split(/\r?\n/).entries()) {
    const { text: bare, continued } = strip(physical);
    const group = open ?? { line: index + 1, parts: [] };
    group.parts.push(bare);
    open = continued ? group : undefined;
    if (!continued && group.parts.some((part) => part !== "")) lines.push(group);
  }
  return open === undefined ? lines : [...lines, open];
};
