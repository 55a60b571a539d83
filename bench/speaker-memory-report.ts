/** What the bench of a speaker's memory saw. Pure arithmetic and text. */
import { type Bar, figure, type Result, type Table } from "./report.ts";
import type { Churn, Cost, Costs } from "./speaker-memory.ts";

/** What is promised for 500 Services, for 10,000, and for any number. */
const LIMIT_MB = 100;
const LARGE_LIMIT_MB = 130;
const CEILING_MB = 160;
const limitFor = (addresses: number): number => {
  if (addresses <= 500) return LIMIT_MB;
  return addresses <= 10_000 ? LARGE_LIMIT_MB : CEILING_MB;
};

/** Of one processor, at rest. */
const REST_PERCENT = 1;

const percentOf = (used: number, seconds: number): number => (100 * used) / seconds;
const percent = (used: number, seconds: number): string => `${percentOf(used, seconds).toFixed(2)} %`;

const nameOf = ({ addresses, history }: Cost): string =>
  `${addresses} addresses${history === "restarted" ? ", after a restart" : ""}`;

const costTable = (cost: Cost): Table => {
  const { held, wire, agent, rest } = cost;
  const row = (name: string, { pssMb, privateMb, rssMb }: Cost["wire"], used: number): readonly string[] => [
    name,
    ...[pssMb, privateMb, rssMb].map(figure),
    percent(used, rest.seconds),
  ];
  return {
    title: `**${nameOf(cost)}, of which the node holds ${held}; at rest for ${rest.seconds} s (megabytes)**`,
    header: ["process", "PSS", "private", "RSS", "CPU"],
    rows: [
      row("wire", wire, rest.cpu.wire),
      row("agent", agent, rest.cpu.agent),
      [
        ...["both", figure(wire.pssMb + agent.pssMb), figure(wire.privateMb + agent.privateMb), ""],
        percent(rest.cpu.wire + rest.cpu.agent, rest.seconds),
      ],
    ],
  };
};

const churnTable = ({ addresses, perSecond, seconds, cpu }: Churn): Table => ({
  title: `**While ${perSecond} of ${addresses} Services change each second, for ${seconds} s**`,
  header: ["process", "CPU"],
  rows: [
    ["wire", percent(cpu.wire, seconds)],
    ["agent", percent(cpu.agent, seconds)],
  ],
});

const barsOf = (costs: readonly Cost[]): readonly Bar[] =>
  costs.flatMap((cost): readonly Bar[] => {
    const { addresses, wire, agent, rest } = cost;
    const [weight, limit] = [wire.pssMb + agent.pssMb, limitFor(addresses)];
    const used = percentOf(rest.cpu.wire + rest.cpu.agent, rest.seconds);
    return [
      {
        what: `${nameOf(cost)}: PSS of both`,
        limit: `below ${limit} MB`,
        measured: `${figure(weight)} MB`,
        met: weight < limit,
      },
      {
        what: `${nameOf(cost)}: CPU of both at rest`,
        limit: `below ${REST_PERCENT} %`,
        measured: `${used.toFixed(2)} %`,
        met: used < REST_PERCENT,
      },
      {
        what: `${nameOf(cost)}: writes of all speakers in ${rest.seconds} s of rest`,
        limit: "0",
        measured: `${rest.writes}`,
        met: rest.writes === 0,
      },
    ];
  });

const restlessBar = ({ restless }: Costs): readonly Bar[] =>
  restless === undefined
    ? []
    : [
        {
          what: `${restless.addresses} addresses: come to rest`,
          ...{ limit: "yes", measured: `no: ${restless.why}`, met: false },
        },
      ];

/** Tables and bars. */
export const reportSpeakerMemory = (figures: Costs): Result => ({
  bench: "speaker-memory",
  tables: [...figures.costs.map(costTable), churnTable(figures.churn)],
  bars: [...barsOf(figures.costs), ...restlessBar(figures)],
  measurements: figures,
});
