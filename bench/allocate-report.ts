/** What the bench of allocation saw. Pure arithmetic and text. */
import type { Allocated, Compared, Wave } from "./allocate.ts";
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { summarize } from "./statistics.ts";

const WAIT_LIMIT_MS = 50;
/** An API server whose last answer comes later than this after the last POST does not keep up. */
const BEHIND_MS = 1_000;
const REST_CPU_LIMIT = 0.01;
/** What is promised whatever happens. */
const CEILING_MB = 160;
/** Megabytes by number of Services. */
const memoryLimit = (services: number): number => (services > 500 ? 130 : 100);

const waveTable = (waves: readonly Wave[]): Table => ({
  title:
    "**From the POST of a Service, and from the answer to it, to its address on a watch (milliseconds)**",
  header: [
    ...[
      "Services",
      "created",
      "median",
      "p90",
      "p99",
      "max",
      "p99 from the answer",
      "all created after (s)",
      "all with an address (s)",
    ],
    ...["controller CPU (s)", "API server CPU (s)"],
  ],
  rows: waves.map(({ name, count, waitsMs, afterAnswerMs, createdMs, allMs, cpu }) => {
    const { median, p90, p99, max } = summarize(waitsMs);
    return [
      ...[`${count}`, name, figure(median), figure(p90), figure(p99), figure(max)],
      figure(summarize(afterAnswerMs).p99),
      ...[figure(createdMs / 1_000), figure(allMs / 1_000)],
      ...[figure(cpu.controller), figure(cpu.apiServer)],
    ];
  }),
});

const compareTable = (compared: readonly Compared[]): Table => ({
  title: "**Next to MetalLB's controller, each in a control plane of its own (milliseconds)**",
  header: [
    "program",
    "Services",
    "created",
    "median",
    "p90",
    "p99",
    "max",
    "CPU (s)",
    "memory after all (RSS, MB)",
  ],
  rows: compared.flatMap(({ program, waves, rssMb }) =>
    waves.map(({ name, count, waitsMs, cpu }, index) => {
      const { median, p90, p99, max } = summarize(waitsMs);
      return [
        ...[program, `${count}`, name, figure(median), figure(p90), figure(p99), figure(max)],
        ...[figure(cpu.controller), index === waves.length - 1 ? figure(rssMb) : ""],
      ];
    }),
  ),
});

const requestTable = ({ requests, services }: Allocated): Table => ({
  title: `**Requests of the controller for ${services} Services**`,
  header: ["verb and kind", "requests"],
  rows: Object.entries(requests)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, count]) => [key, `${count}`]),
});

const lifeTable = ({ rssMb, rest, restart, services }: Allocated): Table => ({
  title: `**With ${services} Services**`,
  header: ["what", "measured"],
  rows: [
    ["memory before the first Service (RSS)", `${figure(rssMb.before)} MB`],
    ["memory with all of them (RSS)", `${figure(rssMb.after)} MB`],
    ["memory at its most (RSS)", `${figure(rssMb.peak)} MB`],
    ["memory after a restart (RSS)", `${figure(restart.rssMb)} MB`],
    [`updates of the Lease in ${rest.seconds} s of rest`, `${rest.leaseUpdates}`],
    [`CPU of the controller in ${rest.seconds} s of rest`, `${rest.cpu.controller.toFixed(2)} s`],
    ["from its command until a restarted controller rules", `${figure(restart.readyMs)} ms`],
  ],
});

/**
 * An API server that does not take Services as fast as they come lets their POSTs wait for seconds: of such a wave only what
 * follows its answers says something about the controller.
 */
const waitBar = ({ name, waitsMs, afterAnswerMs, createdMs, lastSentMs }: Wave): Bar => {
  const keepsUp = createdMs - lastSentMs < BEHIND_MS;
  const { p99 } = summarize(keepsUp ? waitsMs : afterAnswerMs);
  const from = keepsUp ? "create" : "the API server's answer, which came late,";
  return {
    what: `${name}: from ${from} to address, p99`,
    limit: `below ${WAIT_LIMIT_MS} ms`,
    measured: `${figure(p99)} ms`,
    met: p99 < WAIT_LIMIT_MS,
  };
};

const barsOf = (measured: Allocated): readonly Bar[] => {
  const { waves, requests, rest, restart, services, rssMb } = measured;
  const statusWrites = requests["patch services/status"] ?? 0;
  const limit = memoryLimit(services);
  const most = Math.max(rssMb.after, restart.rssMb);
  const restShare = rest.cpu.controller / rest.seconds;
  return [
    {
      what: `status writes for ${services} Services`,
      limit: `${services}`,
      measured: `${statusWrites}`,
      met: statusWrites === services,
    },
    ...waves.filter(({ name }) => name !== "at once").map(waitBar),
    ...waves.map(({ name, cpu }) => ({
      what: `${name}: controller's CPU next to the API server's`,
      limit: "below it",
      measured: `${figure(cpu.controller)} s, ${figure(cpu.apiServer)} s`,
      met: cpu.controller < cpu.apiServer,
    })),
    {
      what: `writes in ${rest.seconds} s of rest, besides ${rest.leaseUpdates} of the Lease`,
      limit: "0",
      measured: `${rest.writes}`,
      met: rest.writes === 0,
    },
    {
      what: "share of a core at rest",
      limit: "below 1 %",
      measured: `${(restShare * 100).toFixed(2)} %`,
      met: restShare < REST_CPU_LIMIT,
    },
    { what: "writes after a restart", limit: "0", measured: `${restart.writes}`, met: restart.writes === 0 },
    {
      what: `memory with ${services} Services`,
      limit: `below ${limit} MB`,
      measured: `${figure(most)} MB`,
      met: most < limit,
    },
    {
      what: "memory at its most",
      limit: `below ${CEILING_MB} MB`,
      measured: `${figure(rssMb.peak)} MB`,
      met: rssMb.peak < CEILING_MB,
    },
  ];
};

/** Tables and bars. */
export const reportAllocate = (measured: Allocated): Result => ({
  bench: "allocate",
  tables: [
    compareTable(measured.compared),
    waveTable(measured.waves),
    requestTable(measured),
    lifeTable(measured),
  ],
  bars: barsOf(measured),
  measurements: measured,
});
