/** Whether what was promised was kept: pure, from what was done and what was seen. */
import type { Download, HttpRequest } from "#lab/probe/records";
import { describeFault, type Step, separates } from "./plan.ts";
import { growth, type Weight } from "./weigh.ts";

/** A step as it happened; times are milliseconds since 1970. */
export type Played = Step & {
  readonly from: number;
  /** When the fault had ended, and whoever it stopped was running again. */
  readonly to: number;
  /** When one edge alone held the address again; `undefined` if that took longer than `SETTLED_WITHIN`. */
  readonly settled: number | undefined;
};

export type Seen = {
  readonly played: readonly Played[];
  /** Stretches of time in which both edges held the address. */
  readonly overlaps: readonly Stretch[];
  /** Stretches of time in which a datagram through the address got no answer, longer than `GAP_BOUND`. */
  readonly gaps: readonly Stretch[];
  /** Requests and downloads in `dsr`; `at` and `took` are converted to milliseconds since 1970. */
  readonly requests: readonly (Pick<HttpRequest, "error"> & Stretch)[];
  readonly downloads: readonly (Pick<Download, "whole" | "backend" | "error"> & Stretch)[];
  /** What each edge took of its machine after each step. */
  readonly weights: Readonly<Record<string, readonly Weight[]>>;
  /** What was found after both edges were told to end. */
  readonly leftovers: readonly string[];
};

export type Stretch = { readonly from: number; readonly to: number };

/** Longest time in milliseconds without an answer: three intervals of 200 ms, the skew, and what a busy machine adds. */
export const GAP_BOUND = 1_500;
/** How long after a separation both may hold the address: until they have heard each other and said so. */
const HEARD_WITHIN = 1_500;
/** How long two edges that hear each other may both hold it: the moment of a hand-over. */
const HANDOVER = 1_000;
/** How long after a fault one edge alone must hold the address. */
export const SETTLED_WITHIN = 8_000;
/** How long after somebody flushed the rules clients may be refused: until the kernel has told us and they are back. */
const REPAIRED_WITHIN = 1_500;
/** How long after a backend went or came its connections may still be cut: until its check has failed. */
const NOTICED_WITHIN = 4_000;

const meets = (stretch: Stretch, other: Stretch): boolean =>
  stretch.from <= other.to && stretch.to >= other.from;

const flaps = (played: readonly Played[]): readonly (Stretch & { readonly node: string })[] =>
  played.flatMap(({ fault, from, to }) =>
    fault.type === "flap" ? [{ node: fault.node, from, to: to + NOTICED_WITHIN }] : [],
  );

const flushes = (played: readonly Played[]): readonly Stretch[] =>
  played.flatMap(({ fault, from }) => (fault.type === "flush" ? [{ from, to: from + REPAIRED_WITHIN }] : []));

/** The part of a stretch that no separation explains, in milliseconds. */
const unexplained = ({ from, to }: Stretch, played: readonly Played[]): number => {
  let rest = [{ from, to }];
  for (const step of played) {
    if (!separates(step.fault)) continue;
    const until = step.to + HEARD_WITHIN;
    rest = rest.flatMap((piece) =>
      [
        { from: piece.from, to: Math.min(piece.to, step.from) },
        { from: Math.max(piece.from, until), to: piece.to },
      ].filter((left) => left.to > left.from),
    );
  }
  return Math.max(0, ...rest.map((piece) => piece.to - piece.from));
};

/**
 * A download may break when its backend went, when somebody flushed the rules, and when it began while any backend was
 * away and another edge took over since: which flows moved meanwhile only the former edge knows. The same goes for one that moves between two edges that both
 * hold the address, after a backend was away (docs/forwarding.md).
 */
const isExcused = (download: Seen["downloads"][number], { played, overlaps }: Seen): boolean => {
  const ending = { from: download.to, to: download.to };
  const isSplit =
    overlaps.some((overlap) => meets(overlap, download)) &&
    flaps(played).some(({ from }) => from <= download.to);
  const tookOver = played.some(({ fault, ...time }) => separates(fault) && meets(time, download));
  return (
    isSplit ||
    flushes(played).some((flush) => meets(flush, ending)) ||
    flaps(played).some(
      (flap) =>
        (meets(flap, download) && (download.backend === undefined || download.backend === flap.node)) ||
        (meets(flap, { from: download.from, to: download.from }) && tookOver),
    )
  );
};

const counted = (findings: readonly string[]): readonly string[] =>
  [...new Set(findings)].map((finding) => {
    const times = findings.filter((each) => each === finding).length;
    return times === 1 ? finding : `${finding}, ${times} times`;
  });

/** Every promise that was broken, in words with the step it belongs to; empty when all were kept. */
export const brokenPromises = (seen: Seen): readonly string[] => {
  const { played, overlaps, gaps, requests, downloads, weights, leftovers } = seen;
  const start = played[0]?.from ?? 0;
  const when = (at: number): string => {
    const index = played.findLastIndex(({ from }) => from <= at);
    const step = played[index];
    const during =
      step === undefined ? "before the first step" : `step ${index + 1}: ${describeFault(step.fault)}`;
    return `at ${((at - start) / 1_000).toFixed(1)} s (${during})`;
  };
  const cut = flaps(played);
  const flushed = flushes(played);
  return counted([
    ...played.flatMap(({ settled, to }) =>
      settled === undefined ? [`no edge alone held the address ${SETTLED_WITHIN} ms later, ${when(to)}`] : [],
    ),
    ...overlaps
      .filter((overlap) => unexplained(overlap, played) > HANDOVER)
      .map(
        ({ from, to }) => `two edges that hear each other held the address for ${to - from} ms ${when(from)}`,
      ),
    ...gaps.map(({ from, to }) => `nobody answered for ${to - from} ms ${when(from)}`),
    ...requests
      .filter(
        (request) =>
          request.error !== undefined && ![...cut, ...flushed].some((cause) => meets(cause, request)),
      )
      .map(({ error, from }) => `a request failed (${error}) ${when(from)}`),
    ...downloads
      .filter((download) => !download.whole && !isExcused(download, seen))
      .map(({ backend = "nobody", error, to }) => `a download from ${backend} broke (${error}) ${when(to)}`),
    ...Object.entries(weights).flatMap(([name, each]) => growth(name, each)),
    ...leftovers.map((left) => `left behind: ${left}`),
  ]);
};
