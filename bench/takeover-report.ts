/** What the runs of the takeover bench mean. Pure arithmetic and text. */
import { PRIORITY, type ProgramUnderTest } from "./pair.ts";
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { median, summarize } from "./statistics.ts";
import { compareTakeovers } from "./takeover-pairs.ts";

/** How the active edge fails. */
export const MODES = ["silent", "link", "stop", "kill", "term"] as const;
export type Mode = (typeof MODES)[number];

/** One fault and what clients saw of it. Milliseconds. */
export type Run = {
  readonly mode: Mode;
  readonly intervalMs: number;
  /** At which share of the advertisement interval the fault came: both programs met the same ones. */
  readonly share: number;
  readonly program: ProgramUnderTest;
  /** The longest time between two answers. */
  readonly gapMs: number;
  /** Whether answers came again before the window closed. */
  readonly recovered: boolean;
  /** From the last advertisement of the active edge to the first answer after the standby's first. */
  readonly sinceAdvertMs: number;
  /** From the last advertisement of the active edge to the standby's first. */
  readonly detectionMs: number | undefined;
  /** The longest gap that clients of the other, healthy pair saw meanwhile. */
  readonly noiseMs: number;
};

/** In these modes the old machine forwards nothing any more, so the gap lasts until the standby has noticed. */
export const CUT_OFF: readonly Mode[] = ["silent", "link"];

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

const modesOf = (runs: readonly Run[]): readonly Mode[] =>
  MODES.filter((mode) => runs.some((run) => run.mode === mode));

const gapTable = (runs: readonly Run[], intervalMs: number): Table => {
  const inInterval = select(runs, { intervalMs });
  const lost = inInterval.filter((run) => !run.recovered).length;
  return {
    title: `**Longest gap between answers, advertisements every ${intervalMs} ms (milliseconds)**`,
    header: ["mode", "program", "runs", "min", "median", "p90", "max"],
    rows: modesOf(inInterval).flatMap((mode) => {
      const inMode = select(inInterval, { mode });
      return (["steelyard", "keepalived"] as const).map((program, index) => [
        index === 0 ? mode : "",
        program,
        ...gapCells(select(inMode, { program })),
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

/** What the paired runs say, in three decimals; a dash when they are too few. */
const comparison = (runs: readonly Run[]): string => {
  const found = compareTakeovers(runs);
  if (found === undefined) return "-";
  const { median: middle, low, high } = found;
  return `${middle.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
};

/** The same faults without the luck of the moment: counted from the last advertisement. */
const detectionTable = (runs: readonly Run[]): Table => ({
  title: "**From the active edge's last advertisement (medians, milliseconds)**",
  header: [
    "interval",
    "mode",
    "program",
    "may take over",
    "standby's first",
    "answers again",
    "paired ratio (95 % interval)",
  ],
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
          activeDownMs(intervalMs).toFixed(1),
          median(detection).toFixed(1),
          median(own.map((run) => run.sinceAdvertMs)).toFixed(1),
          index === 0 ? comparison(inMode) : "",
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

/** From here on takeovers are held against keepalived's; shorter intervals are best effort. */
const COMPARED_FROM_MS = 50;

/** By how much the upper end of the interval may be above 1: two programs that are alike have one that is not below. */
const MARGIN = 0.02;

const comparisonBar = (name: string, runs: readonly Run[]): readonly Bar[] => {
  const found = compareTakeovers(runs);
  // A handful of runs tells nothing.
  if (found === undefined) return [];
  return [
    {
      what: `${name}: ratio to keepalived, paired, 95 % interval`,
      limit: `not above 1.00, and to ${(1 + MARGIN).toFixed(2)} at most`,
      measured: comparison(runs),
      met: found.low <= 1 && found.high <= 1 + MARGIN,
    },
  ];
};

const bars = (runs: readonly Run[]): readonly Bar[] =>
  intervalsOf(runs).flatMap((intervalMs) =>
    CUT_OFF.flatMap((mode) => {
      const inMode = select(runs, { intervalMs, mode });
      const middle = median(select(inMode, { program: "steelyard" }).map((run) => run.gapMs));
      const limit = limitMs(intervalMs);
      const name = `${mode}, ${intervalMs} ms`;
      return [
        {
          what: `${name}: median gap`,
          limit: `below ${figure(limit)} ms`,
          measured: `${figure(middle)} ms`,
          met: middle < limit,
        },
        ...(intervalMs >= COMPARED_FROM_MS ? comparisonBar(name, inMode) : []),
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
