/**
 * The building blocks of every kind's schema.
 *
 * Each block carries its description for the generated reference, and says what is wrong in our own words: a
 * message is `what is wrong`, a line break, `what to write instead`.
 */
import * as v from "valibot";
import { type IpAddress, parseAddress } from "#base/address";
import { type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import { type Duration, formatDuration, micros, parseDuration, seconds } from "#base/time";
import { type PortRange, parsePorts } from "#core/balance/ports";
import { nearest } from "./nearest.ts";
import { show } from "./problem.ts";

type Issue = { readonly input: unknown };

const wrongType =
  (wanted: string, hint: string) =>
  ({ input }: Issue): string =>
    input === null || input === undefined
      ? `has no value\n${hint === "" ? "Give one, or remove the line." : hint}`
      : `${show(input)} is not ${wanted}\n${hint}`;

const plainText = (hint = "") =>
  v.string((issue) =>
    typeof issue.input === "number" || typeof issue.input === "boolean"
      ? `${issue.input} is a ${typeof issue.input === "number" ? "number" : "yes-or-no value"}, not text\n${hint === "" ? `Put it in quotes: "${issue.input}".` : hint}`
      : wrongType("text", hint)(issue),
  );

/** Turns text into a value, or says why it is none. */
const parsed = <Value>(
  description: string,
  format: string,
  hint: string,
  what: string,
  read: (text: string) => Value | undefined,
  typed = plainText(hint),
) =>
  v.pipe(
    typed,
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: `${show(dataset.value)} is not ${what}\n${hint}` });
      return NEVER;
    }),
    v.metadata({ format }),
    v.description(description),
  );

/** Text that matches a pattern; `rule` finishes the sentence "use ...". */
export const text = (
  description: string,
  {
    pattern,
    rule,
    format = "text",
  }: { readonly pattern: RegExp; readonly rule: string; readonly format?: string },
) =>
  v.pipe(
    plainText(),
    v.regex(pattern, ({ input }) => `${show(input)} is not accepted here\nUse ${rule}.`),
    v.metadata({ format }),
    v.description(description),
  );

/** A whole number within inclusive bounds. */
export const integer = (
  description: string,
  {
    min,
    max,
    hint = `Use ${min}..${max}.`,
  }: { readonly min: number; readonly max: number; readonly hint?: string },
) =>
  v.pipe(
    v.number((issue) =>
      typeof issue.input === "string" && /^-?\d+$/.test(issue.input)
        ? `${show(issue.input)} is text, not a number\nWrite it without quotes: ${issue.input}.`
        : wrongType("a whole number", hint)(issue),
    ),
    v.integer(({ input }) => `${input} is not a whole number\n${hint}`),
    v.minValue(min, ({ input }) => `${input} is below ${min}\n${hint}`),
    v.maxValue(max, ({ input }) => `${input} is above ${max}\n${hint}`),
    v.metadata({ format: `${min}..${max}` }),
    v.description(description),
  );

const PORTS_HINT = "Write a port such as 80, a range such as 8000-8099 within 1..65535, or all.";

/** One port, a range of ports, or all. */
export const ports = (description: string) =>
  v.pipe(
    v.union([v.number(), v.string()], wrongType("a port, a range of ports or all", PORTS_HINT)),
    v.rawTransform<number | string, PortRange>(({ dataset, addIssue, NEVER }) => {
      const range = parsePorts(String(dataset.value));
      if (range !== undefined) return range;
      addIssue({ message: `${show(dataset.value)} is not a port, a range of ports or all\n${PORTS_HINT}` });
      return NEVER;
    }),
    v.metadata({ format: "port, range or `all`" }),
    v.description(description),
  );

/** `true` or `false`. */
export const flag = (description: string) =>
  v.pipe(
    v.boolean(wrongType("true or false", "Write true or false, without quotes.")),
    v.description(description),
  );

const wrongWord = (word: string, words: readonly string[]): string => {
  const near = nearest(word, words);
  return near === undefined
    ? `${show(word)} is not known here\nUse one of ${words.join(", ")}.`
    : `${show(word)} is none of ${words.join(", ")}\nDid you mean ${near}?`;
};

/** One word of a closed list. */
export const oneOf = <const Words extends readonly string[]>(description: string, words: Words) =>
  v.pipe(
    v.picklist(words, ({ input }) =>
      typeof input === "string"
        ? wrongWord(input, words)
        : wrongType("text", `Use one of ${words.join(", ")}.`)({ input }),
    ),
    v.description(description),
  );

/** As an operator would write it: `255s` rather than `4.25m`. */
const spelt = (span: number): string =>
  span > seconds(60) && span % seconds(60) !== 0 ? `${span / seconds(1)}s` : formatDuration(micros(span));

const DURATION_HINT = "Write a number and a unit: 200ms, 1.5s, 2m.";

const unitText = v.string((issue) =>
  typeof issue.input === "number"
    ? `${issue.input} has no unit\n${DURATION_HINT}`
    : wrongType("a duration", DURATION_HINT)(issue),
);

/** A time span as text with a unit, within inclusive bounds. */
export const duration = (
  description: string,
  { min, max }: { readonly min: Duration; readonly max: Duration },
) => {
  const range = `${spelt(min)}..${spelt(max)}`;
  return v.pipe(
    parsed("", "", DURATION_HINT, "a duration", parseDuration, unitText),
    v.minValue(min, ({ input }) => `${spelt(input)} is below ${spelt(min)}\nUse ${range}.`),
    v.maxValue(max, ({ input }) => `${spelt(input)} is above ${spelt(max)}\nUse ${range}.`),
    v.metadata({ format: `duration ${range}` }),
    v.description(description),
  );
};

/** An IPv4 or IPv6 address without a prefix length. */
export const address = (description: string) =>
  parsed<IpAddress>(
    description,
    "address",
    "Write an IPv4 or IPv6 address without a prefix length: 192.0.2.10 or 2001:db8::10.",
    "an address",
    parseAddress,
  );

/** An address with a prefix length; without one the whole address counts. */
export const interfaceAddress = (description: string) =>
  parsed<InterfaceAddress>(
    description,
    "address/length",
    "Write it as ADDRESS/LENGTH: 192.0.2.10/24 or 2001:db8::10/64.",
    "an address with a prefix length",
    parseInterfaceAddress,
  );

/** A list with inclusive bounds on its length. */
export const list = <const Item extends v.GenericSchema>(
  description: string,
  item: Item,
  { min = 0, max }: { readonly min?: number; readonly max: number },
) =>
  v.pipe(
    v.array(item, (issue) =>
      typeof issue.input === "string" && /^-\S/.test(issue.input)
        ? `${show(issue.input)} is not a list\nPut a space after each dash.`
        : wrongType("a list", "Start each entry on its own line with a dash, or write [a, b].")(issue),
    ),
    v.minLength(min, ({ input }) => `has ${input.length} entries\nGive at least ${min}.`),
    v.maxLength(max, ({ input }) => `has ${input.length} entries, more than ${max}\nGive at most ${max}.`),
    v.description(description),
  );

/** A section with a closed set of keys. Unknown keys are found by `unknownKeys`, all of them at once. */
export const section = <const Entries extends v.ObjectEntries>(description: string, entries: Entries) =>
  v.pipe(
    v.object(entries, (issue) =>
      issue.path === undefined
        ? wrongType("a section with keys", `It may have: ${Object.keys(entries).join(", ")}.`)(issue)
        : "is missing\nIt has no default: give a value.",
    ),
    v.description(description),
  );

/** Free text under free keys, as Kubernetes' labels. */
export const textMap = (description: string) =>
  v.pipe(v.record(v.string(), plainText(), wrongType("a section with keys", "")), v.description(description));

/** A Kubernetes object name (RFC 1123 label). */
export const objectName = (description: string) =>
  text(description, {
    pattern: /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/,
    rule: "1 to 63 lower-case letters, digits and dashes, with a letter or digit at both ends",
    format: "name",
  });

/** A Linux network interface's name. */
export const interfaceName = (description: string) =>
  text(description, {
    // A quote or a control character would end the name in what other programs are given to read.
    pattern: /^(?!\.{1,2}$)[^\s/:"\\\p{Cc}]{1,15}$/u,
    rule: "an interface's name as `ip link` shows it: at most 15 characters, no space, slash, colon or quote",
    format: "interface",
  });
