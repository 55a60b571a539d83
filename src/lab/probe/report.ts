/** What the records mean: pure arithmetic on what the probes saw. */
import { after, between, type Duration, type Instant, micros } from "#base/time";
import type { DownloadsRecord, HttpRecord, HttpRequest } from "./records.ts";

/** A stretch of time; both ends belong to it. */
export type Window = { readonly from: Instant; readonly to: Instant };

/** What clients saw of their requests. */
export type RequestReport = {
  readonly requests: number;
  readonly errors: number;
  readonly errorsByReason: Readonly<Record<string, number>>;
  readonly slowest: Duration;
  readonly byBackend: Readonly<Record<string, number>>;
};

const count = (words: readonly (string | undefined)[]): Readonly<Record<string, number>> => {
  const countByWord: Record<string, number> = {};
  for (const word of words) if (word !== undefined) countByWord[word] = (countByWord[word] ?? 0) + 1;
  return countByWord;
};

/** Sums up the requests that began in the window. */
export const reportRequests = ({ requests }: HttpRecord, { from, to }: Window): RequestReport => {
  const begun = requests.filter(({ at }) => at >= from && at <= to);
  return {
    requests: begun.length,
    errors: begun.filter(({ error }) => error !== undefined).length,
    errorsByReason: count(begun.map(({ error }) => error)),
    slowest: micros(begun.reduce((slowest, { took }) => Math.max(slowest, took), 0)),
    byBackend: count(begun.map(({ backend }) => backend)),
  };
};

/** Tells the requests that were under way in one of the windows from all others. */
export const splitRequests = (
  { requests }: HttpRecord,
  windows: readonly Window[],
): { readonly caught: readonly HttpRequest[]; readonly others: readonly HttpRequest[] } => {
  const isCaught = ({ at, took }: HttpRequest): boolean =>
    windows.some(({ from, to }) => at <= to && after(at, took) >= from);
  return {
    caught: requests.filter(isCaught),
    others: requests.filter((request) => !isCaught(request)),
  };
};

/** The longest time without an answer. */
export type Gap = { readonly length: Duration; readonly endsAt: Instant };

/** The longest gap between answers (in ascending order) in a window, whose ends count like answers. */
export const longestGap = (answers: readonly Instant[], { from, to }: Window): Gap => {
  let gap: Gap = { length: micros(0), endsAt: from };
  let last = from;
  for (const at of [...answers.filter((each) => each > from && each < to), to]) {
    if (between(last, at) > gap.length) gap = { length: between(last, at), endsAt: at };
    last = at;
  }
  return gap;
};

/**
 * How long after a fault clients were served again without a break worth mentioning: the end of the longest gap, if
 * that gap exceeds `noticeable`; 0 if there was none; `undefined` if it lasts to the end of the window.
 */
export const recoveryTime = (
  answers: readonly Instant[],
  { fault, to, noticeable }: { readonly fault: Instant; readonly to: Instant; readonly noticeable: Duration },
): Duration | undefined => {
  const gap = longestGap(answers, { from: fault, to });
  if (gap.length <= noticeable) return micros(0);
  return gap.endsAt === to ? undefined : between(fault, gap.endsAt);
};

/** How many downloads there were, and how many arrived whole. */
export const reportDownloads = ({
  downloads,
}: DownloadsRecord): { readonly all: number; readonly whole: number } => ({
  all: downloads.length,
  whole: downloads.filter(({ whole }) => whole).length,
});
