/** What the demonstration found, and whether it is as promised. Pure. */
import { type Duration, formatDuration, type Instant, micros, millis } from "#base/time";
import type { DownloadsRecord, HttpRecord, UdpRecord } from "../probe/records.ts";
import { longestGap, reportDownloads, reportRequests, requestsInFlight } from "../probe/report.ts";

/** One thing that happened, and how long it took effect. */
export type Episode = {
  readonly title: string;
  readonly at: Instant;
  readonly until: Instant;
  /** How long until the edge that ought to hold the address alone did so; `undefined` where nothing was to change. */
  readonly settledAfter?: Duration;
  readonly downloads?: DownloadsRecord;
  /** The longest gap that is as promised. */
  readonly gapLimit: Duration;
};

/** What the probes saw during all episodes. */
export type Evidence = {
  readonly http: HttpRecord;
  readonly udp: UdpRecord;
  readonly episodes: readonly Episode[];
};

/** One episode as clients saw it. */
export type Row = {
  readonly title: string;
  /** Requests begun in this episode, and how many of them failed. */
  readonly requests: number;
  readonly errors: number;
  readonly errorsByReason: Readonly<Record<string, number>>;
  readonly slowest: Duration;
  /** Requests that were under way when it happened, and how many of them failed. */
  readonly inFlight: number;
  readonly inFlightLost: number;
  readonly gap: Duration;
  readonly gapLimit: Duration;
  readonly settledAfter?: Duration;
  readonly downloads?: { readonly all: number; readonly whole: number };
};

/** Sums up each episode. */
export const summarize = ({ http, udp, episodes }: Evidence): readonly Row[] =>
  episodes.map(({ title, at, until, settledAfter, downloads, gapLimit }) => {
    const { byBackend: _, ...requests } = reportRequests(http, { from: at, to: until });
    const { all, lost } = requestsInFlight(http, at);
    return {
      title,
      ...requests,
      inFlight: all,
      inFlightLost: lost,
      gap: longestGap(udp.answers, { from: at, to: until }).length,
      gapLimit,
      ...(settledAfter === undefined ? {} : { settledAfter }),
      ...(downloads === undefined ? {} : { downloads: reportDownloads(downloads) }),
    };
  });

/** What is not as promised; empty when all is. */
export const broken = (rows: readonly Row[]): readonly string[] =>
  rows.flatMap(({ title, requests, errors, errorsByReason, gap, gapLimit, downloads }) => {
    const reasons = Object.entries(errorsByReason).map(([reason, count]) => `${count} ${reason}`);
    return [
      ...(requests === 0 ? [`${title}: no request was made`] : []),
      ...(errors > 0 ? [`${title}: ${errors} requests failed (${reasons.join(", ")})`] : []),
      ...(gap > gapLimit ? [`${title}: a gap of ${shown(gap)}, above ${shown(gapLimit)}`] : []),
      ...(downloads !== undefined && downloads.whole < downloads.all
        ? [`${title}: ${downloads.all - downloads.whole} of ${downloads.all} downloads broke`]
        : []),
    ];
  });

/** To the millisecond. */
const shown = (duration: Duration): string =>
  formatDuration(micros(Math.round(duration / millis(1)) * millis(1)));

/** The titles of `cells`. */
export const HEADER: readonly string[] = [
  "what happened",
  "requests",
  "errors",
  "slowest",
  "in flight, lost",
  "longest gap",
  "settled after",
  "downloads whole",
];

/** One row for a table. */
export const cells = (row: Row): readonly string[] => [
  row.title,
  String(row.requests),
  String(row.errors),
  shown(row.slowest),
  `${row.inFlight}, ${row.inFlightLost}`,
  shown(row.gap),
  row.settledAfter === undefined ? "-" : shown(row.settledAfter),
  row.downloads === undefined ? "-" : `${row.downloads.whole} of ${row.downloads.all}`,
];
