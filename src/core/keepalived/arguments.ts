/** Reads the arguments of statements; what cannot be read is noted and gives `undefined`. */
import { type IpAddress, parseAddress } from "#base/address";
import { type Duration, micros, seconds } from "#base/time";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

/** An argument as it may appear in a note. */
export const quoted = (text: string | undefined): string => {
  if (text === undefined) return "nothing";
  const shown = JSON.stringify(text);
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
};

/** The first argument. */
export const wordOf = (statement: Statement, report: Report): string | undefined => {
  const [word] = statement.args;
  if (word === undefined || word === "") report.lost(statement, "has no value");
  return word === "" ? undefined : word;
};

/** The first argument as a whole number within inclusive bounds. */
export const integerOf = (
  statement: Statement,
  { min, max }: { readonly min: number; readonly max: number },
  report: Report,
): number | undefined => {
  const [word = ""] = statement.args;
  const value = /^[+-]?\d{1,10}$/.test(word) ? Number(word) : Number.NaN;
  if (value >= min && value <= max) return value;
  report.lost(statement, `${quoted(statement.args[0])} is no whole number in ${min}..${max}`);
  return undefined;
};

const parseSeconds = (text: string): Duration | undefined => {
  if (!/^\d{1,9}(\.\d{0,9})?$|^\.\d{1,9}$/.test(text)) return undefined;
  return micros(Number(text) * seconds(1));
};

/** The first argument, in seconds. */
export const secondsOf = (statement: Statement, report: Report): Duration | undefined => {
  const duration = parseSeconds(statement.args[0] ?? "");
  if (duration === undefined) report.lost(statement, `${quoted(statement.args[0])} is no time in seconds`);
  return duration;
};

/** The first argument as an address. */
export const addressOf = (statement: Statement, report: Report): IpAddress | undefined => {
  const address = parseAddress(statement.args[0] ?? "");
  if (address === undefined) report.lost(statement, `${quoted(statement.args[0])} is no address`);
  return address;
};

const YES = new Set(["on", "true", "yes"]);
const NO = new Set(["off", "false", "no"]);

/** The first argument as yes or no; without one, yes. */
export const flagOf = (statement: Statement, report: Report): boolean | undefined => {
  const [word] = statement.args;
  if (word === undefined || YES.has(word)) return true;
  if (NO.has(word)) return false;
  report.lost(statement, `${quoted(word)} is neither on nor off`);
  return undefined;
};

/** A duration as our configuration spells it, without loss: `3s`, `250ms`, `1.5ms`. */
export const spell = (duration: Duration): string =>
  duration % seconds(1) === 0 ? `${duration / seconds(1)}s` : `${duration / 1_000}ms`;

/** The duration moved into inclusive bounds. */
export const clamp = (
  duration: Duration,
  { min, max }: { readonly min: Duration; readonly max: Duration },
): Duration => micros(Math.min(max, Math.max(min, duration)));
