/**
 * One round of the bench of BGP: starts an announcer beside itself, tells it routes, and asks the routers when they have them.
 * Prints one line of JSON.
 *
 * Its argument is a `RoundOrder`. Announcer and routers are in different hosts of a lab; the routers' control socket is a file that
 * both see.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Round, RoundOrder } from "../bgp-announce.ts";
import { type Announcer, type Saying, startAnnouncer } from "../bgp-announcers.ts";
import { openBirdControl, RECEIVER_CONTROL, ROUTERS, readTables, type Tables } from "../bgp-bird.ts";
import { cpuSeconds, peakMb } from "../process-figures.ts";

const ROUTER_ID = "10.2.0.11";
/** For everything that is waited for. */
const PATIENCE_MS = 60_000;
/** Between two questions to the routers. */
const SPACING_MS = 1;
/** After which memory is looked at, and after which it is looked at again. */
const SETTLING_MS = 1_500;
/** V8 gives pages back some ten seconds after a program begins to rest. */
const REST_MS = 15_000;

const order: RoundOrder = JSON.parse(process.argv[2] ?? "");
const addresses = Array.from(
  { length: order.prefixes },
  (_, index) => `100.64.${index >> 8}.${index & 0xff}`,
);
const bird = await openBirdControl(RECEIVER_CONTROL);

/** Asks until it is so; milliseconds since `began`. */
const until = async (what: string, isSo: (tables: Tables) => boolean, began: number): Promise<number> => {
  for (;;) {
    const tables = readTables(await bird.ask("show protocols all"));
    const passed = performance.now() - began;
    if (isSo(tables)) return passed;
    if (passed > PATIENCE_MS)
      throw new Error(`${what}: not after ${PATIENCE_MS} ms: ${JSON.stringify(tables)}`);
    await pause(SPACING_MS);
  }
};

/** Says something, and waits until every router has so many routes; milliseconds. */
const sayUntil = (saying: Saying, count: number): Promise<number> => {
  const began = performance.now();
  saying();
  const isSo = ({ routes }: Tables): boolean =>
    routes.length === ROUTERS.length && routes.every((each) => each === count);
  return until(`${count} routes`, isSo, began);
};

const pssMb = (pid: number | undefined, part: "Pss" | "Pss_Anon" = "Pss"): number => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(new RegExp(`^${part}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1]) / 1_024;
};

/** The time of one prefix's withdrawal, again and again; each prefix once, far from the last. */
const withdrawOneByOne = async ({ say }: Announcer): Promise<readonly number[]> => {
  const all: number[] = [];
  for (let run = 0; run < order.withdrawals; run += 1) {
    const one = [addresses[(run * 997) % addresses.length] ?? ""];
    const [gone, back] = [say("withdraw", one), say("announce", one)];
    all.push(await sayUntil(gone, addresses.length - 1));
    await sayUntil(back, addresses.length);
  }
  return all;
};

const measure = async (announcer: Announcer, began: number): Promise<Omit<Round, "handshakeMs">> => {
  const { child, say } = announcer;
  const readyMs = performance.now() - began;
  const establishedMs = await until(
    "all sessions",
    ({ established }) => established === ROUTERS.length,
    began,
  );
  await pause(300);
  const sayings = [say("announce", addresses), say("withdraw", addresses)] as const;
  const used = { announcer: cpuSeconds(child.pid), routers: cpuSeconds(order.routersPid) };
  const setupCpuS = used.announcer;
  const idlePssMb = pssMb(child.pid);
  const announceMs = await sayUntil(sayings[0], addresses.length);
  const announceCpuS = cpuSeconds(child.pid) - used.announcer;
  const routersCpuS = cpuSeconds(order.routersPid) - used.routers;
  await pause(SETTLING_MS);
  const memory = { idlePssMb, pssMb: pssMb(child.pid), peakRssMb: peakMb(child.pid) };
  const withdrawnMs = await withdrawOneByOne(announcer);
  announcer.expect("rest");
  await pause(REST_MS);
  const atRest = { restPssMb: pssMb(child.pid), restAnonymousMb: pssMb(child.pid, "Pss_Anon") };
  announcer.expect("work");
  const before = cpuSeconds(child.pid);
  const allWithdrawnMs = await sayUntil(sayings[1], 0);
  const withdrawCpuS = cpuSeconds(child.pid) - before;
  return {
    ...{ program: order.program, readyMs, establishedMs, setupCpuS, announceMs, announceCpuS, routersCpuS },
    ...{ ...memory, ...atRest, withdrawnMs, allWithdrawnMs, withdrawCpuS },
  };
};

const began = performance.now();
const announcer = await startAnnouncer(order.program, { station: order.station, routerId: ROUTER_ID });
try {
  console.log(JSON.stringify(await measure(announcer, began)));
} finally {
  bird.close();
  await announcer.end();
}
