/** Our program and Katran's in the same rounds: what a packet costs either, as a table and as bars. Pure. */
import { describeRatio, pairedRatio, reaches } from "../paired.ts";
import { type Bar, figure, type Table } from "../report.ts";
import { median } from "../statistics.ts";
import { FAMILIES, type Shape } from "./packets.ts";

/** Who is measured: nobody, which is what the drawing costs; ours with a table like Katran's is there to see what that does. */
export const CONTESTANTS = [
  "drawing alone",
  "steelyard",
  "steelyard, 65,537 slots",
  "Katran",
  "Katran, F_LRU_BYPASS",
] as const;
export type Contestant = (typeof CONTESTANTS)[number];

/** Which packets, of how many flows. */
export type Packets = Required<Pick<Shape, "family" | "stage" | "bits">>;
const MILLION = 20;
export const PACKETS: readonly Packets[] = FAMILIES.flatMap((family) => [
  { family, stage: "established", bits: 10 } as const,
  { family, stage: "established", bits: MILLION } as const,
  { family, stage: "opening", bits: MILLION } as const,
]);

export type Sample = Packets & {
  readonly contestant: Contestant;
  /** From 0 on; every contestant is measured once in each. */
  readonly round: number;
  /** Of a packet, the drawing of its flow included. */
  readonly nanos: number;
};

const describe = ({ family, stage, bits }: Packets): string =>
  `${family}, 2^${bits} ${stage === "established" ? "open connections" : "connections, SYN"}`;

const isOf =
  ({ family, stage, bits }: Packets) =>
  (sample: Sample): boolean =>
    sample.family === family && sample.stage === stage && sample.bits === bits;

const of = (samples: readonly Sample[], packets: Packets, contestant: Contestant): readonly number[] =>
  samples
    .filter(isOf(packets))
    .filter((each) => each.contestant === contestant)
    .sort((left, right) => left.round - right.round)
    .map(({ nanos }) => nanos);

/** What a packet costs the program itself: less what drawing its flow costs in the same round. */
const ownTimes = (
  samples: readonly Sample[],
  packets: Packets,
  contestant: Contestant,
): readonly number[] => {
  const drawing = of(samples, packets, "drawing alone");
  return of(samples, packets, contestant).map((nanos, round) => nanos - (drawing[round] ?? 0));
};

const cell = (samples: readonly Sample[], packets: Packets, contestant: Contestant): string => {
  const whole = figure(median(of(samples, packets, contestant)));
  if (contestant === "drawing alone") return whole;
  return `${figure(median(ownTimes(samples, packets, contestant)))} (${whole})`;
};

/** One bar for each family, and each way that Katran has of handling packets of open connections. */
const bars = (samples: readonly Sample[]): readonly Bar[] =>
  FAMILIES.flatMap((family) =>
    (["Katran", "Katran, F_LRU_BYPASS"] as const).map((contestant) => {
      const packets = { family, stage: "established", bits: MILLION } as const;
      const ratio = pairedRatio(
        ownTimes(samples, packets, contestant),
        ownTimes(samples, packets, "steelyard"),
      );
      return {
        what: `${contestant} / steelyard, ${family}, 1,048,576 flows: time of a packet`,
        limit: "at least 1.0",
        measured: describeRatio(ratio),
        met: reaches(ratio, 1),
      };
    }),
  );

/** `version` says which Katran it was. */
export const reportDuel = (
  samples: readonly Sample[],
  { version, rounds }: { readonly version: string; readonly rounds: number },
): { readonly table: Table; readonly bars: readonly Bar[] } => ({
  table: {
    title:
      "**Beside Katran's program: nanoseconds a packet, without what drawing its flow costs (and with it)**",
    header: ["packets", ...CONTESTANTS],
    rows: PACKETS.map((packets) => [
      describe(packets),
      ...CONTESTANTS.map((contestant) => cell(samples, packets, contestant)),
    ]),
    notes: [`Medians of ${rounds} rounds, in which now the one and now the other began. Katran: ${version}.`],
  },
  bars: bars(samples),
});
