/** Spans of time as Go and therefore Kubernetes spell them: `1h15m30.5s`. */
import { type Duration, micros } from "#base/time";

/** Microseconds in a unit. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ["ns", 0.001],
  ["us", 1],
  ["µs", 1],
  ["μs", 1],
  ["ms", 1_000],
  ["s", 1_000_000],
  ["m", 60_000_000],
  ["h", 3_600_000_000],
]);

// The second sign of micro is spelt: one character beyond Latin 1 doubles what V8 keeps of the text of a whole bundle.
const WHOLE = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|\u03bcs|ms|s|m|h))+$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|\u03bcs|ms|s|m|h)/g;

/** About 285 years: what a number of microseconds holds exactly. Go's own limit is 292. */
const LONGEST = Number.MAX_SAFE_INTEGER;
/** Longer text is no duration that anybody means. */
const LONGEST_TEXT = 64;

/** Reads a duration that is not negative, to the microsecond; `undefined` if the text is none. */
export const parseGoDuration = (text: string): Duration | undefined => {
  if (text.length > LONGEST_TEXT) return undefined;
  if (text === "0" || text === "+0") return micros(0);
  if (!WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, count = "", unit = ""] of text.matchAll(PART))
    total += Number(count) * (UNITS.get(unit) ?? 0);
  return total > LONGEST ? undefined : micros(total);
};
