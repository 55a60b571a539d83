/**
 * How long users are without the API server when a control-plane host fails, next to keepalived.
 *
 * Three hosts with a real kube-apiserver each. On all of them run steelyard, keepalived as kubeadm documents it, and keepalived as quick as
 * it goes, each with an address of its own that the first host has. Every fault hits the first host, and so all three at the same
 * moment. Users make a new connection every 20 ms to each of the addresses.
 */
import { setTimeout as pause } from "node:timers/promises";
import { monotonicNow } from "#lab/probe/clock";
import { type Masters, openMasters } from "#test/cluster/vip/bed";
import { type Holders, watchHolders } from "#test/cluster/vip/holders";
import { MASTERS, type MasterName, VIRTUAL_ADDRESSES } from "#test/cluster/vip/plan";
import type { ApiRecord } from "#test/cluster/vip/records";
import { answersOf, type Load, outageMs, startLoad } from "#test/cluster/vip/traffic";
import { openVips, type Vips } from "#test/cluster/vip/vip";
import type { BuildCopy } from "./build-copy.ts";
import { DOCUMENTED, type KeepalivedSetup, startKeepalived, TUNED } from "./vip-keepalived.ts";
import { FAULTS, type Fault, PROGRAMS, type Program, type VipRun } from "./vip-report.ts";

/** What happens to one host. */
type HostFault = Exclude<Fault, "restart">;

const FIRST: MasterName = "m1";

/** Each program's address. */
const ADDRESSES: Readonly<Record<Program, string>> = {
  steelyard: VIRTUAL_ADDRESSES[0],
  documented: VIRTUAL_ADDRESSES[1],
  tuned: VIRTUAL_ADDRESSES[2],
};

const SETUPS: readonly KeepalivedSetup[] = [
  { ...DOCUMENTED, address: ADDRESSES.documented, vrid: 61 },
  { ...TUNED, address: ADDRESSES.tuned, vrid: 62 },
];

/** Milliseconds between two requests to one address. */
const SPACING = 20;
/** The longest that a fault is there: the documented check takes half a minute. */
const FAULT_WITHIN_MS = 60_000;
/** How long users are watched once another host has the address, and once the first is back. */
const AFTER_MS = 1_500;
const RETURN_MS = 3_000;

type Keepaliveds = { stop(host: MasterName): Promise<void>; start(host: MasterName): Promise<void> };

type VipBed = {
  readonly masters: Masters;
  readonly vips: Vips;
  readonly keepaliveds: Keepaliveds;
  readonly holders: Holders;
};

const openKeepaliveds = async ({ all, master }: Masters): Promise<Keepaliveds> => {
  const running = new Map<MasterName, readonly { stop(): Promise<unknown> }[]>();
  const start = async (host: MasterName): Promise<void> => {
    const started = [];
    for (const setup of SETUPS) started.push(await startKeepalived(master(host).host, host, setup));
    running.set(host, started);
  };
  for (const { name } of all) await start(name);
  return {
    start,
    stop: async (host) => void (await Promise.all((running.get(host) ?? []).map((each) => each.stop()))),
  };
};

const inject = async ({ masters, vips, keepaliveds }: VipBed, fault: HostFault): Promise<void> => {
  const { apiServer, linkDown } = masters.master(FIRST);
  switch (fault) {
    case "kill":
      return await apiServer.stop("SIGKILL");
    case "freeze":
      return await apiServer.freeze();
    case "silent":
      return await masters.lab.fault({ type: "silence", host: FIRST });
    case "link":
      return await linkDown();
    case "leave":
      await Promise.all([vips.on(FIRST).stop("SIGTERM"), keepaliveds.stop(FIRST)]);
  }
};

const heal = async ({ masters, vips, keepaliveds }: VipBed, fault: HostFault): Promise<void> => {
  const { apiServer, linkUp } = masters.master(FIRST);
  switch (fault) {
    case "kill":
      return await apiServer.start();
    case "freeze":
      return await apiServer.thaw();
    case "silent":
      return await masters.lab.fault({ type: "restore", host: FIRST });
    case "link":
      return await linkUp();
    case "leave":
      await Promise.all([vips.on(FIRST).start(), keepaliveds.start(FIRST)]);
  }
};

const waitUntil = async (what: string, withinMs: number, holds: () => boolean): Promise<void> => {
  const limit = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`after ${withinMs} ms still not: ${what}`);
    await pause(10);
  }
};

/** Whether the first host alone has an address. */
const isHome = ({ holders }: VipBed, program: Program): boolean =>
  holders.now(ADDRESSES[program]).join() === FIRST;

/** All addresses are with the first host again: ours does not go back by itself, so its holder is told to end. */
const goHome = async (bed: VipBed): Promise<void> => {
  const { vips, holders } = bed;
  await waitUntil("keepalived's addresses are back", 60_000, () =>
    PROGRAMS.every((program) => program === "steelyard" || isHome(bed, program)),
  );
  const others = MASTERS.filter((name) => name !== FIRST);
  for (const name of others)
    if (holders.now(ADDRESSES.steelyard).includes(name)) await vips.on(name).stop("SIGTERM");
  await waitUntil("steelyard's address is back", 30_000, () => isHome(bed, "steelyard"));
  await vips.start();
  await pause(500);
};

const startLoads = async ({ masters }: VipBed): Promise<ReadonlyMap<Program, Load>> => {
  const loads = new Map<Program, Load>();
  const { admin } = masters.master("m3").apiServer;
  for (const program of PROGRAMS)
    loads.set(
      program,
      await startLoad(masters, admin, { address: ADDRESSES[program], interval: SPACING, reading: true }),
    );
  return loads;
};

const finishLoads = async (loads: ReadonlyMap<Program, Load>): Promise<ReadonlyMap<Program, ApiRecord>> =>
  new Map(
    await Promise.all([...loads].map(async ([program, load]) => [program, await load.finish()] as const)),
  );

/** Resolves when each address is with another host, or has had time enough. */
const moved = async ({ holders }: VipBed): Promise<void> => {
  const limit = performance.now() + FAULT_WITHIN_MS;
  const hasMoved = (program: Program): boolean =>
    holders.now(ADDRESSES[program]).some((host) => host !== FIRST);
  while (!PROGRAMS.every(hasMoved) && performance.now() < limit) await pause(10);
};

/** One fault, and that host's return, as users of all three addresses saw them. */
const hit = async (bed: VipBed, fault: HostFault): Promise<readonly VipRun[]> => {
  const loads = await startLoads(bed);
  // Faults come at any point of the programs' intervals.
  await pause(500 + Math.random() * 3_000);
  const from = monotonicNow();
  await inject(bed, fault);
  await moved(bed);
  await pause(AFTER_MS);
  const healed = monotonicNow();
  await heal(bed, fault);
  await waitUntil("keepalived's addresses are back", 60_000, () =>
    PROGRAMS.every((program) => program === "steelyard" || isHome(bed, program)),
  );
  await pause(RETURN_MS);
  const to = monotonicNow();
  const records = await finishLoads(loads);
  const stayed = bed.holders.now(ADDRESSES.steelyard);
  return PROGRAMS.map((program): VipRun => {
    const record = records.get(program) ?? { requests: [], watched: [], ends: [] };
    return {
      ...{ fault, program },
      outageMs: outageMs(record, { from, to: healed }),
      returnMs: outageMs(record, { from: healed, to }),
      movedBack: program === "steelyard" ? stayed.includes(FIRST) : isHome(bed, program),
      requests: record.requests.length,
    };
  });
};

/** Everything of Kubernetes ends and is started again, the first host's API server first. */
const hitAll = async (bed: VipBed): Promise<readonly VipRun[]> => {
  const { masters } = bed;
  const loads = await startLoads(bed);
  await Promise.all(masters.all.map(({ apiServer }) => apiServer.stop("SIGKILL")));
  await masters.etcd.stop("SIGKILL");
  await waitUntil(
    "steelyard gives its address up",
    30_000,
    () => bed.holders.now(ADDRESSES.steelyard).length === 0,
  );
  await masters.etcd.start();
  await masters.master(FIRST).apiServer.start();
  const ready = monotonicNow();
  await waitUntil("steelyard has its address", 30_000, () => isHome(bed, "steelyard"));
  await pause(AFTER_MS);
  const to = monotonicNow();
  const records = await finishLoads(loads);
  await masters.start();
  return PROGRAMS.map((program): VipRun => {
    const record = records.get(program) ?? { requests: [], watched: [], ends: [] };
    const first = answersOf(record).find((at) => at > ready) ?? to;
    return {
      ...{ fault: "restart" as const, program, outageMs: (first - ready) / 1_000 },
      ...{ returnMs: Number.NaN, movedBack: false, requests: record.requests.length },
    };
  });
};

const startAll = async (masters: Masters, copy: BuildCopy, flags: readonly string[]): Promise<VipBed> => {
  await masters.start();
  const vips = openVips(masters, { program: copy.direct(), flags });
  const holders = await watchHolders(masters, ADDRESSES.steelyard);
  const keepaliveds = await openKeepaliveds(masters);
  await vips.start();
  return { masters, vips, keepaliveds, holders };
};

/** Faults, each so often, with further flags of `steelyard vip`. */
export const measureVip = async (
  copy: BuildCopy,
  {
    runs,
    say,
    faults = FAULTS,
    flags = [],
  }: {
    readonly runs: number;
    readonly say: (line: string) => void;
    /** Default: all of them. */
    readonly faults?: readonly Fault[];
    readonly flags?: readonly string[];
  },
): Promise<readonly VipRun[]> => {
  const masters = await openMasters();
  try {
    say("vip: starting three API servers");
    const bed = await startAll(masters, copy, flags);
    const all: VipRun[] = [];
    for (const fault of faults) {
      say(`vip: ${fault}, ${runs} runs`);
      for (let run = 0; run < runs; run += 1) {
        await goHome(bed);
        all.push(...(await (fault === "restart" ? hitAll(bed) : hit(bed, fault))));
      }
    }
    return all;
  } finally {
    await masters.close();
  }
};
