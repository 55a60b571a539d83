/** What the bench of the API server's address saw. Pure arithmetic and text. */
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { summarize } from "./statistics.ts";

/** What happens to the host that has the address; `restart` happens to all of Kubernetes. */
export const FAULTS = ["kill", "freeze", "silent", "link", "leave", "restart"] as const;
export type Fault = (typeof FAULTS)[number];

export const PROGRAMS = ["steelyard", "documented", "tuned"] as const;
export type Program = (typeof PROGRAMS)[number];

/** One fault as users of one program's address saw it. Milliseconds. */
export type VipRun = {
  readonly fault: Fault;
  readonly program: Program;
  /** The longest time without an answer while the fault was there; after `restart`, from the first API server's readiness on. */
  readonly outageMs: number;
  /** The same from when the host was healed; NaN for `restart`. */
  readonly returnMs: number;
  /** Whether the address was with the first host again by itself. */
  readonly movedBack: boolean;
  readonly requests: number;
};

const FAULT_NAMES: Readonly<Record<Fault, string>> = {
  kill: "API server killed",
  freeze: "API server stands still",
  silent: "host is silent",
  link: "cable pulled",
  leave: "program told to end",
  restart: "all of Kubernetes restarted",
};

const PROGRAM_NAMES: Readonly<Record<Program, string>> = {
  steelyard: "steelyard",
  documented: "keepalived, documented",
  tuned: "keepalived, tuned",
};

type Measure = (run: VipRun) => number;

const valuesOf = (
  runs: readonly VipRun[],
  wanted: Pick<VipRun, "fault" | "program">,
  measure: Measure,
): readonly number[] =>
  runs
    .filter(({ fault, program }) => fault === wanted.fault && program === wanted.program)
    .map(measure)
    .filter((value) => !Number.isNaN(value));

const faultsIn = (runs: readonly VipRun[]): readonly Fault[] =>
  FAULTS.filter((fault) => runs.some((run) => run.fault === fault));

/** By how much another program's median is longer than ours. */
const ratioText = (theirs: number, ours: number): string =>
  ours > 0 && Number.isFinite(theirs / ours) ? `${figure(theirs / ours)} x` : "-";

const outageTable = (title: string, runs: readonly VipRun[], measure: Measure): Table => ({
  title,
  header: ["what happens", "program", "runs", "min", "median", "worst", "median to steelyard's"],
  rows: faultsIn(runs).flatMap((fault) => {
    const ours = summarize(valuesOf(runs, { fault, program: "steelyard" }, measure)).median;
    return PROGRAMS.map((program, index) => {
      const { count, min, median, max } = summarize(valuesOf(runs, { fault, program }, measure));
      return [
        ...[index === 0 ? FAULT_NAMES[fault] : "", PROGRAM_NAMES[program], `${count}`],
        ...[min, median, max].map(figure),
        program === "steelyard" ? "" : ratioText(median, ours),
      ];
    });
  }),
});

/** How often each program's address was with its first host again by itself. */
const returnsTable = (runs: readonly VipRun[]): Table => ({
  title: "**How often the address moved back by itself when that host was well again**",
  header: ["what happened", ...PROGRAMS.map((program) => PROGRAM_NAMES[program])],
  rows: faultsIn(runs).map((fault) => [
    FAULT_NAMES[fault],
    ...PROGRAMS.map((program) => {
      const own = runs.filter((run) => run.fault === fault && run.program === program);
      return `${own.filter(({ movedBack }) => movedBack).length} of ${own.length}`;
    }),
  ]),
  notes: [
    "A silent host whose API server is well does not give the address up, so two have it when it is heard again: the higher priority keeps it (RFC 9568 §6.4.3), which is the first host's.",
  ],
});

const barsOf = (runs: readonly VipRun[]): readonly Bar[] => {
  const outage: Measure = ({ outageMs }) => outageMs;
  const faults = faultsIn(runs).filter((fault) => fault !== "restart");
  const compared = faults.map((fault): Bar => {
    const medianOf = (program: Program): number =>
      summarize(valuesOf(runs, { fault, program }, outage)).median;
    const [ours, theirs] = [medianOf("steelyard"), medianOf("documented")];
    return {
      what: `${FAULT_NAMES[fault]}: median outage, and keepalived's as documented`,
      limit: "not longer",
      measured: `${figure(ours)} ms, and ${figure(theirs)} ms`,
      met: ours <= theirs,
    };
  });
  // A silent host never gave it up: that is no move back.
  const back = runs.filter(
    ({ program, fault, movedBack }) => program === "steelyard" && fault !== "silent" && movedBack,
  ).length;
  return [
    ...compared,
    {
      what: "moves back by itself, but for a host that was silent",
      limit: "0",
      measured: `${back}`,
      met: back === 0,
    },
  ];
};

/** Tables and bars. */
export const reportVip = (runs: readonly VipRun[]): Result => {
  const single = runs.filter(({ fault }) => fault !== "restart");
  const restarts = runs.filter(({ fault }) => fault === "restart");
  return {
    bench: "vip",
    tables: [
      {
        ...outageTable("**Longest time without an answer (milliseconds)**", single, (run) => run.outageMs),
        notes: [
          "Requests begin 20 ms apart, and an answer takes some milliseconds: what is below 50 ms is no outage.",
        ],
      },
      {
        ...outageTable(
          "**Longest time without an answer when that host is well again (milliseconds)**",
          single,
          (run) => run.returnMs,
        ),
        notes: ["keepalived's address goes back to its first host by itself, ours stays where it is."],
      },
      returnsTable(single),
      {
        ...outageTable(
          "**From the first API server's readiness to the first answer (milliseconds)**",
          restarts,
          (run) => run.outageMs,
        ),
        notes: [
          "No API server is well for a while. keepalived leaves its address where it is, ours is with nobody meanwhile.",
        ],
      },
    ],
    bars: barsOf(runs),
    measurements: runs,
  };
};
