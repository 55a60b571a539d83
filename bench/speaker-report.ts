/** What the bench of speakers saw. Pure arithmetic and text. */
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { type Calm, FAULTS, type Fault, type Run } from "./speaker.ts";
import { median, summarize } from "./statistics.ts";

const OUTAGE_LIMIT_MS = 500;

/** After these the node forwards nothing any more. */
const CUT_OFF: readonly Fault[] = ["silent", "link"];

const NAMES: Readonly<Record<Fault, string>> = {
  silent: "the node is silent",
  link: "its cable is pulled",
  kill: "its speaker is killed",
  stop: "its speaker stands still",
  term: "its speaker is told to end",
};

const of = (runs: readonly Run[], fault: Fault): readonly Run[] => runs.filter((run) => run.fault === fault);

const outageTable = (runs: readonly Run[]): Table => ({
  title: "**Longest time between two answers at the client (milliseconds)**",
  header: ["what happens to the holder", "family", "runs", "min", "median", "p90", "max", "datagrams lost"],
  rows: FAULTS.flatMap((fault) =>
    (["IPv4", "IPv6"] as const).map((family, index) => {
      const own = of(runs, fault).filter((run) => run.family === family);
      const { count, min, median: middle, p90, max } = summarize(own.map(({ longestMs }) => longestMs));
      const lost = own.reduce((sum, run) => sum + run.lost, 0);
      const sent = own.reduce((sum, run) => sum + run.sent, 0);
      return [
        ...[index === 0 ? NAMES[fault] : "", family, `${count}`],
        ...[min, middle, p90, max].map(figure),
        `${lost} of ${sent}`,
      ];
    }),
  ),
  notes: [
    "Datagrams are two milliseconds apart, so gaps of a few milliseconds are all alike.",
    "Where only the speaker fails, the kernel of its node goes on forwarding until the client is told of the next one.",
  ],
});

const readinessTable = (readiness: readonly number[]): Table => {
  const { count, min, median: middle, p90, max } = summarize(readiness);
  return {
    title: "**From the first ready endpoint of a Service to the first answer at the client (milliseconds)**",
    header: ["runs", "min", "median", "p90", "max"],
    rows: [[`${count}`, ...[min, middle, p90, max].map(figure)]],
    notes: [
      "With the API server's writing of the EndpointSlice, the question whether anybody has the address, and kube-proxy, which waits for 0.1 s between two changes here.",
    ],
  };
};

export type SpeakerFigures = {
  readonly runs: readonly Run[];
  readonly readiness: readonly number[];
};

const barsOf = ({ runs }: SpeakerFigures): readonly Bar[] => {
  const outages = CUT_OFF.map((fault) => {
    const middle = median(of(runs, fault).map(({ longestMs }) => longestMs));
    return {
      what: `${NAMES[fault]}: median outage at the client`,
      limit: `below ${OUTAGE_LIMIT_MS} ms`,
      measured: `${figure(middle)} ms`,
      met: middle < OUTAGE_LIMIT_MS,
    };
  });
  const lost = of(runs, "term").reduce((sum, run) => sum + run.lost, 0);
  return [
    ...outages,
    { what: `${NAMES.term}: datagrams lost`, limit: "0", measured: `${lost}`, met: lost === 0 },
  ];
};

/** Tables and bars. */
export const reportSpeaker = (figures: SpeakerFigures): Result => ({
  bench: "speaker",
  tables: [outageTable(figures.runs), readinessTable(figures.readiness)],
  bars: barsOf(figures),
  measurements: figures,
});

/** Whether busy processors made any speaker believe in a death. */
export const reportCalm = (calm: Calm): Result => ({
  bench: "speaker-calm",
  tables: [],
  bars: [
    {
      what: `changes of a holder or of a member's standing in ${calm.seconds} s beside ${calm.burners} busy programs`,
      limit: "0",
      measured: `${calm.moves}`,
      met: calm.moves === 0,
    },
  ],
  measurements: calm,
});
