/** What the jitter bench saw. Pure arithmetic and text. */
import type { ProgramUnderTest } from "./pair.ts";
import type { Bar, Result } from "./report.ts";
import { summarize } from "./statistics.ts";

/** One program under one load. */
export type JitterRun = {
  readonly program: ProgramUnderTest;
  readonly intervalMs: number;
  readonly realtime: boolean;
  readonly load: string;
  readonly seconds: number;
  /** How often the agent was told to read its large configuration. */
  readonly reloads: number;
  /** By how many milliseconds each advertisement was late; early ones are negative. */
  readonly latenessMs: readonly number[];
  readonly takeovers: number;
};

/** From here on an advertisement counts as late. Milliseconds. */
const LATE_MS = 10;

/** From this interval on nothing may be late; shorter ones are best effort. Milliseconds. */
const PROMISED_FROM_MS = 50;

const late = ({ latenessMs }: JitterRun): number => latenessMs.filter((each) => each > LATE_MS).length;

const setting = ({ intervalMs, realtime }: JitterRun): string =>
  `${intervalMs} ms${realtime ? ", real-time" : ""}`;

const bars = (runs: readonly JitterRun[]): readonly Bar[] =>
  runs
    .filter(({ program, intervalMs }) => program === "steelyard" && intervalMs >= PROMISED_FROM_MS)
    .flatMap((run) => {
      // Where the kernel gave no real-time priority, a missed bar has a reason, and stays a missed bar.
      const reason = run.realtime ? "" : " (no real-time priority: neighbours share the CPU with it)";
      const what = `${setting(run)}, load: ${run.load}, ${run.seconds} s`;
      const steady: Bar = {
        what: `${what}: false takeovers`,
        limit: "0",
        measured: `${run.takeovers}`,
        met: run.takeovers === 0,
      };
      const punctual: Bar = {
        what: `${what}: late by more than ${LATE_MS} ms${reason}`,
        limit: "0",
        measured: `${late(run)}`,
        met: late(run) === 0,
      };
      return [punctual, steady];
    });

/** The table and bars of all runs. */
export const reportJitter = (runs: readonly JitterRun[]): Result => ({
  bench: "jitter",
  tables: [
    {
      title: "**How late advertisements are (milliseconds)**",
      header: [
        "interval",
        "load",
        "program",
        "advertisements",
        "median",
        "p99",
        "max",
        `above ${LATE_MS} ms`,
        "false takeovers",
      ],
      rows: runs.map((run) => {
        const { count, median, p99, max } = summarize(run.latenessMs);
        const measured = [median, p99, max].map((each) => each.toFixed(2));
        return [setting(run), run.load, run.program, String(count), ...measured, String(late(run))].concat(
          String(run.takeovers),
        );
      }),
      notes: [
        `Each for ${[...new Set(runs.map(({ seconds }) => seconds))].join(" or ")} s, both programs at once; ` +
          `the agent was told to read its configuration ${runs.reduce((sum, run) => sum + run.reloads, 0)} times.`,
      ],
    },
  ],
  bars: bars(runs),
  measurements: runs,
});
