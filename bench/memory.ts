/** What the wire process and the agent weigh together: with a small configuration, and with many virtual servers. */
import { setTimeout as pause } from "node:timers/promises";
import type { Status } from "#api/status";
import type { LabHostHandle } from "#lab/host";
import type { Lab } from "#lab/lab";
import type { BuildCopy } from "./build-copy.ts";
import { manyServers } from "./many-servers.ts";
import { echoResource, PAIRS, type Pair, routerResource } from "./pair.ts";
import { type Bar, figure, type Result } from "./report.ts";

/** The weight of one process in megabytes (2^20 bytes). */
export type Weight = {
  /** Proportional set size: pages that both share count half for each. */
  readonly pssMb: number;
  /** What would be free if the process ended. */
  readonly privateMb: number;
  /** Resident set size, which counts shared pages for each. */
  readonly rssMb: number;
};

type Weights = {
  readonly name: string;
  readonly limitMb: number;
  readonly wire: Weight;
  readonly agent: Weight;
};

const CONFIG = "/run/edge.yaml";
const ADMIN = "/run/steelyard/edge.sock";
/** What is promised for 500 virtual servers, for as many as large clusters have Services, and for any configuration. */
const LIMIT_MB = 100;
const LARGE_LIMIT_MB = 130;
const CEILING_MB = 160;
/** Time for the start's garbage to be collected and for health checks to come round. */
const SETTLING_MS = 10_000;
/** Starting with thousands of elements takes longer. */
const PATIENCE_MS = 300_000;

const sum = (rollup: string, fields: readonly string[]): number =>
  fields.reduce(
    (total, field) => total + Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0),
    0,
  ) / 1_024;

/** Weighs a process of a host by its number inside of the lab. */
export const weigh = async (host: LabHostHandle, pid: number): Promise<Weight> => {
  const rollup = await host.expect(["cat", `/proc/${pid}/smaps_rollup`]);
  return {
    pssMb: sum(rollup, ["Pss"]),
    privateMb: sum(rollup, ["Private_Clean", "Private_Dirty", "Private_Hugetlb"]),
    rssMb: sum(rollup, ["Rss"]),
  };
};

/** The status once forwarding is in place. */
const readyStatus = async (host: LabHostHandle, copy: BuildCopy): Promise<Status> => {
  const limit = performance.now() + PATIENCE_MS;
  while (performance.now() < limit) {
    const { code, stdout } = await host.run(copy.direct("status", "--admin", ADMIN, "--json"));
    const status: Status | undefined = code === 0 ? JSON.parse(stdout) : undefined;
    if (status?.forwarding.state === "applied" && status.config.generation > 0) return status;
    await pause(200);
  }
  throw new Error(`the edge is not ready after ${PATIENCE_MS} ms`);
};

const measureOne = async (
  lab: Lab,
  {
    copy,
    name,
    config,
    limitMb,
    settlingMs,
  }: { copy: BuildCopy; name: string; config: string; limitMb: number; settlingMs: number },
): Promise<Weights> => {
  const host = lab.host("e1");
  await host.write(CONFIG, config);
  const command = copy.direct("edge", "--config", CONFIG, "--admin", ADMIN);
  const edge = await host.spawn(command, { log: "/run/lab/logs/e1.log", env: copy.environment });
  const status = await readyStatus(host, copy);
  await pause(settlingMs);
  const [wire, agent] = [await weigh(host, status.wire.pid), await weigh(host, status.agent.pid)];
  await edge.stop(10_000);
  return { name, limitMb, wire, agent };
};

const router = (pair: Pair): string => routerResource(pair, "active", { intervalMs: 200 });

/** What takes too long for a first impression. */
const largeConfigurations = (pair: Pair) => [
  {
    // Tables of the usual size would give the kernel ten million slots, which takes minutes.
    name: "10000 virtual servers x 3 backends, 251 slots, unchecked",
    limitMb: LARGE_LIMIT_MB,
    config:
      router(pair) +
      manyServers(pair, { servers: 10_000, scheduler: "consistent-hash", tableSize: 251, checked: false }),
  },
  {
    name: "5000 virtual servers x 10 backends, unchecked",
    limitMb: CEILING_MB,
    config:
      router(pair) +
      manyServers(pair, { servers: 5_000, backends: 10, scheduler: "consistent-hash", checked: false }),
  },
];

/** Weighs every configuration in an open lab; no other program runs the copied Node.js. */
export const measureMemory = async (
  lab: Lab,
  { copy, quick }: { copy: BuildCopy; quick: boolean },
): Promise<readonly Weights[]> => {
  const settlingMs = quick ? 6_000 : SETTLING_MS;
  const configurations = PAIRS.slice(0, 1).flatMap((pair) => [
    {
      name: "1 virtual server x 3 backends",
      limitMb: LIMIT_MB,
      config: `${router(pair)}---\n${echoResource(pair)}`,
    },
    {
      name: "500 virtual servers x 3 backends",
      limitMb: LIMIT_MB,
      config: router(pair) + manyServers(pair, { servers: 500, scheduler: "consistent-hash", checked: true }),
    },
    ...(quick ? [] : largeConfigurations(pair)),
  ]);
  const all: Weights[] = [];
  for (const each of configurations) all.push(await measureOne(lab, { ...each, copy, settlingMs }));
  return all;
};

const row = (name: string, { pssMb, privateMb, rssMb }: Weight): readonly string[] => [
  name,
  ...[pssMb, privateMb, rssMb].map(figure),
];

/** The tables and bars of what was weighed. */
export const reportMemory = (all: readonly Weights[]): Result => {
  const bars: readonly Bar[] = all.map(({ name, limitMb, wire, agent }) => {
    const total = wire.pssMb + agent.pssMb;
    return {
      what: `${name}: PSS of both`,
      limit: `below ${limitMb} MB`,
      measured: `${figure(total)} MB`,
      met: total < limitMb,
    };
  });
  return {
    bench: "memory",
    tables: all.map(({ name, wire, agent }) => ({
      title: `**${name} (megabytes)**`,
      header: ["process", "PSS", "private", "RSS"],
      rows: [
        row("wire", wire),
        row("agent", agent),
        [
          "both",
          figure(wire.pssMb + agent.pssMb),
          figure(wire.privateMb + agent.privateMb),
          "", // The RSS of both counts what they share twice.
        ],
      ],
    })),
    bars,
    measurements: all,
  };
};
