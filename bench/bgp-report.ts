/** What the bench of BGP saw. Pure arithmetic and text. */
import type { Round } from "./bgp-announce.ts";
import type { AnnouncerName } from "./bgp-announcers.ts";
import type { Death, DetectionCase } from "./bgp-outage.ts";
import { describeRatio, type PairedRatio, pairedRatio } from "./paired.ts";
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { median, quantile, summarize } from "./statistics.ts";

export type BgpFigures = {
  readonly prefixes: number;
  readonly routers: number;
  readonly rounds: readonly Round[];
  readonly detections: readonly DetectionCase[];
  readonly deaths: readonly Death[];
};

/** One figure of a round. */
type Measure = {
  readonly what: string;
  readonly unit: "ms" | "s" | "MB";
  readonly of: (round: Round) => number;
};

const medianWithdrawn = ({ withdrawnMs }: Round): number => median(withdrawnMs);

const measures = ({ prefixes, routers }: BgpFigures) =>
  ({
    ready: { what: "from its start until it takes routes", unit: "ms", of: ({ readyMs }) => readyMs },
    sessions: {
      ...{ what: `from its start until all ${routers} sessions are up`, unit: "ms" },
      of: ({ establishedMs }) => establishedMs,
    },
    handshake: {
      ...{ what: "from the first packet of a connection to the session (median)", unit: "ms" },
      of: ({ handshakeMs }) => median(handshakeMs),
    },
    setupCpu: { what: "processor time until all are up", unit: "s", of: ({ setupCpuS }) => setupCpuS },
    announce: {
      ...{ what: `${prefixes} prefixes: until all ${routers} tables are complete`, unit: "ms" },
      of: ({ announceMs }) => announceMs,
    },
    announceCpu: { what: "processor time for it", unit: "s", of: ({ announceCpuS }) => announceCpuS },
    routersCpu: {
      ...{ what: "processor time that the routers need for it", unit: "s" },
      of: ({ routersCpuS }) => routersCpuS,
    },
    withdrawOne: {
      ...{ what: "one prefix withdrawn: until the last table lacks it (median)", unit: "ms" },
      of: medianWithdrawn,
    },
    withdrawAll: {
      ...{ what: "all withdrawn: until all tables are empty", unit: "ms" },
      of: ({ allWithdrawnMs }) => allWithdrawnMs,
    },
    withdrawCpu: { what: "processor time for it", unit: "s", of: ({ withdrawCpuS }) => withdrawCpuS },
    idle: { what: "PSS with sessions, without routes", unit: "MB", of: ({ idlePssMb }) => idlePssMb },
    announced: { what: "PSS when all was just announced", unit: "MB", of: ({ pssMb }) => pssMb },
    rest: { what: "PSS with all announced, at rest", unit: "MB", of: ({ restPssMb }) => restPssMb },
    restOwn: {
      ...{ what: "of it what is no part of the program's file", unit: "MB" },
      of: ({ restAnonymousMb }) => restAnonymousMb,
    },
    peak: { what: "most RSS while announcing", unit: "MB", of: ({ peakRssMb }) => peakRssMb },
  }) satisfies Readonly<Record<string, Measure>>;

const valuesOf = (rounds: readonly Round[], program: AnnouncerName, of: Measure["of"]): readonly number[] =>
  rounds.filter((round) => round.program === program).map(of);

const ratioOf = (rounds: readonly Round[], { of }: Measure): PairedRatio =>
  pairedRatio(valuesOf(rounds, "steelyard", of), valuesOf(rounds, "gobgp", of));

const precise = (value: number, { unit }: Measure): string =>
  unit === "s" ? value.toFixed(2) : figure(value);

const announcingTable = (figures: BgpFigures): Table => {
  const { rounds } = figures;
  const count = rounds.length / 2;
  return {
    title: `**Medians of ${count === 1 ? "one round" : `${count} rounds`} of each program, and the ratio by round (95 % interval, or all rounds)**`,
    header: ["what", "unit", "steelyard", "GoBGP", "ratio"],
    rows: Object.values<Measure>(measures(figures)).map((measure) => [
      measure.what,
      measure.unit,
      precise(median(valuesOf(rounds, "steelyard", measure.of)), measure),
      precise(median(valuesOf(rounds, "gobgp", measure.of)), measure),
      describeRatio(ratioOf(rounds, measure)),
    ]),
  };
};

const withdrawalTable = ({ rounds, prefixes }: BgpFigures): Table => ({
  title: `**One of ${prefixes} prefixes withdrawn: from the instruction until the last table lacks it (milliseconds)**`,
  header: ["program", "withdrawals", "min", "median", "p90", "p99", "max"],
  rows: (["steelyard", "gobgp"] as const).map((program) => {
    const all = rounds.filter((round) => round.program === program).flatMap(({ withdrawnMs }) => withdrawnMs);
    const { count, min, median: middle, p90, p99, max } = summarize(all);
    const name = program === "gobgp" ? "GoBGP" : program;
    return [name, `${count}`, ...[min, middle, p90, p99, max].map(figure)];
  }),
  notes: ["The routers are asked about every two milliseconds, so differences of one or two are none."],
});

const of = (deaths: readonly Death[], { name }: DetectionCase): readonly Death[] =>
  deaths.filter(({ detection }) => detection === name);

const lostOf = (deaths: readonly Death[]): readonly number[] => deaths.flatMap(({ lost }) => lost);

const deathTable = ({ deaths, detections }: BgpFigures): Table => ({
  title: "**How long a flow of the dead node has no answer (milliseconds)**",
  header: [
    ...["how the router learns of it", "deaths", "flows", "min", "median", "p90", "max"],
    ...["flows that stayed dead", "longest of other nodes' flows"],
  ],
  rows: detections.map((each) => {
    const own = of(deaths, each);
    const { count, min, median: middle, p90, max } = summarize(lostOf(own));
    const forsaken = own.reduce((sum, death) => sum + death.forsaken, 0);
    return [
      ...[each.name, `${own.length}`, `${count}`],
      ...[min, middle, p90, max].map(figure),
      `${forsaken}`,
      figure(Math.max(...own.map(({ others }) => others))),
    ];
  }),
  notes: [
    "Datagrams of a flow are five milliseconds apart. What flows of living nodes miss is what the machine itself adds.",
    "BIRD shortens its hold time by up to a quarter at random.",
  ],
});

/** What a program may need of what GoBGP needs. */
const RATIO_LIMIT = 1;
const OUTAGE_LIMIT_MS = 200;

const ratioBar = (rounds: readonly Round[], measure: Measure): Bar => {
  const ratio = ratioOf(rounds, measure);
  return {
    what: `${measure.what}: ratio to GoBGP`,
    limit: "at most 1.00",
    measured: describeRatio(ratio),
    met: ratio.high <= RATIO_LIMIT,
  };
};

const barsOf = (figures: BgpFigures): readonly Bar[] => {
  const { rounds, deaths, detections } = figures;
  const { announce, announceCpu, rest, withdrawOne, withdrawAll } = measures(figures);
  const watched = detections.find(({ detection }) => detection.bfd !== undefined);
  const lost = watched === undefined ? [] : lostOf(of(deaths, watched));
  const middle = quantile(lost, 0.5);
  const forsaken = deaths.reduce((sum, death) => sum + death.forsaken, 0);
  return [
    ...[announce, rest, withdrawOne, withdrawAll].map((measure) => ratioBar(rounds, measure)),
    {
      ...ratioBar(rounds, announceCpu),
      what: `processor time for ${figures.prefixes} prefixes: ratio to GoBGP`,
    },
    {
      what: `a node is silent, ${watched?.name}: median outage of its flows`,
      limit: `below ${OUTAGE_LIMIT_MS} ms`,
      measured: `${figure(middle)} ms`,
      met: middle < OUTAGE_LIMIT_MS,
    },
    { what: "flows that stayed dead", limit: "0", measured: `${forsaken}`, met: forsaken === 0 },
  ];
};

/** Tables and bars. */
export const reportBgp = (figures: BgpFigures): Result => ({
  bench: "bgp",
  tables: [announcingTable(figures), withdrawalTable(figures), deathTable(figures)],
  bars: barsOf(figures),
  measurements: figures,
});
