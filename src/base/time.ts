/**
 * Time as the machines see it: whole microseconds.
 *
 * `Instant` counts from an arbitrary monotonic origin, so it never jumps with the wall clock.
 * `WallTime` is for people and logs only; no decision may depend on it.
 */
declare const durationBrand: unique symbol;
declare const instantBrand: unique symbol;
declare const wallTimeBrand: unique symbol;

/** A span of time in microseconds; may be negative. */
export type Duration = number & { readonly [durationBrand]: true };
/** A point on the monotonic clock, in microseconds since an arbitrary origin. */
export type Instant = number & { readonly [instantBrand]: true };
/** Milliseconds since 1970-01-01T00:00Z, for display and logs. */
export type WallTime = number & { readonly [wallTimeBrand]: true };

/** A duration of `n` microseconds, rounded to a whole number. */
export const micros = (n: number): Duration => Math.round(n) as Duration;
/** A duration of `n` milliseconds. */
export const millis = (n: number): Duration => micros(n * 1_000);
/** A duration of `n` seconds. */
export const seconds = (n: number): Duration => micros(n * 1_000_000);

/** The instant `n` microseconds after the clock's origin. */
export const instant = (n: number): Instant => Math.round(n) as Instant;
/** The wall time `n` milliseconds after the Unix epoch. */
export const wallTime = (n: number): WallTime => Math.round(n) as WallTime;

/** The instant that lies `duration` after `start`. */
export const after = (start: Instant, duration: Duration): Instant => (start + duration) as Instant;
/** How long it is from `start` to `end`; negative when `end` lies before `start`. */
export const between = (start: Instant, end: Instant): Duration => (end - start) as Duration;
/** The earliest of several deadlines; `undefined` means "never". */
export const earliest = (...instants: readonly (Instant | undefined)[]): Instant | undefined => {
  let best: Instant | undefined;
  for (const candidate of instants) {
    if (candidate !== undefined && (best === undefined || candidate < best)) best = candidate;
  }
  return best;
};

/** Milliseconds, possibly fractional, for APIs that want them. */
export const toMillis = (duration: Duration): number => duration / 1_000;

const UNITS = [
  { suffix: "h", size: 3_600_000_000 },
  { suffix: "m", size: 60_000_000 },
  { suffix: "s", size: 1_000_000 },
  { suffix: "ms", size: 1_000 },
  { suffix: "us", size: 1 },
] as const;

/** Text such as `200ms`, `1.5s` or `2m`: the largest unit that needs at most three decimals. */
export const formatDuration = (duration: Duration): string => {
  const sign = duration < 0 ? "-" : "";
  const size = Math.abs(duration);
  const unit = UNITS.find((candidate) => size >= candidate.size) ?? { suffix: "s", size: 1_000_000 };
  return `${sign}${Number((size / unit.size).toFixed(3))}${unit.suffix}`;
};

const DURATION_TEXT = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/;

/** Reads one number and one unit (`us`, `ms`, `s`, `m`, `h`), such as `200ms`; `undefined` if it is not a duration. */
export const parseDuration = (text: string): Duration | undefined => {
  const match = DURATION_TEXT.exec(text);
  if (match === null) return undefined;
  const unit = UNITS.find((candidate) => candidate.suffix === match[2]);
  if (unit === undefined) return undefined;
  const value = Number(match[1]) * unit.size;
  return Number.isSafeInteger(Math.round(value)) ? micros(value) : undefined;
};
