/**
 * How late advertisements are while the agent parses a large configuration without a pause, without and with a
 * neighbour on every core that parses lists, and whether the standby takes over although nothing has failed.
 *
 * The kernel of a third host stamps each advertisement, so that a late listener does not count as a late sender.
 */
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import type { Advertisement } from "./hearing.ts";
import { startHearing } from "./hearing.ts";
import type { JitterRun } from "./jitter-report.ts";
import { manyServers } from "./many-servers.ts";
import { type Bed, isFrom, type Pair, prepare, type Settings, settle, startEdge } from "./pair.ts";

const PARSER = fileURLToPath(new URL("./programs/parse-lists.ts", import.meta.url));

/** What else goes on while advertisements are timed. */
export type Load = "reloads" | "neighbours and reloads";

export type JitterCase = {
  readonly settings: Settings;
  readonly load: Load;
  readonly seconds: number;
};

/** What the active edge reads again and again: round robin, for its small ruleset. */
const LARGE = { servers: 5_000, scheduler: "round-robin", checked: false } as const;
/** Less than one reading takes, so that the next is always waiting. */
const RELOAD_EVERY_MS = 500;
/** The first ruleset of so many servers takes a while. */
const PATIENCE_MS = 90_000;

const startNeighbours = (lab: Lab): Promise<readonly LabProcess[]> =>
  Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const neighbour = await lab.host("n3").spawn([process.execPath, PARSER]);
      await neighbour.said(/^ready$/m);
      return neighbour;
    }),
  );

/** Makes the edge read its configuration without a pause, though nothing in it has changed; gives how to stop. */
const startReloads = (edge: LabProcess): (() => Promise<number>) => {
  let reloads = 0;
  let stopped = false;
  const reload = async (): Promise<void> => {
    while (!stopped) {
      await edge.signal("SIGHUP");
      reloads += 1;
      await pause(RELOAD_EVERY_MS);
    }
  };
  const work = reload();
  return async () => {
    stopped = true;
    await work;
    return reloads;
  };
};

/** Milliseconds by which each advertisement came later than one interval after the one before. */
const latenesses = (advertisements: readonly Advertisement[], intervalMs: number): readonly number[] =>
  advertisements
    .slice(1)
    .map((each, index) => (each.stamp - (advertisements[index]?.stamp ?? 0)) / 1_000 - intervalMs);

/** How often the standby began to advertise. */
const takeovers = (heard: readonly Advertisement[], pair: Pair): number => {
  const own = heard.filter(({ vrid }) => vrid === pair.vrid);
  const isStandby = isFrom(pair, "standby");
  return own.filter((each, index) => {
    const before = own[index - 1];
    return isStandby(each) && (before === undefined || !isStandby(before));
  }).length;
};

const startPair = async (bed: Bed, settings: Settings): Promise<LabProcess> => {
  const more = manyServers(bed.pair, LARGE);
  const active = await startEdge(bed, "active", { ...settings, more });
  await startEdge(bed, "standby", settings);
  return active;
};

const endPair = async ({ lab, pair }: Bed): Promise<void> => {
  for (const name of Object.values(pair.hosts)) {
    await lab.host(name).signalAll("SIGKILL");
    await lab.host(name).run(["ip", "address", "del", `${pair.virtualAddress}/24`, "dev", "eth0"]);
  }
};

/** Times the advertisements of all pairs under the same load at the same time. */
const measureCase = async (
  beds: readonly Bed[],
  { lab, settings, load, seconds }: JitterCase & { lab: Lab },
): Promise<readonly JitterRun[]> => {
  const edges = new Map<Bed, LabProcess>();
  for (const bed of beds) edges.set(bed, await startPair(bed, settings));
  const hearing = await startHearing(lab.host("rt"), "eth1");
  for (const { pair } of beds) await settle(pair, hearing, PATIENCE_MS);
  await pause(1_000);
  const neighbours = load === "neighbours and reloads" ? await startNeighbours(lab) : [];
  const stops = [...edges].flatMap(([{ pair }, edge]) =>
    pair.program === "steelyard" ? [startReloads(edge)] : [],
  );
  const from = hearing.all().length;
  await pause(seconds * 1_000);
  const heard = hearing.all().slice(from);
  let reloads = 0;
  for (const stop of stops) reloads += await stop();
  for (const neighbour of neighbours) {
    await neighbour.endInput();
    await neighbour.exited;
  }
  await hearing.close();
  for (const bed of beds) await endPair(bed);
  return beds.map(({ pair }) => ({
    program: pair.program,
    intervalMs: settings.intervalMs,
    realtime: settings.realtime !== false && pair.program === "steelyard",
    load: pair.program === "steelyard" ? load : load.replace(/(?: and )?reloads/, "") || "none of its own",
    seconds,
    reloads: pair.program === "steelyard" ? reloads : 0,
    latenessMs: latenesses(heard.filter(isFrom(pair, "active")), settings.intervalMs),
    takeovers: takeovers(heard, pair),
  }));
};

/** What came out so far, so that hours are not lost when a later case fails. */
const summary = ({ program, latenessMs, takeovers: count, reloads }: JitterRun): string => {
  const late = latenessMs.filter((lateness) => lateness > 10).length;
  const most = latenessMs.reduce((max, lateness) => Math.max(max, lateness), 0);
  return `${program}: ${latenessMs.length} advertisements, ${late} late by more than 10 ms, at most ${most.toFixed(1)} ms, ${count} takeovers, ${reloads} reloads`;
};

/** Measures every case in an open lab with four edges. */
export const measureJitter = async (
  beds: readonly Bed[],
  options: { readonly lab: Lab; readonly cases: readonly JitterCase[]; readonly say: (line: string) => void },
): Promise<readonly JitterRun[]> => {
  for (const bed of beds) await prepare(bed);
  const all: JitterRun[] = [];
  for (const each of options.cases) {
    const { settings, load, seconds } = each;
    options.say(
      `jitter: ${settings.intervalMs} ms${settings.realtime === false ? ", without real-time" : ""}, load: ${load}, ${seconds} s`,
    );
    const runs = await measureCase(beds, { ...each, lab: options.lab });
    for (const run of runs) options.say(`jitter: ${summary(run)}`);
    all.push(...runs);
  }
  return all;
};
