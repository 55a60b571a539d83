/** Writes plain data as YAML, always the same way; what is read back by any YAML 1.1 or 1.2 reader is the same data. */

/** What can be written. */
export type YamlValue =
  | string
  | number
  | boolean
  | null
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/** Text that no reader takes for anything but text: words that are no number, no date, no yes or no. */
const PLAIN = /^(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*$/i;

const scalar = (value: string | number | boolean | null): string =>
  typeof value === "string" && PLAIN.test(value) ? value : JSON.stringify(value);

const isList = (value: YamlValue): value is readonly YamlValue[] => Array.isArray(value);

const lines = (value: YamlValue): readonly string[] => {
  if (value === null || typeof value !== "object") return [scalar(value)];
  if (isList(value)) {
    if (value.length === 0) return ["[]"];
    return value.flatMap((item) => lines(item).map((line, index) => `${index === 0 ? "- " : "  "}${line}`));
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return ["{}"];
  return entries.flatMap(([key, inner]) => {
    const [first = "", ...rest] = lines(inner);
    const isShort = inner === null || typeof inner !== "object" || first === "[]" || first === "{}";
    if (isShort) return [`${scalar(key)}: ${first}`];
    const indent = isList(inner) ? "" : "  ";
    return [`${scalar(key)}:`, ...[first, ...rest].map((line) => `${indent}${line}`)];
  });
};

/** The document, with a line break at its end. */
export const yaml = (value: YamlValue): string => `${lines(value).join("\n")}\n`;
