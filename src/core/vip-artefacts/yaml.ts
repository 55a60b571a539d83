/** Writes values as YAML, in blocks: the little of it that resources need. */

/** Words that mean themselves without quotes: no numbers, booleans, times, nor anything with punctuation that YAML reads. */
const PLAIN =
  /^(?!(?:true|false|null|yes|no|on|off|y|n)$)(?:--)?[A-Za-z/](?:[A-Za-z0-9/._:-]*[A-Za-z0-9/._-])?$/i;

/** A number as it is to be written, such as a mode in octal. */
export class Verbatim {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** One value on its line. JSON's texts are YAML's. */
const scalar = (value: unknown): string => {
  if (value instanceof Verbatim) return value.text;
  if (typeof value === "string") return PLAIN.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "null";
};

const isBlock = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  !(value instanceof Verbatim) &&
  Object.keys(value).length > 0;

const indented = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => (line === "" ? "" : `  ${line}`));

/** Ends with one line break, and begins with something. */
const isLong = (value: unknown): value is string =>
  typeof value === "string" && /^\S[\s\S]*\n[\s\S]*[^\n]\n$/.test(value);

const entryLines = (head: string, value: unknown): readonly string[] => {
  // A text of several lines is a block, which keeps them readable.
  if (isLong(value)) return [`${head} |`, ...indented(value.slice(0, -1).split("\n"))];
  return isBlock(value) ? [head, ...indented(blockLines(value))] : [`${head} ${scalar(value)}`];
};

const itemLines = (item: unknown): readonly string[] => {
  if (!isBlock(item)) return [`- ${scalar(item)}`];
  if (Array.isArray(item) && !item.some(isBlock)) return [`- [${item.map(scalar).join(", ")}]`];
  const [first = "", ...rest] = blockLines(item);
  return [`- ${first}`, ...indented(rest)];
};

const blockLines = (value: object): readonly string[] =>
  Array.isArray(value)
    ? value.flatMap(itemLines)
    : Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .flatMap(([key, each]) => entryLines(`${scalar(key)}:`, each));

/** A whole document. */
export const yaml = (value: object): string => `${blockLines(value).join("\n")}\n`;
