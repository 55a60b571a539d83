import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { millis, seconds, wallTime } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import type { HealthCheckConfig } from "#core/health/config";
import type { Event } from "#core/observation/event";
import { openFakeEngine } from "#drivers/balance/fake";
import type { Balancer } from "#drivers/balance/port";
import { createFakeChecks, failedWith, passed } from "#drivers/check/fake";
import { fakeClock } from "#drivers/clock/fake";
import { FakeConntrack } from "#drivers/conntrack/fake";
import { fakeSyncDaemons } from "#drivers/conntrackd/fake";
import { fakeWire } from "#drivers/datagram/fake";
import type { ChildExit } from "#drivers/ipc/child";
import { FakeNetlink } from "#drivers/netlink/fake";
import { FakeNotify } from "#drivers/notify/fake";
import { FakeSysctl } from "#drivers/sysctl/fake";
import { createDeadlines } from "#runtime/deadlines";
import { peerWord, routeWord } from "#testing/bgp-words";
import { address, virtualRouter } from "#testing/values";
import type { AgentToWire, FastToWire, WireToAgent, WireToFast } from "../messages.ts";
import { fakeBgpSurroundings } from "./test-bgp.ts";
import { Wire } from "./wire.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-wire-"));
after(() => rmSync(directory, { recursive: true }));

const HEALTH: HealthCheckConfig = {
  probe: { type: "tcp" },
  ...{ interval: seconds(1), timeout: millis(500), retries: 0, retryDelay: millis(0), rise: 1, fall: 1 },
};

const WEB: VirtualServer = {
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

const DESIRED: Desired = {
  ...{ syncs: [], peers: [], routes: [] },
  routers: [virtualRouter({ name: "front" })],
  checks: [{ name: "app", health: HEALTH, target: { address: address("192.0.2.9"), port: 1 } }],
  servers: [WEB],
};

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A wire process whose agent and fast thread are lists of what they were told. */
const bench = (wrap: (engine: Balancer) => Balancer = (engine) => engine) => {
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
    options: {
      ...{ config: ["edge.yaml"], admin: "/nowhere", runtimeDirectory: directory },
      ...{ logFormat: "text", logLevel: "info", realtime: "try", engine: "nftables", bgpDrain: 0 },
    },
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

const configured = (fast: readonly WireToFast[]) => fast.filter(({ type }) => type === "configure");

describe("the wire process", () => {
  it("lets routers attract traffic when every backend is judged and forwarding is in place, not before", async () => {
    const { propose, run, fast, engine, said } = bench();
    propose(DESIRED);
    await settle();
    await settle();
    assert.deepEqual([configured(fast), engine.running()], [[], undefined]);
    await run();
    assert.deepEqual(
      engine.running()?.servers[0]?.backends.map(({ availability }) => availability),
      ["available", "available"],
    );
    assert.deepEqual(
      fast.slice(-2).map((message) => (message.type === "check-health" ? message.state : message.type)),
      ["healthy", "configure"],
    );
    assert.deepEqual(
      said().filter((type) => ["config-applied", "forwarding-applied", "process"].includes(type)),
      ["config-applied", "forwarding-applied", "process"],
    );
  });

  it("resumes what a killed run held before any verdict, where its forwarding is still whole", async () => {
    const first = bench();
    first.propose(DESIRED);
    await first.run();
    const { propose, fast } = bench(() => first.engine);
    propose(DESIRED);
    await settle();
    await settle();
    assert.deepEqual(configured(fast), [{ type: "configure", routers: DESIRED.routers, start: "resuming" }]);
  });

  it("lets routers that are no more hand over before anything else changes", async () => {
    const { propose, run, fast, engine } = bench();
    propose(DESIRED);
    await run();
    fast.length = 0;
    propose({ ...DESIRED, routers: [virtualRouter({ name: "front", interface: "eth1" })], servers: [] });
    await settle();
    assert.deepEqual(fast[0], { type: "retire", routers: ["front"] });
    await run();
    assert.deepEqual(
      fast.filter(({ type }) => type !== "check-health").map(({ type }) => type),
      ["retire", "configure"],
    );
    assert.deepEqual(engine.running()?.servers, []);
    fast.length = 0;
    propose({ ...DESIRED, routers: [virtualRouter({ name: "front", interface: "eth1", priority: 9 })] });
    await run();
    assert.ok(!fast.some(({ type }) => type === "retire"), "it is changed in place");
  });

  it("leaves everything in place when it is told to", async () => {
    const { propose, run, wire, order, status, engine } = bench();
    propose(DESIRED);
    await run();
    await wire.abandon("SIGUSR2");
    assert.deepEqual([order, status()], [["fast left", "agent stopped"], 0]);
    assert.ok(engine.running() !== undefined);
  });

  const ROUTED: Desired = {
    ...DESIRED,
    peers: [peerWord("tor", { vrf: undefined, bfd: undefined })],
    routes: [
      { name: "192.0.2.100/32", servers: ["web"], route: routeWord("192.0.2.100/32", "tor") },
      { name: "192.0.2.101/32", servers: ["web"], route: routeWord("192.0.2.101/32", "tor") },
    ],
  };

  it("goes on forwarding until BGP peers had time to send packets elsewhere, unless it is told again to stop", async () => {
    for (const isHurried of [false, true]) {
      const { propose, run, wire, order } = bench();
      propose(ROUTED);
      await run();
      const stopped = wire.stop("SIGTERM");
      await settle();
      assert.deepEqual(order, []);
      if (isHurried) void wire.stop("SIGTERM");
      await run(isHurried ? millis(100) : seconds(2));
      await stopped;
      assert.deepEqual(order, ["fast stopped", "forwarding removed", "agent stopped"]);
    }
  });

  it("withdraws routes before it takes their rules out of the kernel", async () => {
    const { propose, run, engine } = bench();
    propose(ROUTED);
    await run();
    propose({ ...ROUTED, servers: [], routes: [] });
    await run(millis(300));
    assert.equal(engine.running()?.servers.length, 1, "routers have time to act on it");
    await run(seconds(1));
    assert.equal(engine.running()?.servers.length, 0);
  });

  it("says of each route that nobody can serve, and that somebody can again", async () => {
    const { propose, run, checks, events } = bench();
    propose({ ...ROUTED, servers: [{ ...WEB, whenAllFail: "reject" }] });
    await run();
    const states = () =>
      events
        .splice(0)
        .flatMap((event) => (event.type === "bgp-route" ? [`${event.route} ${event.state}`] : []));
    assert.deepEqual(states(), []);
    checks.answerWith(() => failedWith("refused"));
    await run(seconds(3));
    assert.deepEqual(states(), ["192.0.2.100/32 withheld", "192.0.2.101/32 withheld"]);
    checks.answerWith(() => passed());
    await run(seconds(3));
    assert.deepEqual(states(), ["192.0.2.100/32 announced", "192.0.2.101/32 announced"]);
  });

  it("needs no engine for routers alone", async () => {
    const { propose, run, fast, said } = bench((engine) => ({
      ...engine,
      available: async () => ({ code: "no-nft", detail: "there is no nft", remedy: "Install it." }),
      apply: async () => assert.fail("nothing is to be applied"),
    }));
    propose({ ...NOTHING_DESIRED, routers: DESIRED.routers });
    await run(millis(100));
    assert.equal(configured(fast).length, 1);
    const types = said().filter((type) => type !== "sysctl");
    assert.deepEqual(types, ["config-applied", "forwarding-applied", "process"]);
  });

  it("takes a failed backend out and tells tracking of a failed check", async () => {
    const { propose, run, checks, engine, fast } = bench();
    propose(DESIRED);
    await run();
    checks.answerWith(({ target }) =>
      target?.address === "192.0.2.12" || target?.port === 1 ? failedWith("refused") : passed(),
    );
    await run(seconds(2));
    assert.deepEqual(
      engine.running()?.servers[0]?.backends.map(({ availability }) => availability),
      ["available", "unavailable"],
    );
    assert.deepEqual(fast.at(-1), { type: "check-health", check: "app", state: "failed" });
  });

  it("takes a backend out that fails while thousands of servers are put in place for the first time", async () => {
    let isInPlace = (): void => assert.fail("nothing is put in place");
    const { propose, run, checks, engine } = bench((inner) => ({
      ...inner,
      apply: async (plan) => {
        await new Promise<void>((resolve) => {
          isInPlace = resolve;
        });
        return inner.apply(plan);
      },
    }));
    propose(DESIRED);
    await run();
    checks.answerWith(({ target }) => (target?.address === "192.0.2.12" ? failedWith("refused") : passed()));
    await run(seconds(2));
    isInPlace();
    await run();
    isInPlace();
    await run();
    assert.deepEqual(
      engine.running()?.servers[0]?.backends.map(({ availability }) => availability),
      ["available", "unavailable"],
    );
  });

  it("goes on with backends, and ends no flow of theirs, while a check that has changed has said nothing yet", async () => {
    const { propose, run, engine, conntrack } = bench();
    propose(DESIRED);
    await run();
    conntrack.flows.push({
      to: { address: "192.0.2.100", protocol: "tcp", port: 80 },
      answeredBy: { address: "192.0.2.11", port: 80 },
    });
    propose({ ...DESIRED, servers: [{ ...WEB, health: { ...HEALTH, port: 81 } }] });
    for (let turns = 0; turns < 20; turns += 1) await settle();
    assert.deepEqual(
      engine.running()?.servers[0]?.backends.map(({ availability }) => availability),
      ["available", "available"],
    );
    await run(seconds(3));
    assert.equal(conntrack.flows.length, 1);
  });

  it("says that routers follow a configuration that forwarding does not, and when it does", async () => {
    const { propose, run, events, engine, fast } = bench();
    propose(DESIRED);
    await run();
    engine.failWith({ code: "refused", message: "nft refused it" });
    const next = { ...DESIRED, servers: [{ ...WEB, ports: { first: 8080, last: 8080 } }] };
    events.length = 0;
    fast.length = 0;
    propose({ ...next, routers: [virtualRouter({ name: "front", priority: 30 })] });
    await run();
    assert.ok(configured(fast).length > 0, "an operator must be able to give an address away");
    const said = () =>
      events.flatMap((event) =>
        event.type === "process" || event.type === "forwarding-failed" ? [event.detail] : [],
      );
    assert.deepEqual(said(), [
      "nft refused it",
      "routers follow configuration 2, forwarding does not yet: nft refused it",
    ]);
    engine.failWith(undefined);
    await run(seconds(3));
    assert.deepEqual(said().slice(2), ["forwarding follows configuration 2 as the routers do"]);
  });

  it("answers each configuration once, in order, and tells the fast thread the last", async () => {
    const { propose, run, agent, fast, events } = bench();
    propose(DESIRED);
    await run();
    for (const priority of [10, 20, 30]) {
      propose({ ...DESIRED, routers: [virtualRouter({ name: "front", priority })] });
    }
    await run();
    assert.deepEqual(
      agent.filter(({ type }) => type === "answer"),
      [1, 2, 3, 4].map((id) => ({ type: "answer", id, accepted: true })),
    );
    const last = configured(fast).at(-1);
    assert.equal(last?.type === "configure" && last.routers[0]?.priority, 30);
    assert.deepEqual(
      events.flatMap((event) => (event.type === "config-applied" ? [event.generation] : [])),
      [1, 2, 3, 4],
    );
  });

  it("does not call the same configuration another one, and forgets with it what was refused", async () => {
    const { propose, run, hearAgent, events } = bench();
    propose(DESIRED);
    await run();
    hearAgent({ type: "refused", problems: ["edge.yaml is gone"] });
    events.length = 0;
    propose(structuredClone(DESIRED));
    await run();
    assert.deepEqual(events, [
      { type: "config-applied", generation: 1, added: [], changed: [], removed: [] },
    ]);
    hearAgent({ type: "refused", problems: ["edge.yaml is gone"] });
    assert.deepEqual(events.at(-1), { type: "config-refused", problems: ["edge.yaml is gone"] });
  });

  it("touches nothing when the files say what is in force, and forgets what was refused", async () => {
    const { propose, run, hearAgent, events, agent, fast } = bench();
    propose(DESIRED);
    await run();
    hearAgent({ type: "refused", problems: ["edge.yaml is gone"] });
    for (const list of [events, agent, fast]) list.length = 0;
    hearAgent({ type: "unchanged" });
    await run();
    const applied = { type: "config-applied", generation: 1, added: [], changed: [], removed: [] };
    assert.deepEqual([events, agent, fast], [[applied], [], []]);
    hearAgent({ type: "refused", problems: ["edge.yaml is gone"] });
    assert.equal(events.at(-1)?.type, "config-refused");
  });

  it("says the same refusal once, and another one too", async () => {
    const { propose, run, hearAgent, said } = bench();
    propose(DESIRED);
    await run();
    said();
    for (const problem of ["one", "one", "two", "one"]) hearAgent({ type: "refused", problems: [problem] });
    assert.deepEqual(said(), ["config-refused", "config-refused", "config-refused"]);
  });

  it("ends with 1 when what is wanted cannot run here, before anything was touched", async () => {
    const { propose, run, status, fast, agent, order } = bench((engine) => ({
      ...engine,
      available: async () => ({ code: "no-nft", detail: "there is no nft", remedy: "Install it." }),
    }));
    propose(DESIRED);
    await run(millis(100));
    assert.equal(status(), 1);
    assert.deepEqual(configured(fast), []);
    assert.deepEqual(agent, [{ type: "answer", id: 1, accepted: false }]);
    assert.deepEqual(order, ["fast stopped", "agent stopped"]);
  });

  it("goes on with what runs when a later configuration cannot", async () => {
    let missing = false;
    const { propose, run, status, events, agent } = bench((engine) => ({
      ...engine,
      available: async () =>
        missing ? { code: "no-nft", detail: "there is no nft", remedy: "install it" } : undefined,
    }));
    propose(DESIRED);
    await run();
    missing = true;
    events.length = 0;
    propose({ ...DESIRED, routers: [] });
    await run(millis(200));
    const problems = ["virtual servers cannot run here: there is no nft. Install it"];
    assert.deepEqual([events, status()], [[{ type: "config-refused", problems }], undefined]);
    assert.deepEqual(agent.at(-1), { type: "answer", id: 2, accepted: false });
  });

  it("stops in order: addresses, forwarding, agent", async () => {
    const { propose, run, wire, order, status, engine } = bench();
    propose(DESIRED);
    await run();
    await Promise.all([wire.stop("SIGTERM"), wire.stop("SIGINT")]);
    assert.deepEqual(order, ["fast stopped", "forwarding removed", "agent stopped"]);
    assert.deepEqual([status(), engine.running()], [0, undefined]);
  });

  it("puts nothing into the kernel when it is stopped while it starts", async () => {
    const { propose, run, wire, fast, engine, status } = bench();
    propose(DESIRED);
    await settle();
    await wire.stop("SIGTERM");
    propose(DESIRED);
    await run(seconds(2));
    assert.deepEqual([configured(fast), engine.running(), status()], [[], undefined, 0]);
  });

  it("stops before it knows what is wanted", async () => {
    const { wire, order, status } = bench();
    await wire.stop("SIGTERM");
    assert.deepEqual([order, status()], [["fast stopped", "agent stopped"], 0]);
  });

  it("starts the agent again unless it ended on purpose before the first configuration", async () => {
    const crashed = bench();
    assert.equal(crashed.agentEnds({ code: null, signal: "SIGKILL", pid: 7 }), "restart");
    const complained = bench();
    assert.equal(complained.agentEnds({ code: 2, signal: null, pid: 7 }), "leave");
    await settle();
    assert.equal(complained.status(), 2);
    const replaced = bench();
    const stranger = "it is version next, and what runs is test";
    assert.equal(replaced.agentEnds({ code: null, signal: "SIGKILL", pid: 7, stranger }), "leave");
    await settle();
    assert.equal(replaced.status(), 1);
    const { propose, run, agentEnds, wire, events } = bench();
    propose(DESIRED);
    await run();
    assert.equal(agentEnds({ code: 2, signal: null, pid: 7 }), "restart");
    assert.equal(agentEnds({ code: null, signal: "SIGKILL", pid: 8, stranger }), "restart");
    const exited = { type: "process", part: "agent", change: "exited", detail: `pid 8: ${stranger}` };
    assert.deepEqual(events.at(-1), exited);
    const stopped = wire.stop("SIGTERM");
    assert.equal(agentEnds({ code: null, signal: "SIGTERM", pid: 7 }), "leave");
    await stopped;
  });

  it("passes on what the fast thread says", async () => {
    const { hearFast, hearAgent, agent, said } = bench();
    hearFast({ type: "event", event: { type: "link", link: "eth0", state: "down" }, at: wallTime(5) });
    hearFast({ type: "counts", counts: { "vrrp-dropped front checksum": 1 } });
    hearAgent({ type: "refused", problems: ["edge.yaml is gone"] });
    assert.deepEqual(said(), ["link", "config-refused"]);
    assert.deepEqual(agent, [{ type: "counts", counts: { "vrrp-dropped front checksum": 1 } }]);
  });
});
