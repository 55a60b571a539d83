/**
 * How long clients are without an answer when the active edge fails, next to keepalived.
 *
 * One lab holds both pairs. A client sends a datagram about every millisecond through each virtual address; backends
 * echo it. Faults hit the pairs in turn, at the same points of their advertisement intervals. While one pair is hit
 * the other's longest gap shows what the machine itself adds.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Instant, instant, micros, millis, toMillis } from "#base/time";
import type { Lab } from "#lab/lab";
import { monotonicNow } from "#lab/probe/clock";
import type { UdpRecord } from "#lab/probe/records";
import { longestGap } from "#lab/probe/report";
import { type Probe, startUdpProbe } from "#lab/probe/start";
import { type Advertisement, type Hearing, startHearing } from "./hearing.ts";
import { type Bed, ECHO_PORT, isFrom, PAIRS, prepare, type Settings, settle, startEdge } from "./pair.ts";
import { spread } from "./statistics.ts";
import type { Mode, Run } from "./takeover-report.ts";

/** Gaps up to this are what probes a millisecond apart show on any machine. */
const UNREMARKABLE = millis(10);

/** A fault as it happened to one pair. Times by the monotonic clock. */
type Window = {
  readonly bed: Bed;
  readonly from: Instant;
  readonly to: Instant;
  /** At which share of the active edge's advertisement interval it was meant to be. */
  readonly share: number;
  /** The last advertisement of the active edge, and the first of the standby. */
  readonly last: Advertisement;
  readonly first: Advertisement | undefined;
};

const inject = async ({ lab, pair }: Bed, mode: Mode): Promise<void> => {
  const host = pair.hosts.active;
  switch (mode) {
    case "silent":
      return await lab.fault({ type: "silence", host });
    case "link":
      return await lab.fault({ type: "link-down", host });
    case "kill":
      return await lab.host(host).signalAll("SIGKILL");
    case "stop":
      return await lab.host(host).signalAll("SIGSTOP");
    case "term":
      return await lab.host(host).signalAll("SIGTERM");
  }
};

/** SIGTERM goes to all processes of the edge, as a service manager does; it must end by itself. */
const awaitEmpty = async (lab: Lab, name: string): Promise<void> => {
  const limit = performance.now() + 5_000;
  while (performance.now() < limit) {
    const { hosts } = await lab.status();
    if (hosts.find((host) => host.name === name)?.processes.length === 0) return;
    await pause(20);
  }
  throw new Error(`${name}: processes are left 5 s after SIGTERM`);
};

const heal = async (bed: Bed, mode: Mode, settings: Settings): Promise<void> => {
  const host = bed.pair.hosts.active;
  switch (mode) {
    case "silent":
      return await bed.lab.fault({ type: "restore", host });
    case "link":
      return await bed.lab.fault({ type: "link-up", host });
    case "stop":
      return await bed.lab.host(host).signalAll("SIGCONT");
    case "term":
      await awaitEmpty(bed.lab, host);
      break;
    case "kill":
      break;
  }
  await startEdge(bed, "active", settings);
};

/**
 * Makes the clients' router ask who has the address. An active edge that was cut off and never heard its stand-in sees
 * no reason to announce itself again, and what the router then sends to the stand-in is balanced there as well: the
 * next fault would hit an edge that nobody uses.
 */
const askAnew = async ({ lab, pair }: Bed): Promise<void> => {
  await lab.host("rt").run(["ip", "neighbour", "del", pair.virtualAddress, "dev", "eth1"]);
};

/** Hits a pair at that share of its active edge's advertisement interval, and heals it again. */
const hit = async (
  bed: Bed,
  { mode, share, settings, hearing }: { mode: Mode; share: number; settings: Settings; hearing: Hearing },
): Promise<Window> => {
  const { pair } = bed;
  const { intervalMs } = settings;
  await settle(pair, hearing);
  await pause(50);
  await askAnew(bed);
  await pause(2 * intervalMs + 100);
  const seen = hearing.all().length;
  const tick = await hearing.next({ seen, fits: isFrom(pair, "active"), withinMs: 5_000 });
  if (tick === undefined) throw new Error(`${pair.program}: no advertisement within 5 s`);
  // A whole interval later, so that the point is still to come.
  const target = tick.at + (1 + share) * intervalMs * 1_000;
  await pause(Math.max(0, (target - monotonicNow()) / 1_000));

  const from = monotonicNow();
  await inject(bed, mode);
  const takeover = { seen, fits: isFrom(pair, "standby"), withinMs: 6 * intervalMs + 1_000 };
  const first = await hearing.next(takeover);
  await pause(100 + intervalMs);
  const to = monotonicNow();
  const isLast = isFrom(pair, "active");
  const before = hearing.all().filter((each) => isLast(each) && each.at <= (first?.at ?? to));
  await heal(bed, mode, settings);
  return { bed, share, from, to, last: before.at(-1) ?? tick, first };
};

/** What clients of both pairs saw in a window. */
const judge = (
  { bed, share, from, to, last, first }: Window,
  { mode, intervalMs, answersOf, bootAt }: RunContext,
): Run => {
  const answers = answersOf(bed);
  const gap = longestGap(answers, { from, to });
  // The longest gap may be another one, where the machine is busy.
  const again = first === undefined ? undefined : answers.find((at) => at + bootAt > first.stamp);
  const others = PAIRS.filter((pair) => pair.program !== bed.pair.program);
  const noise = others.map((pair) => longestGap(answersOf({ pair }), { from, to }).length);
  return {
    mode,
    intervalMs,
    share,
    program: bed.pair.program,
    gapMs: toMillis(gap.length),
    // Where nothing is ever missing the longest gap is any, and may be the one that the window cuts.
    recovered: gap.endsAt < to || gap.length < UNREMARKABLE,
    sinceAdvertMs: ((again ?? gap.endsAt) + bootAt - last.stamp) / 1_000,
    detectionMs: first === undefined ? undefined : (first.stamp - last.stamp) / 1_000,
    noiseMs: toMillis(micros(Math.max(0, ...noise))),
  };
};

type RunContext = {
  readonly mode: Mode;
  readonly intervalMs: number;
  readonly answersOf: (bed: Pick<Bed, "pair">) => readonly Instant[];
  /** What the kernel's stamps were, in microseconds, when the monotonic clock began. */
  readonly bootAt: number;
};

/** By the advertisement that was read soonest after the kernel had stamped it: a busy listener is no part of it. */
const bootTime = (heard: readonly Advertisement[]): number =>
  heard.reduce((latest, { at, stamp }) => Math.max(latest, stamp - at), Number.NEGATIVE_INFINITY);

const startProbes = async (lab: Lab): Promise<ReadonlyMap<string, Probe<UdpRecord>>> => {
  const probes = new Map<string, Probe<UdpRecord>>();
  for (const { program, virtualAddress } of PAIRS)
    probes.set(program, await startUdpProbe(lab.host("cl"), { address: virtualAddress, port: ECHO_PORT }));
  return probes;
};

/** All runs of one mode at one interval: the pairs in turn, the same points of the interval for both. */
const runMode = async (
  beds: readonly Bed[],
  { lab, mode, runs, settings }: { lab: Lab; mode: Mode; runs: number; settings: Settings },
): Promise<readonly Run[]> => {
  const hearing = await startHearing(lab.host("rt"), "eth1");
  const probes = await startProbes(lab);
  const windows: Window[] = [];
  for (const share of spread(runs))
    for (const bed of beds) windows.push(await hit(bed, { mode, share, settings, hearing }));
  const answersByProgram = new Map<string, readonly Instant[]>();
  for (const [program, probe] of probes)
    answersByProgram.set(
      program,
      (await probe.finish()).answers.map((at) => instant(at)),
    );
  const bootAt = bootTime(hearing.all());
  await hearing.close();
  const answersOf = ({ pair }: Pick<Bed, "pair">) => answersByProgram.get(pair.program) ?? [];
  return windows.map((window) => judge(window, { mode, intervalMs: settings.intervalMs, answersOf, bootAt }));
};

/** What is measured with edges that are started once. */
export type TakeoverCase = {
  readonly intervalMs: number;
  readonly modes: readonly Mode[];
  /** Of each mode and program. */
  readonly runs: number;
};

/** Measures every case in an open lab with four edges and three backends. */
export const measureTakeover = async (
  beds: readonly Bed[],
  options: {
    readonly lab: Lab;
    readonly cases: readonly TakeoverCase[];
    readonly say: (line: string) => void;
  },
): Promise<readonly Run[]> => {
  const { lab, say } = options;
  const all: Run[] = [];
  for (const bed of beds) await prepare(bed);
  for (const { intervalMs, modes, runs } of options.cases) {
    const settings = { intervalMs };
    for (const bed of beds) {
      await startEdge(bed, "active", settings);
      await startEdge(bed, "standby", settings);
    }
    for (const mode of modes) {
      say(`takeover: ${mode} at ${intervalMs} ms, ${runs} runs of each`);
      all.push(...(await runMode(beds, { lab, mode, runs, settings })));
    }
    for (const { pair } of beds) {
      await lab.host(pair.hosts.active).signalAll("SIGKILL");
      await lab.host(pair.hosts.standby).signalAll("SIGKILL");
      for (const host of Object.values(pair.hosts))
        await lab.host(host).run(["ip", "address", "del", `${pair.virtualAddress}/24`, "dev", "eth0"]);
    }
  }
  return all;
};
