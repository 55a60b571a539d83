/** Parameter substitution: `$NAME=VALUE` lines, and `$NAME` or `${NAME}` in the lines after them. */

/** Longest text that one line may become, in characters. */
const MAX_LENGTH = 1_000_000;

/** A definition found in a line. */
export type Definition = { readonly name: string; readonly value: string };

/** The definition that a line is; `undefined` when it is none. */
export const parseDefinition = (line: string): Definition | undefined => {
  const match = /^\$([A-Za-z_][A-Za-z0-9_]*)=\s*/.exec(line);
  return match?.[1] === undefined ? undefined : { name: match[1], value: line.slice(match[0].length) };
};

/**
 * The line with every parameter in it replaced once; parameters that nobody defined stay as they are. `undefined` when
 * it would become longer than a million characters.
 */
export const substitute = (
  line: string,
  lookUp: (name: string) => string | undefined,
): string | undefined => {
  let result = "";
  let end = 0;
  // `$NAME` without braces counts only when a blank or the line's end follows.
  for (const match of line.matchAll(/\$\{([A-Za-z0-9_]+)\}|\$([A-Za-z_][A-Za-z0-9_]*)(?=\s|$)/g)) {
    const value = lookUp(match[1] ?? match[2] ?? "");
    if (value === undefined) continue;
    result += line.slice(end, match.index) + value;
    end = match.index + match[0].length;
    if (result.length > MAX_LENGTH) return undefined;
  }
  return result + line.slice(end);
};
