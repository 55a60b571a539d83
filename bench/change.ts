/** What a change costs among very many virtual servers: planned and in the kernel. */
import { fileURLToPath } from "node:url";
import type { Lab } from "#lab/lab";
import { type Bar, figure, type Result } from "./report.ts";
import { summarize } from "./statistics.ts";

/** One change. Milliseconds from its beginning. */
export type Timed = {
  readonly plannedMs: number;
  /** When the kernel forwards accordingly. */
  readonly inForceMs: number;
  /** When the checkpoint for a restart is written, too. */
  readonly settledMs: number;
  /** Whether elements were changed or the ruleset was replaced. */
  readonly how: string;
};

export type ChangeTimes = {
  /** From nothing. */
  readonly full: Timed;
  /** One backend fails, one returns, of one server, again and again. */
  readonly one: readonly Timed[];
  /** One backend of every server fails at once: a machine dies. And returns. */
  readonly node: Timed;
  readonly back: Timed;
  /** One more server, and it goes again. */
  readonly more: Timed;
  readonly less: Timed;
  /** Every server gets another port, and backends at other addresses, while it forwards. */
  readonly replaced: Timed;
};

export type ChangeSize = { readonly servers: number; readonly backends: number };
export type Changes = ChangeSize & { readonly times: ChangeTimes };

const PROGRAM = fileURLToPath(new URL("./programs/change.ts", import.meta.url));
const LIMIT_MS = 10;
const PATIENCE_MS = 900_000;

/** Times changes on a host of an open lab. */
export const measureChange = async (
  lab: Lab,
  { servers, backends, runs }: ChangeSize & { readonly runs: number },
): Promise<Changes> => {
  const argv = [process.execPath, PROGRAM, String(servers), String(backends), String(runs)];
  const said = await lab.host("e1").expect(argv, { timeoutMs: PATIENCE_MS });
  return { servers, backends, times: JSON.parse(said.trimEnd().split("\n").at(-1) ?? "{}") };
};

const row = (what: string, { plannedMs, inForceMs, settledMs, how }: Timed): readonly string[] => [
  what,
  ...[plannedMs, inForceMs, settledMs].map(figure),
  how,
];

/** The tables and bars of all sizes. */
export const reportChange = (all: readonly Changes[]): Result => ({
  bench: "change",
  tables: all.map(({ servers, backends, times: { full, one, node, back, more, less, replaced } }) => {
    const medianOf = (pick: (each: Timed) => number): number => summarize(one.map(pick)).median;
    return {
      title: `**${servers} virtual servers x ${backends} backends, 1021 slots (milliseconds since the change)**`,
      header: ["change", "planned", "in the kernel", "checkpoint written", "by"],
      rows: [
        row("all of it, from nothing", full),
        row(`one backend of one server, median of ${one.length}`, {
          plannedMs: medianOf(({ plannedMs }) => plannedMs),
          inForceMs: medianOf(({ inForceMs }) => inForceMs),
          settledMs: medianOf(({ settledMs }) => settledMs),
          how: one[0]?.how ?? "",
        }),
        row("one backend of every server fails", node),
        row("and returns", back),
        row("one more server", more),
        row("and it goes again", less),
        row("all of it by another: every server's port and all its backends", replaced),
      ],
    };
  }),
  bars: all.map(({ servers, backends, times }): Bar => {
    const { median } = summarize(times.one.map(({ inForceMs }) => inForceMs));
    return {
      what: `one backend among ${servers} x ${backends}: in the kernel, median`,
      limit: `below ${LIMIT_MS} ms`,
      measured: `${figure(median)} ms`,
      met: median < LIMIT_MS,
    };
  }),
  measurements: all,
});
