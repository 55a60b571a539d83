/**
 * Golden exchanges: questions and answers in one file, each a hex dump after a `#` line that begins with its name.
 *
 * ```
 * # Question: what it asks.
 * 0000  24 00 00 00 ...
 *
 * # Answer: what came back.
 * 0000  24 00 00 00 ...
 * ```
 */
import { readFileSync } from "node:fs";
import { parseHexDump } from "./golden.ts";

/** One dump of an exchange. */
export type Dump = { readonly name: string; readonly bytes: Uint8Array };

const NAME = /^# (\w+)/m;

/** Reads every dump of an exchange in order; blank lines separate them. */
export const readExchange = (file: URL): readonly Dump[] =>
  readFileSync(file, "utf8")
    .split("\n\n")
    .filter((text) => /^0000 /m.test(text))
    .map((text) => ({ name: NAME.exec(text)?.[1] ?? "", bytes: parseHexDump(text) }));

/** The text of one dump, 16 bytes a line. */
export const formatDump = (title: string, bytes: Uint8Array): string => {
  const lines = [`# ${title}`];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const hex = Array.from(bytes.subarray(offset, offset + 16), (byte) => byte.toString(16).padStart(2, "0"));
    lines.push(`${offset.toString(16).padStart(4, "0")}  ${hex.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
};
