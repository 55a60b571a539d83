/** Plays a plan in a lab of its own and gives what was seen. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Instant } from "#base/time";
import { edgeConfig, VIRTUAL_ADDRESS } from "#lab/demo/config";
import { type Holdings, recordHoldings } from "#lab/holdings";
import { openLab, standardTopology } from "#lab/index";
import type { Lab } from "#lab/lab";
import { monotonicNow } from "#lab/probe/clock";
import type { Download } from "#lab/probe/records";
import { startDownloads, startHttpLoad, startServers, startUdpProbe, urlOf } from "#lab/probe/start";
import { type ManagedEdge, manage } from "./edge.ts";
import { inject, type Scene } from "./inject.ts";
import { describeFault, type EdgeName, type Step } from "./plan.ts";
import { GAP_BOUND, type Played, SETTLED_WITHIN, type Seen, type Stretch } from "./verdict.ts";
import { type Weight, weigh } from "./weigh.ts";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const EDGES: readonly [EdgeName, EdgeName] = ["e1", "e2"];
const DIRECT = urlOf(VIRTUAL_ADDRESS, 8080);

export type PlayOptions = {
  readonly plan: readonly Step[];
  /** No step begins after this many seconds; the whole plan is played when there is no such limit. */
  readonly seconds?: number;
  /** Called with each step as it begins, and with what else is worth a line. */
  readonly say: (line: string) => void;
};

/** From the machine's monotonic clock in microseconds to milliseconds since 1970. */
const wallClock = (): ((at: Instant) => number) => {
  const offset = Date.now() - monotonicNow() / 1_000;
  return (at) => at / 1_000 + offset;
};

/** Waits until one edge alone holds the address; gives when, or `undefined` when it takes too long. */
const settled = async (holdings: Holdings): Promise<number | undefined> => {
  const limit = Date.now() + SETTLED_WITHIN;
  while (holdings.holders(VIRTUAL_ADDRESS).length !== 1) {
    if (Date.now() > limit) return undefined;
    await pause(20);
  }
  return Date.now();
};

const startEdge = async (lab: Lab, name: EdgeName): Promise<ManagedEdge> => {
  const config = await lab.write(`${name}.yaml`, edgeConfig(name));
  return await manage(lab.host(name), {
    argv: [process.execPath, MAIN, "edge", "--config", config],
    log: `/run/lab/logs/${name}.log`,
  });
};

/** Long downloads, one batch after the other, until told to end. */
const keepDownloading = (lab: Lab) => {
  const downloads: Download[] = [];
  let going = true;
  const running = (async () => {
    while (going) {
      const batch = await startDownloads(lab.host("cl"), {
        ...{ url: DIRECT, streams: 6, duration: 5, bytes: 200_000, stall: 8_000 },
      });
      downloads.push(...(await batch.finish()).downloads);
    }
  })();
  return async (): Promise<readonly Download[]> => {
    going = false;
    await running;
    return downloads;
  };
};

const overlapsOf = (holdings: Holdings): readonly Stretch[] => {
  const tenures = holdings.tenures(VIRTUAL_ADDRESS);
  return tenures.flatMap((tenure, index) =>
    tenures.slice(index + 1).flatMap((other) => {
      const from = Math.max(tenure.from, other.from);
      const to = Math.min(tenure.to, other.to, Date.now());
      return to > from ? [{ from, to }] : [];
    }),
  );
};

const gapsIn = (answers: readonly number[]): readonly Stretch[] =>
  answers.flatMap((at, index) => {
    const next = answers[index + 1];
    return next !== undefined && next - at > GAP_BOUND ? [{ from: at, to: next }] : [];
  });

type Weights = Record<EdgeName, Weight[]>;

const weighAll = async ({ edges }: Scene, weights: Weights): Promise<void> => {
  for (const name of EDGES) {
    const weight = await weigh(edges[name]);
    if (weight !== undefined) weights[name].push(weight);
  }
};

const playSteps = async (
  scene: Scene,
  holdings: Holdings,
  { plan, seconds = Number.POSITIVE_INFINITY, say, weights }: PlayOptions & { readonly weights: Weights },
): Promise<readonly Played[]> => {
  const played: Played[] = [];
  const until = performance.now() + seconds * 1_000;
  for (const [index, step] of plan.entries()) {
    if (performance.now() >= until) break;
    say(`${index + 1}/${plan.length} ${describeFault(step.fault)}`);
    const from = Date.now();
    const end = await inject(scene, step.fault);
    await pause(step.lasts);
    await end();
    const to = Date.now();
    played.push({ ...step, from, to, settled: await settled(holdings) });
    await weighAll(scene, weights);
    await pause(step.calm);
  }
  return played;
};

/** What two edges that have ended should not have left in their hosts. */
const leftoversOf = async ({ edges }: Scene): Promise<readonly string[]> => {
  const left: string[] = [];
  for (const name of EDGES) {
    const { host, end } = edges[name];
    const files = await end();
    const see = async (what: string, ...argv: readonly string[]): Promise<void> => {
      const { stdout } = await host.run(argv);
      if (stdout.trim() !== "") left.push(`${what} on ${name}: ${stdout.trim()}`);
    };
    await see("nftables rules", "sh", "-c", "nft list tables | grep steelyard");
    await see("address", "sh", "-c", `ip -o address | grep ' ${VIRTUAL_ADDRESS}/'`);
    await see("process", "sh", "-c", `pgrep -a -f 'main.js edge.*${name}.yaml' | grep -v pgrep || :`);
    if (files.length > 0) left.push(`files on ${name}: ${files.join(" ")}`);
  }
  return left;
};

const open = async (lab: Lab): Promise<{ readonly scene: Scene; readonly holdings: Holdings }> => {
  for (const name of ["rt", "n1", "n2", "n3"]) await startServers(lab.host(name));
  const holdings = await recordHoldings(lab);
  const [e1, e2] = [await startEdge(lab, "e1"), await startEdge(lab, "e2")];
  await holdings.settle(VIRTUAL_ADDRESS, ["e1"], 15_000);
  // All backends have been asked by then.
  await pause(1_500);
  return { scene: { lab, edges: { e1, e2 }, address: VIRTUAL_ADDRESS }, holdings };
};

/** What the edges said, by their name. */
export type Logs = Readonly<Record<EdgeName, string>>;

const logsOf = async (lab: Lab): Promise<Logs> => {
  const read = (name: EdgeName) => lab.read(`/run/lab/logs/${name}.log`).catch(() => "");
  return { e1: await read("e1"), e2: await read("e2") };
};

/** Plays the plan; takes four to six seconds a step. */
export const play = async (options: PlayOptions): Promise<Seen & { readonly logs: Logs }> => {
  assert(existsSync(MAIN), 'run "npm run build" first');
  const lab = await openLab(standardTopology({ client: "lan", directReturn: [VIRTUAL_ADDRESS] }));
  try {
    const { scene, holdings } = await open(lab);
    const client = lab.host("cl");
    const toWall = wallClock();
    const udp = await startUdpProbe(client, { address: VIRTUAL_ADDRESS, port: 9000, interval: 5 });
    const http = await startHttpLoad(client, { url: DIRECT, clients: 4, rate: 10 });
    const finishDownloads = keepDownloading(lab);
    const weights: Weights = { e1: [], e2: [] };
    const played = await playSteps(scene, holdings, { ...options, weights });
    const downloads = await finishDownloads();
    const stretch = ({ at, took }: Pick<Download, "at" | "took">): Stretch => ({
      from: toWall(at),
      to: toWall(at) + took / 1_000,
    });
    const { requests } = await http.finish();
    const { answers } = await udp.finish();
    const overlaps = overlapsOf(holdings);
    return {
      ...{ played, weights, overlaps, gaps: gapsIn(answers.map(toWall)) },
      requests: requests.map(({ at, took, ...request }) => ({ ...request, ...stretch({ at, took }) })),
      downloads: downloads.map(({ at, took, ...download }) => ({ ...download, ...stretch({ at, took }) })),
      leftovers: await leftoversOf(scene),
      logs: await logsOf(lab),
    };
  } finally {
    await lab.close();
  }
};
