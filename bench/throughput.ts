/**
 * How much traffic a balancer passes, and what it costs, next to a direct path and to what people use today.
 *
 * Rounds take all variants in turn, so that a slow minute meets them all; figures are medians over the rounds and
 * ratios to the direct path of the same run. Client, balancer and backends share the machine's cores: what a balancer
 * spends is missing for the others, so the ratio shows its cost.
 */
import { readFileSync } from "node:fs";
import type { Lab } from "#lab/lab";
import { describeRatio, pairedRatio, reaches } from "./paired.ts";
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { median } from "./statistics.ts";
import { HTTP_PORT, STREAM_PORT, type Variant } from "./throughput-variants.ts";

const METRICS = ["keepalive", "connections", "upload", "download"] as const;
type Metric = (typeof METRICS)[number];

/** One variant in one round: requests a second, new connections a second, gigabits a second; CPU in microseconds each. */
export type Round = Readonly<Record<Metric, number>> & { readonly cpuPerConnection: number };

const NODE_NGINX = `daemon off; pid /run/nginx.pid; error_log /dev/null; worker_processes 1; worker_rlimit_nofile 65535;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 100000000;
  server { listen ${HTTP_PORT} backlog=16384; location / { return 200 "ok\\n"; } } }
`;

/** The nodes hold the virtual address in direct server return, and must not answer for it. */
const QUIET = ["net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"];
/** Ports are used again within seconds: what waits for late packets of their last connection must let go by then. */
const PORTS = [
  "net.ipv4.ip_local_port_range=1024 65535",
  "net.ipv4.tcp_tw_reuse=1",
  "net.ipv4.tcp_timestamps=2",
  "net.core.somaxconn=65535",
  "net.ipv4.tcp_max_syn_backlog=65535",
];
const FORGETFUL = ["time_wait", "close", "last_ack", "fin_wait", "close_wait"].map(
  (state) => `net.netfilter.nf_conntrack_tcp_timeout_${state}=1`,
);

/** Starts the nodes' servers and widens what would otherwise limit the client. */
export const prepare = async (lab: Lab): Promise<void> => {
  const config = await lab.write("node-nginx.conf", NODE_NGINX);
  for (const name of ["n1", "n2", "n3"]) {
    await lab.host(name).spawn(["nginx", "-c", config]);
    await lab.host(name).expect(["sysctl", "-qw", ...QUIET]);
    await lab.host(name).spawn(["iperf3", "-s", "-p", `${STREAM_PORT}`]);
  }
  for (const name of ["cl", "e1", "n1", "n2", "n3"]) await lab.host(name).expect(["sysctl", "-qw", ...PORTS]);
  await lab.host("e1").run(["sysctl", "-qw", ...FORGETFUL]);
};

/** Busy time of the whole machine in microseconds: everything but idle and waiting for disks. */
const busyMicros = (): number => {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync("/proc/stat", "latin1")
    .split("\n", 1)
    .flatMap((line) => line.split(/\s+/))
    .map(Number);
  // In hundredths of a second.
  return (user + nice + system + irq + softirq) * 10_000;
};

/** Each thread of the client talks to a target of its own where there are several. */
const spreadScript = (targets: readonly string[]): string => `
local targets, count = { ${targets.map((target) => `"${target}"`).join(", ")} }, 0
function setup(thread)
  count = count + 1
  thread.addr = wrk.lookup(targets[(count - 1) % #targets + 1], "${HTTP_PORT}")[1]
end
`;

/** Seconds that wrk may take longer than it measures. */
const WRK_GRACE = 6;

const wrk = async (
  lab: Lab,
  options: { readonly targets: Variant["targets"]; readonly seconds: number; readonly close: boolean },
): Promise<number> => {
  const { targets, seconds, close } = options;
  const script = await lab.write("spread.lua", spreadScript(targets));
  const header = close ? ["-H", "Connection: close"] : [];
  const url = `http://${targets[0]}:${HTTP_PORT}/`;
  const argv = ["wrk", "-t3", "-c33", "-d", `${seconds}s`, "-s", script, ...header, url];
  // It waits for a connection that nobody ends, long after its time is over.
  const { code, stdout } = await lab.host("cl").run(argv, { timeoutMs: (seconds + WRK_GRACE) * 1_000 });
  if (code !== 0) throw new Error(`wrk got no answer on some connection to ${targets[0]}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
};

const stream = async (lab: Lab, target: string, reverse: boolean): Promise<number> => {
  const direction = reverse ? ["-R"] : [];
  const argv = ["iperf3", "-c", target, "-p", `${STREAM_PORT}`, "-t", "2", "-J", ...direction];
  const { stdout } = await lab.host("cl").run(argv, { timeoutMs: 20_000 });
  return Number(JSON.parse(stdout).end?.sum_received?.bits_per_second ?? Number.NaN) / 1e9;
};

/** Packets that came into the edge so far. */
const received = async (lab: Lab): Promise<number> =>
  Number(await lab.host("e1").expect(["cat", "/sys/class/net/eth0/statistics/rx_packets"]));

const measure = async (lab: Lab, { name, targets }: Variant, seconds: number): Promise<Round> => {
  const packets = await received(lab);
  const keepalive = await wrk(lab, { targets, seconds, close: false });
  const passed = (await received(lab)) - packets;
  // A node that answers for the address itself would make any balancer look fast.
  if (name !== "direct" && passed < keepalive * seconds * 0.9)
    throw new Error(`${name}: ${passed} packets for ${keepalive} requests a second: not all went through it`);
  const before = busyMicros();
  const connections = await wrk(lab, { targets, seconds, close: true });
  const cpuPerConnection = (busyMicros() - before) / (connections * seconds);
  const upload = await stream(lab, targets[0], false);
  return { keepalive, connections, cpuPerConnection, upload, download: await stream(lab, targets[0], true) };
};

export type Measured = ReadonlyMap<string, readonly Round[]>;

/** How often a balancer may be started until it answers all of a round, and how long each start may take, in milliseconds. */
const STARTS = 3;
const ANSWER_WITHIN_MS = 8_000;

const answers = async (lab: Lab, target: string): Promise<boolean> => {
  const argv = ["curl", "-sf", "-o", "/dev/null", "-m", "1", `http://${target}:${HTTP_PORT}/`];
  const limit = performance.now() + ANSWER_WITHIN_MS;
  while (performance.now() < limit) {
    if ((await lab.host("cl").run(argv)).code === 0) return true;
  }
  return false;
};

/** One round of a variant, or why there is none. */
const attempt = async (lab: Lab, variant: Variant, seconds: number): Promise<Round | string> => {
  await variant.up();
  try {
    if (!(await answers(lab, variant.targets[0]))) return "does not answer";
    return await measure(lab, variant, seconds);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await variant.down();
  }
};

/** Starts a variant and measures it. One that fails is started again, which is said. */
const playRound = async (
  lab: Lab,
  variant: Variant,
  { seconds, say }: { readonly seconds: number; readonly say: (line: string) => void },
): Promise<Round> => {
  for (let tries = 1; ; tries += 1) {
    const round = await attempt(lab, variant, seconds);
    if (typeof round !== "string") return round;
    say(`throughput: ${variant.name}, start ${tries}: ${round}`);
    if (tries === STARTS) throw new Error(`${variant.name}: ${round}`);
  }
};

/** Measures all variants, round after round; every second round backwards, so that none is always the first after another. */
export const measureThroughput = async (
  lab: Lab,
  options: {
    readonly variants: readonly Variant[];
    readonly rounds: number;
    /** Of each request test. */
    readonly seconds: number;
    readonly say: (line: string) => void;
  },
): Promise<Measured> => {
  const measured = new Map<string, Round[]>();
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const variant of round % 2 === 1 ? options.variants : options.variants.toReversed()) {
      options.say(`throughput: round ${round}, ${variant.name}`);
      const rounds = measured.get(variant.name) ?? [];
      measured.set(variant.name, [...rounds, await playRound(lab, variant, options)]);
    }
  }
  return measured;
};

const medianOf = (measured: Measured, variant: string, metric: keyof Round): number =>
  median((measured.get(variant) ?? []).map((round) => round[metric]));

const WORDS: Readonly<Record<Metric, string>> = {
  keepalive: "keep-alive requests",
  connections: "new connections",
  upload: "upload",
  download: "download",
};

type Comparison = {
  readonly mine: string;
  readonly theirs: string;
  readonly least: number;
};

/** A bar for each metric: the ratio in the same round, judged by what the rounds can tell. */
const barsOf = (measured: Measured, { mine, theirs, least }: Comparison): readonly Bar[] =>
  METRICS.map((metric) => {
    const of = (variant: string): readonly number[] =>
      (measured.get(variant) ?? []).map((round) => round[metric]);
    const ratio = pairedRatio(of(mine), of(theirs));
    const isEqual = ratio.median < least && reaches(ratio, least);
    return {
      what: `${mine} / ${theirs}: ${WORDS[metric]}`,
      limit: `at least ${least.toFixed(1)}`,
      measured: `${describeRatio(ratio)}${isEqual ? ": equal within the spread" : ""}`,
      met: reaches(ratio, least),
    };
  });

/**
 * What the balancer spends itself: client and nodes have the same processors and most of the work, so requests alone cannot
 * show a balancer that costs next to nothing as twice another one.
 */
const addedBar = (measured: Measured, { mine, theirs, least }: Comparison): Bar => {
  const added = (variant: string): number =>
    medianOf(measured, variant, "cpuPerConnection") - medianOf(measured, "direct", "cpuPerConnection");
  const [ours, other] = [added(mine), added(theirs)];
  return {
    what: `${theirs} / ${mine}: CPU time that each adds to a connection`,
    limit: `at least ${least.toFixed(1)}`,
    measured: `${figure(other)} µs / ${figure(ours)} µs = ${figure(other / ours)}`,
    met: other >= least * ours,
  };
};

const JUDGED =
  "Bars: the ratio in each round, its median, and between which rounds the median's interval lies (95 %, or all rounds " +
  "where they are too few for that). A median below the bar counts as equal only if the interval reaches the bar and is no wider than a tenth.";

type Size = { readonly rounds: number; readonly seconds: number };

/** Medians of all variants, and their ratios to those of `base`. */
const table = (measured: Measured, { base, size }: { readonly base: string; readonly size: Size }): Table => {
  const cell = (variant: string, metric: Metric): string => {
    const value = medianOf(measured, variant, metric);
    return `${figure(value)} (${(value / medianOf(measured, base, metric)).toFixed(2)})`;
  };
  return {
    title: `**Medians, and the ratio to ${base === "direct" ? "the direct path" : base}**`,
    header: [
      "path",
      "keep-alive req/s",
      "new connections/s",
      "CPU µs/connection",
      "upload Gb/s",
      "download Gb/s",
    ],
    rows: [...measured.keys()].map((name) => [
      name,
      cell(name, "keepalive"),
      cell(name, "connections"),
      figure(medianOf(measured, name, "cpuPerConnection")),
      cell(name, "upload"),
      cell(name, "download"),
    ]),
    notes: [`Rounds: ${size.rounds}; each request test of ${size.seconds} s, each stream of 2 s.`, JUDGED],
  };
};

/** The table and the bars. */
export const reportThroughput = (measured: Measured, size: Size): Result => ({
  bench: "throughput",
  tables: [table(measured, { base: "direct", size })],
  bars: [
    { mine: "steelyard masquerade", theirs: "nftlb snat", least: 1 },
    { mine: "steelyard dsr", theirs: "haproxy tcp", least: 2 },
  ]
    .flatMap((comparison) => barsOf(measured, comparison))
    .concat(addedBar(measured, { mine: "steelyard dsr", theirs: "haproxy tcp", least: 2 })),
  measurements: Object.fromEntries(measured),
});

/** Two of them alone, which need more rounds to be told apart. */
export const reportDuel = (
  measured: Measured,
  { mine, theirs, size }: { readonly mine: string; readonly theirs: string; readonly size: Size },
): Pick<Result, "tables" | "bars" | "measurements"> => ({
  tables: [table(measured, { base: theirs, size })],
  bars: barsOf(measured, { mine, theirs, least: 1 }),
  measurements: Object.fromEntries(measured),
});
