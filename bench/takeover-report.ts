/** What the runs of the takeover bench mean. Pure arithmetic and text. */
import { PRIORITY, type ProgramUnderTest } from "./pair.ts";
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { median, summarize } from "./statistics.ts";

/** How the active edge fails. */
export const MODES = ["silent", "link", "stop", "kill", "term"] as const;
export type Mode = (typeof MODES)[number];

/** One fault and what clients saw of it. Milliseconds. */
export type Run = {
  readonly mode: Mode;
  readonly intervalMs: number;
  readonly program: ProgramUnderTest;
  /** The longest time between two answers. */
  readonly gapMs: number;
  /** Whether answers came again before the window closed. */
  readonly recovered: boolean;
  /** From the last advertisement of the active edge to the end of that gap. */
  readonly sinceAdvertMs: number;
  /** From the last advertisement of the active edge to the standby's first. */
  readonly detectionMs: number | undefined;
  /** The longest gap that clients of the other, healthy pair saw meanwhile. */
  readonly noiseMs: number;
};

/** In these modes the old machine forwards nothing any more, so the gap lasts until the standby has noticed. */
const CUT_OFF: readonly Mode[] = ["silent", "link"];

/** 3 x interval + skew (RFC 9568 §6.1): when the standby may take over. */
const activeDownMs = (intervalMs: number): number =>
  3 * intervalMs + ((256 - PRIORITY.standby) / 256) * intervalMs;

const select = (runs: readonly Run[], wanted: Partial<Run>): readonly Run[] =>
  runs.filter(
    (run) =>
      (wanted.mode ?? run.mode) === run.mode &&
      (wanted.intervalMs ?? run.intervalMs) === run.intervalMs &&
      (wanted.program ?? run.program) === run.program,
  );

const intervalsOf = (runs: readonly Run[]): readonly number[] => [
  ...new Set(runs.map((run) => run.intervalMs)),
];

const gapCells = (runs: readonly Run[]): readonly string[] => {
  const { count, min, median: middle, p90, max } = summarize(runs.map((run) => run.gapMs));
  return [String(count), ...[min, middle, p90, max].map(figure)];
};

/** The ratio of medians, steelyard's to keepalived's: what the bar is about. */
const ratio = (runs: readonly Run[], of: (run: Run) => number): number =>
  median(select(runs, { program: "steelyard" }).map(of)) /
  median(select(runs, { program: "keepalived" }).map(of));

/**
 * The median of the ratios of runs that met their faults at the same point of the interval, one after the other. Where
 * among a few points each program's median fell has no part in it; it is shown beside the ratio of medians.
 */
const pairedRatio = (runs: readonly Run[]): number => {
  const theirs = select(runs, { program: "keepalived" });
  return median(
    select(runs, { program: "steelyard" }).flatMap((run, index) => {
      const other = theirs[index];
      return other === undefined ? [] : [run.gapMs / other.gapMs];
    }),
  );
};

const gapTable = (runs: readonly Run[], intervalMs: number): Table => {
  const inInterval = select(runs, { intervalMs });
  const lost = inInterval.filter((run) => !run.recovered).length;
  return {
    title: `**Longest gap between answers, advertisements every ${intervalMs} ms (milliseconds)**`,
    header: ["mode", "program", "runs", "min", "median", "p90", "max", "ratio of medians", "paired ratio"],
    rows: MODES.flatMap((mode) => {
      const inMode = select(inInterval, { mode });
      return (["steelyard", "keepalived"] as const).map((program, index) => [
        index === 0 ? mode : "",
        program,
        ...gapCells(select(inMode, { program })),
        index === 0 ? ratio(inMode, (run) => run.gapMs).toFixed(2) : "",
        index === 0 ? pairedRatio(inMode).toFixed(2) : "",
      ]);
    }),
    notes: [
      `Meanwhile clients of the other, healthy pair saw gaps of ${noise(inInterval)}: what the machine itself adds.`,
      "Probes are a millisecond or more apart, so gaps of a few milliseconds are all alike.",
      ...(lost > 0 ? [`In ${lost} runs answers did not come again before the next.`] : []),
    ],
  };
};

const noise = (runs: readonly Run[]): string => {
  const { median: middle, p90, max } = summarize(runs.map((run) => run.noiseMs));
  return `${figure(middle)} ms (median), ${figure(p90)} ms (p90), ${figure(max)} ms (max)`;
};

/** The same faults without the luck of the moment: counted from the last advertisement. */
const detectionTable = (runs: readonly Run[]): Table => ({
  title: "**From the active edge's last advertisement (medians, milliseconds)**",
  header: ["interval", "mode", "program", "may take over", "standby's first", "answers again", "ratio"],
  rows: intervalsOf(runs).flatMap((intervalMs) =>
    CUT_OFF.flatMap((mode) => {
      const inMode = select(runs, { intervalMs, mode });
      return (["steelyard", "keepalived"] as const).map((program, index) => {
        const own = select(inMode, { program });
        const detection = own.flatMap((run) => (run.detectionMs === undefined ? [] : [run.detectionMs]));
        return [
          index === 0 ? `${intervalMs} ms` : "",
          index === 0 ? mode : "",
          program,
          figure(activeDownMs(intervalMs)),
          figure(median(detection)),
          figure(median(own.map((run) => run.sinceAdvertMs))),
          index === 0 ? ratio(inMode, (run) => run.sinceAdvertMs).toFixed(3) : "",
        ];
      });
    }),
  ),
});

/** The median that DESIGN's table of figures asks for. */
const limitMs = (intervalMs: number): number => {
  if (intervalMs === 10) return 60;
  return intervalMs === 50 ? 200 : activeDownMs(intervalMs) + 20;
};

/**
 * By how much the ratio of medians can differ from 1 for two programs that are alike: faults are spread over the interval in
 * as many steps as there are runs, so a median moves by a step at least.
 */
const resolution = (runs: readonly Run[], intervalMs: number): number => {
  const theirs = select(runs, { program: "keepalived" }).map((run) => run.gapMs);
  return intervalMs / theirs.length / median(theirs);
};

const bars = (runs: readonly Run[]): readonly Bar[] =>
  intervalsOf(runs).flatMap((intervalMs) =>
    CUT_OFF.flatMap((mode) => {
      const inMode = select(runs, { intervalMs, mode });
      const middle = median(select(inMode, { program: "steelyard" }).map((run) => run.gapMs));
      const limit = limitMs(intervalMs);
      const times = ratio(inMode, (run) => run.gapMs);
      const step = resolution(inMode, intervalMs);
      const name = `${mode}, ${intervalMs} ms`;
      return [
        {
          what: `${name}: median gap`,
          limit: `below ${figure(limit)} ms`,
          measured: `${figure(middle)} ms`,
          met: middle < limit,
        },
        {
          what: `${name}: ratio of medians`,
          limit: `at most 1.00, to ${step.toFixed(3)}`,
          measured: times.toFixed(3),
          met: times <= 1 + step,
        },
      ];
    }),
  );

/** The tables and bars of all runs. */
export const reportTakeover = (runs: readonly Run[]): Result => ({
  bench: "takeover",
  tables: [...intervalsOf(runs).map((intervalMs) => gapTable(runs, intervalMs)), detectionTable(runs)],
  bars: bars(runs),
  measurements: runs,
});
