/** A wire process of which everything around is false, for its tests. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { millis, seconds, wallTime } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import type { Desired } from "#core/config/desired";
import type { HealthCheckConfig } from "#core/health/config";
import type { Event } from "#core/observation/event";
import { openFakeEngine } from "#drivers/balance/fake";
import type { Balancer } from "#drivers/balance/port";
import { createFakeChecks } from "#drivers/check/fake";
import { fakeClock } from "#drivers/clock/fake";
import { FakeConntrack } from "#drivers/conntrack/fake";
import { fakeSyncDaemons } from "#drivers/conntrackd/fake";
import { fakeWire } from "#drivers/datagram/fake";
import type { ChildExit } from "#drivers/ipc/child";
import { FakeNetlink } from "#drivers/netlink/fake";
import { FakeNotify } from "#drivers/notify/fake";
import { FakeSysctl } from "#drivers/sysctl/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address, virtualRouter } from "#testing/values";
import type { AgentToWire, FastToWire, WireToAgent, WireToFast } from "../messages.ts";
import { fakeBgpSurroundings } from "./test-bgp.ts";
import { Wire } from "./wire.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-wire-"));
after(() => rmSync(directory, { recursive: true }));

/** A check each second that one failure fails. */
export const HEALTH: HealthCheckConfig = {
  probe: { type: "tcp" },
  ...{ interval: seconds(1), timeout: millis(500), retries: 0, retryDelay: millis(0), rise: 1, fall: 1 },
};

/** A server with two checked backends. */
export const WEB: VirtualServer = {
  ...{
    name: "web",
    address: address("192.0.2.100"),
    protocol: "tcp",
    ports: onePort(80),
    mode: "masquerade",
  },
  ...{ scheduler: { type: "round-robin" }, health: HEALTH },
  backends: [
    { name: "a", address: address("192.0.2.11"), port: 80, weight: 1 },
    { name: "b", address: address("192.0.2.12"), port: 80, weight: 1 },
  ],
};

/** A router, a tracked check and the server. */
export const DESIRED: Desired = {
  ...{ syncs: [], peers: [], routes: [] },
  routers: [virtualRouter({ name: "front" })],
  checks: [{ name: "app", health: HEALTH, target: { address: address("192.0.2.9"), port: 1 } }],
  servers: [WEB],
};

/** Lets everything happen that waits for nothing but its turn. */
export const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const OPTIONS = {
  ...({ program: "edge" } as const),
  ...{ config: ["edge.yaml"], admin: "/nowhere", runtimeDirectory: directory, bgpDrain: 0 },
  ...({ logFormat: "text", logLevel: "info", realtime: "try", engine: "nftables" } as const),
};

/** A wire process whose agent and fast thread are lists of what they were told. */
export const bench = (wrap: (engine: Balancer) => Balancer = (engine) => engine) => {
  const fast: WireToFast[] = [];
  const agent: WireToAgent[] = [];
  const order: string[] = [];
  const events: Event[] = [];
  let status: number | undefined;
  let hearAgent = (_message: AgentToWire): void => assert.fail("no agent");
  let hearFast = (_message: FastToWire): void => assert.fail("no fast thread");
  let agentEnds = (_exit: ChildExit): string => assert.fail("no agent");
  const engine = openFakeEngine();
  const checks = createFakeChecks();
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const notify = new FakeNotify();
  const conntrack = new FakeConntrack();
  const wrapped = wrap(engine);
  const wire = new Wire({
    options: OPTIONS,
    afterBurst: () => {},
    syncDaemons: fakeSyncDaemons(),
    datagrams: fakeWire().port,
    bgp: fakeBgpSurroundings({ clock, deadlines }).machine(1),
    facts: { pid: 1, startedAt: wallTime(0), version: "test" },
    netlink: new FakeNetlink([
      { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false },
    ]),
    engine: {
      ...wrapped,
      async remove() {
        order.push("forwarding removed");
        return wrapped.remove();
      },
    },
    sysctl: new FakeSysctl(),
    ...{ checks, conntrack, clock, deadlines, notify, watchdog: seconds(2) },
    startAgent(options) {
      hearAgent = options.onMessage;
      agentEnds = options.onExit;
      let told = 0;
      return {
        pump() {
          for (const { sequence, event } of options.journal.after(told)) {
            told = sequence;
            events.push(event);
          }
        },
        tellBgp: () => {},
        tellCounts: (counts) => void agent.push({ type: "counts", counts }),
        send: (message) => void agent.push(message),
        stop: async () => void order.push("agent stopped"),
      };
    },
    startFast(options) {
      hearFast = options.onMessage;
      return {
        send: (message) => void fast.push(message),
        seenAt: () => clock.now(),
        retire: async (routers) => void fast.push({ type: "retire", routers }),
        abandon: async () => void order.push("fast left"),
        stop: async () => void order.push("fast stopped"),
      };
    },
    end: (code) => {
      status = code;
    },
  });
  let proposals = 0;
  return {
    ...{ wire, fast, agent, order, events, engine, conntrack, checks, clock, notify },
    propose(desired: Desired): void {
      proposals += 1;
      hearAgent({ type: "desired", id: proposals, desired });
    },
    hearAgent: (message: AgentToWire) => hearAgent(message),
    hearFast: (message: FastToWire) => hearFast(message),
    agentEnds: (exit: ChildExit) => agentEnds(exit),
    status: () => status,
    async run(duration = seconds(1)) {
      for (let passed = 0; passed < duration; passed += millis(100)) {
        await settle();
        clock.advance(millis(100));
      }
      await settle();
    },
    said: () => events.splice(0).map(({ type }) => type),
  };
};

/** What the fast thread was told to run. */
export const configured = (fast: readonly WireToFast[]) => fast.filter(({ type }) => type === "configure");
