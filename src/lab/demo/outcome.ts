/** What the demonstration found, and whether it is as promised. Pure. */
import { after, type Duration, formatDuration, type Instant, micros, millis } from "#base/time";
import type { DownloadsRecord, HttpRecord, UdpRecord } from "../probe/records.ts";
import { longestGap, reportDownloads, reportRequests, splitRequests, type Window } from "../probe/report.ts";

/** One thing that happened. */
export type Episode = {
  readonly title: string;
  /** Just before it was brought about. */
  readonly from: Instant;
  /** When it was in force. */
  readonly at: Instant;
  readonly until: Instant;
  /** How long after `at` the edge that ought to hold the address alone did so; `undefined` where none was to change. */
  readonly settledAfter?: Duration;
  /** Whether the address then left an edge that still served. */
  readonly isHandover: boolean;
  readonly downloads?: DownloadsRecord;
  /** The longest gap that is as promised. */
  readonly gapLimit: Duration;
};

/** What the probes saw during all episodes. */
export type Evidence = {
  readonly http: HttpRecord;
  readonly udp: UdpRecord;
  /** The same over IPv6. */
  readonly udp6: UdpRecord;
  readonly episodes: readonly Episode[];
};

/** One episode as clients saw it. */
export type Row = {
  readonly title: string;
  readonly requests: number;
  /** Failures among the requests that were not caught by a cut or a handover. */
  readonly errors: number;
  readonly errorsByReason: Readonly<Record<string, number>>;
  readonly slowest: Duration;
  /** Requests that were under way when the path changed beneath them, and how many of them failed. */
  readonly caught: number;
  readonly caughtLost: number;
  readonly gap: Duration;
  readonly gap6: Duration;
  readonly gapLimit: Duration;
  readonly settledAfter?: Duration;
  readonly downloads?: { readonly all: number; readonly whole: number };
};

/** How far the moment of a handover may be from when it was noticed. */
const BEFORE_NOTICED = millis(100);
const AFTER_NOTICED = millis(50);

/**
 * When the path changes beneath requests. In mode `masquerade` the edges do not share their connections, so a request
 * under way then may be lost; one that begins later may not.
 */
const changes = ({ from, at, settledAfter, isHandover }: Episode): readonly Window[] => {
  if (settledAfter === undefined) return [];
  const noticed = after(at, settledAfter);
  const handover = { from: after(noticed, micros(-BEFORE_NOTICED)), to: after(noticed, AFTER_NOTICED) };
  return isHandover ? [handover] : [{ from, to: at }];
};

/** Sums up each episode. */
export const summarize = ({ http, udp, udp6, episodes }: Evidence): readonly Row[] =>
  episodes.map((episode) => {
    const { title, from, until, settledAfter, downloads, gapLimit } = episode;
    const { caught, others } = splitRequests(http, changes(episode));
    const { byBackend: _, ...requests } = reportRequests({ requests: others }, { from, to: until });
    return {
      title,
      ...requests,
      slowest: reportRequests(http, { from, to: until }).slowest,
      caught: caught.length,
      caughtLost: caught.filter(({ error }) => error !== undefined).length,
      gap: longestGap(udp.answers, { from, to: until }).length,
      gap6: longestGap(udp6.answers, { from, to: until }).length,
      gapLimit,
      ...(settledAfter === undefined ? {} : { settledAfter }),
      ...(downloads === undefined ? {} : { downloads: reportDownloads(downloads) }),
    };
  });

/** As many as there are clients: each has one request under way. */
const CAUGHT_LIMIT = 10;

/** What is not as promised; empty when all is. */
export const broken = (rows: readonly Row[]): readonly string[] =>
  rows.flatMap(({ title, requests, errors, errorsByReason, caughtLost, gap, gap6, gapLimit, downloads }) => {
    const reasons = Object.entries(errorsByReason).map(([reason, count]) => `${count} ${reason}`);
    return [
      ...(requests === 0 ? [`${title}: no request was made`] : []),
      ...(errors > 0 ? [`${title}: ${errors} requests failed (${reasons.join(", ")})`] : []),
      ...(caughtLost > CAUGHT_LIMIT ? [`${title}: ${caughtLost} requests under way were lost`] : []),
      ...[gap, gap6]
        .filter((each) => each > gapLimit)
        .map((each) => `${title}: a gap of ${shown(each)}, above ${shown(gapLimit)}`),
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
  "under way, lost",
  "longest gap",
  "IPv6",
  "takeover",
  "downloads whole",
];

/** One row for a table. */
export const cells = (row: Row): readonly string[] => [
  row.title,
  String(row.requests),
  String(row.errors),
  shown(row.slowest),
  `${row.caught}, ${row.caughtLost}`,
  shown(row.gap),
  shown(row.gap6),
  row.settledAfter === undefined ? "-" : shown(row.settledAfter),
  row.downloads === undefined ? "-" : `${row.downloads.whole} of ${row.downloads.all}`,
];
