/** Plays a plan in a lab of its own and gives what was seen. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Instant } from "#base/time";
import { VIRTUAL_ADDRESS } from "#lab/demo/config";
import { type Holdings, recordHoldings } from "#lab/holdings";
import type { LabHostHandle } from "#lab/host";
import { openLab, standardTopology } from "#lab/index";
import type { Lab } from "#lab/lab";
import { monotonicNow } from "#lab/probe/clock";
import type { Download, HttpRecord, UdpRecord } from "#lab/probe/records";
import {
  type Probe,
  startDownloads,
  startHttpLoad,
  startServers,
  startUdpProbe,
  urlOf,
} from "#lab/probe/start";
import { chaosConfig, KEPT_ADDRESS, parsed, SERVICES, type Service } from "./config.ts";
import { type ManagedEdge, manage } from "./edge.ts";
import { inject, resetSettings, type Scene } from "./inject.ts";
import { describeFault, type EdgeName, type Step } from "./plan.ts";
import { settingsOf, wrongSettings } from "./settings.ts";
import { pausesIn, type Stretch, type Tenure } from "./stretch.ts";
import { type Played, SETTLED_WITHIN, type Seen } from "./verdict.ts";
import { type Weight, weigh } from "./weigh.ts";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const EDGES: readonly [EdgeName, EdgeName] = ["e1", "e2"];
const ENGINE = "nftables";
/** Serves the same as a node, and no fault meets it. */
const ROUTER = parsed("10.2.0.1");
const ADDRESSES = [VIRTUAL_ADDRESS, KEPT_ADDRESS];
/** Clients and requests a second of each. */
const LOADS: readonly (readonly [Service, number, number])[] = [
  ["direct", 4, 10],
  ["web", 3, 5],
  ["kept", 2, 5],
];
/** Nobody is ever too busy to answer for so long without its being worth a line, in milliseconds. */
const PAUSE = 60;
/** Each takes a few per cent of a CPU. */
const MOST_CONTROLS = 4;

const at = (service: Service): string => urlOf(SERVICES[service].address, SERVICES[service].port);

export type PlayOptions = {
  readonly plan: readonly Step[];
  /** No step begins after this many seconds; the whole plan is played when there is no such limit. */
  readonly seconds?: number;
  /** What forwards on each edge; nftables when it is not said. */
  readonly engines?: Partial<Record<EdgeName, string>>;
  /** Called with each step as it begins, and with what else is worth a line. */
  readonly say: (line: string) => void;
};

/** From the machine's monotonic clock in microseconds to milliseconds since 1970. */
const wallClock = (): ((at: Instant) => number) => {
  const offset = Date.now() - monotonicNow() / 1_000;
  return (at) => at / 1_000 + offset;
};

/** Waits until one edge alone holds each address; gives when, or `undefined` when it takes too long. */
const settled = async (holdings: Holdings): Promise<number | undefined> => {
  const limit = Date.now() + SETTLED_WITHIN;
  while (ADDRESSES.some((address) => holdings.holders(address).length !== 1)) {
    if (Date.now() > limit) return undefined;
    await pause(20);
  }
  return Date.now();
};

const startEdge = async (lab: Lab, name: EdgeName, engine: string): Promise<ManagedEdge> => {
  const config = await lab.write(`${name}.yaml`, chaosConfig(name));
  return await manage(lab.host(name), {
    argv: [process.execPath, MAIN, "edge", "--config", config, "--engine", engine],
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
        ...{ url: at("direct"), streams: 6, duration: 5, bytes: 200_000, stall: 8_000 },
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

const isEdge = ({ host }: Tenure): boolean => host === "e1" || host === "e2";

const tenuresIn = (holdings: Holdings): Seen["tenures"] =>
  Object.fromEntries(ADDRESSES.map((address) => [address, holdings.tenures(address).filter(isEdge)]));

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
    const alone = await settled(holdings);
    played.push({ ...step, from, to, settled: alone, wrong: await wrongSettings(scene) });
    await weighAll(scene, weights);
    await pause(step.calm);
  }
  return played;
};

/** What two edges that have ended should not have left in their hosts. */
const leftoversOf = async (
  { edges }: Scene,
  settings: Readonly<Record<EdgeName, ReadonlySet<string>>>,
): Promise<readonly string[]> => {
  const left: string[] = [];
  for (const name of EDGES) {
    const { host, end } = edges[name];
    const files = await end();
    const see = async (what: string, ...argv: readonly string[]): Promise<void> => {
      const { stdout } = await host.run(argv);
      if (stdout.trim() !== "") left.push(`${what} on ${name}: ${stdout.trim()}`);
    };
    await see("nftables rules", "sh", "-c", "nft list tables | grep steelyard");
    await see("address", "sh", "-c", `ip -o address | grep -E ' (${ADDRESSES.join("|")})/'`);
    await see("interface", "sh", "-c", "ip -o link | grep vrrp");
    await see("process", "sh", "-c", `pgrep -a -f 'main.js edge.*${name}.yaml' | grep -v pgrep || :`);
    const now = await settingsOf(host);
    const other = [...now].filter((line) => !settings[name].has(line));
    const gone = [...settings[name]].filter((line) => !now.has(line));
    if (other.length > 0 || gone.length > 0)
      left.push(`settings on ${name}: ${other.join(" ")} instead of ${gone.join(" ")}`);
    if (files.length > 0) left.push(`files on ${name}: ${files.join(" ")}`);
  }
  return left;
};

const open = async (lab: Lab, { e1: first = ENGINE, e2: second = ENGINE }: PlayOptions["engines"] = {}) => {
  for (const name of ["rt", "n1", "n2", "n3"]) await startServers(lab.host(name));
  const holdings = await recordHoldings(lab);
  // As on a machine that has never forwarded anything.
  for (const name of EDGES) await resetSettings(lab.host(name));
  const settings = { e1: await settingsOf(lab.host("e1")), e2: await settingsOf(lab.host("e2")) };
  const [e1, e2] = [await startEdge(lab, "e1", first), await startEdge(lab, "e2", second)];
  for (const address of ADDRESSES) await holdings.settle(address, ["e1"], 15_000);
  // All backends have been asked by then.
  await pause(1_500);
  const scene: Scene = { lab, edges: { e1, e2 }, address: VIRTUAL_ADDRESS };
  return { scene, holdings, settings };
};

/** What the edges said, by their name. */
export type Logs = Readonly<Record<EdgeName, string>>;

const logsOf = async (lab: Lab): Promise<Logs> => {
  const read = (name: EdgeName) => lab.read(`/run/lab/logs/${name}.log`).catch(() => "");
  return { e1: await read("e1"), e2: await read("e2") };
};

const stretchOf =
  (toWall: (at: Instant) => number) =>
  <Record extends Pick<Download, "at" | "took">>({ at: began, took, ...rest }: Record) => ({
    ...rest,
    from: toWall(began),
    to: toWall(began) + took / 1_000,
  });

/**
 * Probes between two hosts that no fault meets, one on each CPU: the kernel takes packets where they were sent, and when a CPU
 * has no time for that, those wait while others pass.
 */
const startControls = async (client: LabHostHandle): Promise<readonly Probe<UdpRecord>[]> => {
  const controls: Probe<UdpRecord>[] = [];
  for (let cpu = 0; cpu < Math.min(availableParallelism(), MOST_CONTROLS); cpu += 1) {
    const control = await startUdpProbe(client, { address: ROUTER, port: 9000, interval: 5, flows: 1 });
    // Where CPUs have other numbers, or none may be chosen, it goes where it is put.
    await client.run(["taskset", "-apc", String(cpu), String(control.process.pid)]);
    controls.push(control);
  }
  return controls;
};

/** Everything that clients do, until told to end; what it gives then is what they saw. */
const startClients = async (lab: Lab) => {
  const client = lab.host("cl");
  const stretch = stretchOf(wallClock());
  const toWall = wallClock();
  const udp = await startUdpProbe(client, { address: VIRTUAL_ADDRESS, port: 9000, interval: 5 });
  const controls = await startControls(client);
  const loads: { readonly service: Service; readonly load: Probe<HttpRecord> }[] = [];
  for (const [service, clients, rate] of LOADS)
    loads.push({ service, load: await startHttpLoad(client, { url: at(service), clients, rate }) });
  const finishDownloads = keepDownloading(lab);
  return async (): Promise<Pick<Seen, "requests" | "downloads" | "gaps" | "hiccups">> => {
    const downloads = await finishDownloads();
    const requests = [];
    for (const { service, load } of loads)
      requests.push(...(await load.finish()).requests.map((each) => ({ service, ...stretch(each) })));
    const { answers } = await udp.finish();
    const hiccups: Stretch[] = [];
    for (const control of controls)
      hiccups.push(...pausesIn((await control.finish()).answers.map(toWall), PAUSE));
    return {
      requests: requests.sort((left, right) => left.from - right.from),
      downloads: downloads.map((each) => ({ service: "direct" as const, ...stretch(each) })),
      gaps: pausesIn(answers.map(toWall), PAUSE),
      hiccups,
    };
  };
};

/** Plays the plan; takes four to six seconds a step. */
export const play = async (options: PlayOptions): Promise<Seen & { readonly logs: Logs }> => {
  assert(existsSync(MAIN), 'run "npm run build" first');
  const lab = await openLab(standardTopology({ client: "lan", directReturn: [VIRTUAL_ADDRESS] }));
  try {
    const { scene, holdings, settings } = await open(lab, options.engines);
    const finish = await startClients(lab);
    const weights: Weights = { e1: [], e2: [] };
    const played = await playSteps(scene, holdings, { ...options, weights });
    const seen = await finish();
    return {
      ...{ ...seen, played, weights, tenures: tenuresIn(holdings), until: Date.now() },
      leftovers: await leftoversOf(scene, settings),
      logs: await logsOf(lab),
    };
  } finally {
    await lab.close();
  }
};
