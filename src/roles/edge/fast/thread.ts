/**
 * The fast thread: VRRP and what it does to addresses, on a thread and a heap of its own, so that nothing else in the
 * program can delay an advertisement.
 */
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "#base/assert";
import { after, type Instant, instant, millis, wallTime } from "#base/time";
import type { Event } from "#core/observation/event";
import { sysctlKey } from "#core/sysctl/key";
import { openClock } from "#drivers/clock/linux";
import { openRecord } from "#drivers/files/record";
import { readBootId } from "#drivers/host/linux";
import { bePreferred, beRealtime } from "#drivers/host/realtime";
import { waitedForProcessor } from "#drivers/host/waiting";
import { openNetlink } from "#drivers/netlink/linux";
import { openPacketPort } from "#drivers/packet/linux";
import { openSysctl } from "#drivers/sysctl/linux";
import { createDeadlines } from "#runtime/deadlines";
import type { FastStart, FastToWire, WireToFast } from "../messages.ts";
import { Fleet, type FleetParts } from "./fleet.ts";
import { createLeaseWatch } from "./lease.ts";
import { createMemory } from "./memory.ts";

/** How often the lease of the main thread is looked at, and the counts of what was dropped are handed on. */
const LEASE_CHECK = millis(200);
/** Who was active and when it last spoke, in the run directory. */
const RECORD = "routers";

const port = parentPort;
assert(port !== null, "the fast thread is started as a worker");
const { lease, life, realtime, runtimeDirectory } = workerData as FastStart;

const say = (message: FastToWire): void => port.postMessage(message);
const emit = (event: Event): void => say({ type: "event", event, at: wallTime(Date.now()) });

const counts: Record<string, number> = {};
let countsChanged = false;
const count = (key: string): void => {
  counts[key] = (counts[key] ?? 0) + 1;
  countsChanged = true;
};

const netlink = openNetlink();
if (!netlink.ok) throw new Error(`${netlink.error.request}: ${netlink.error.code}`);
const clock = openClock({
  onWake: () => {
    // What waits on the sockets was sent before now: a peer is not dead whose packet nobody has read.
    fleet.drain();
    deadlines.runDue();
  },
});
if (!clock.ok) throw new Error(`${clock.error.operation}: ${clock.error.code}`);
const { now, wake } = clock.value;
const deadlines = createDeadlines({ now, wake });
const sysctl = openSysctl();
const forwardsIpv6 = (link: string): boolean => {
  const key = sysctlKey("net", "ipv6", "conf", link, "forwarding");
  const observed = sysctl.observe([key]);
  return observed.ok && observed.value.get(key) === "1";
};
let recording = true;
const complainOfRecord = (detail: string): void => {
  if (recording)
    emit({ type: "process", part: "fast", change: "degraded", detail: `no record for a restart: ${detail}` });
  recording = false;
};
const record = openRecord(join(runtimeDirectory, RECORD), complainOfRecord);
const memory = createMemory({ record, bootId: readBootId(), deadlines });
const kernel = netlink.value;
const watch: FleetParts["watch"] = (listener) => {
  const watching = kernel.subscribe(listener);
  if (!watching.ok) throw new Error(`${watching.error.request}: ${watching.error.code}`);
};
const fleet = new Fleet({
  ...{ deadlines, memory, now, emit, count, forwardsIpv6 },
  netlink: kernel,
  watch,
  packets: openPacketPort(),
});

const cell = new BigInt64Array(lease);
const seen = new BigInt64Array(life);
const looks = createLeaseWatch({
  vouchedUntil: () => instant(Number(Atomics.load(cell, 0))),
  waited: waitedForProcessor,
  onLost(at) {
    fleet.pause(true, at);
    emit({
      type: "process",
      part: "wire",
      change: "stalled",
      detail: "its main thread gives no sign of life",
    });
  },
  onFound(at) {
    fleet.pause(false, at);
    emit({ type: "process", part: "wire", change: "ready", detail: "its main thread is back" });
  },
});

const checkLease = (at: Instant): void => {
  Atomics.store(seen, 0, BigInt(at));
  // A main thread that hangs would only pile messages up.
  if (looks(at) && countsChanged) {
    say({ type: "counts", counts: { ...counts } });
    countsChanged = false;
  }
  deadlines.set("lease", after(at, LEASE_CHECK), checkLease);
};

/** Counts end with their router, so that names that come and go do not add up. */
const forgetCounts = (names: ReadonlySet<string>): void => {
  for (const key of Object.keys(counts)) if (!names.has(key.split(" ")[1] ?? "")) delete counts[key];
};

const leave = (): void => {
  say({ type: "stopped" });
  port.close();
};

port.on("message", (message: WireToFast) => {
  switch (message.type) {
    case "configure":
      fleet.configure(message.routers, now(), message.start);
      forgetCounts(new Set(message.routers.map(({ name }) => name)));
      break;
    case "check-health":
      fleet.checkHealth(message.check, message.state, now());
      break;
    case "retire":
      fleet.retire(message.routers, now(), () => say({ type: "retired" }));
      break;
    case "stop":
      fleet.stop(now(), leave);
      break;
    case "abandon":
      fleet.abandon(now(), leave);
      break;
  }
});

checkLease(now());
// Niceness is enough before our own agent and main thread. Against other programs it often has no weight: the kernel
// shares the CPU between sessions (autogroup) or control groups first, which only real-time scheduling is above.
if (realtime === "never") bePreferred();
else {
  const { granted, detail } = beRealtime();
  const change = granted || realtime === "try" ? "ready" : "degraded";
  emit({ type: "process", part: "fast", change, detail });
}
