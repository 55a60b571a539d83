import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds, wallTime } from "#base/time";
import { NOTHING_DESIRED } from "#core/config/desired";
import type { ProbeFailure } from "#core/health/probe";
import { failedWith, passed } from "#drivers/check/fake";
import { virtualRouter } from "#testing/values";
import { bench, configured, DESIRED, HEALTH, settle, WEB } from "./test-wire.ts";

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

  it("drains a backend that says no, gives it up when it is silent, and tells tracking of a failed check", async () => {
    const { propose, run, checks, engine, fast } = bench();
    const availabilities = () =>
      engine.running()?.servers[0]?.backends.map(({ availability }) => availability);
    let reason: ProbeFailure = "refused";
    propose(DESIRED);
    await run();
    checks.answerWith(({ target }) =>
      target?.address === "192.0.2.12" || target?.port === 1 ? failedWith(reason) : passed(),
    );
    await run(seconds(2));
    assert.deepEqual(availabilities(), ["available", "draining"]);
    const told = { type: "check-health", check: "app", state: "failed" } as const;
    assert.deepEqual(fast.at(-1), told);
    const before = fast.length;
    reason = "timeout";
    for (let second = 0; second < 5; second += 1) await run(seconds(1));
    assert.deepEqual(availabilities(), ["available", "unavailable"]);
    assert.deepEqual(fast.slice(before), []);
  });

  it("tells tracking of a check that refuses when the backends that it is have no connection left", async () => {
    const { propose, run, checks, conntrack, fast, events } = bench();
    const flow = {
      to: { address: "192.0.2.100", protocol: "tcp", port: 80 },
      answeredBy: { address: "192.0.2.12", port: 80 },
    } as const;
    const failed = () =>
      fast.filter((message) => message.type === "check-health" && message.state === "failed").length;
    const tracked = DESIRED.checks.map((check) => ({ ...check, serves: ["web/b" as const] }));
    // An address of no router is always here.
    propose({ ...DESIRED, routers: [], checks: tracked });
    await run();
    conntrack.flows.push(flow, flow, { ...flow, answeredBy: { address: "192.0.2.11", port: 80 } });
    checks.answerWith(({ target }) => (target?.port === 1 ? failedWith("refused") : passed()));
    for (let second = 0; second < 5; second += 1) await run(seconds(1));
    assert.equal(failed(), 0);
    const said = events.flatMap((event) => (event.type === "check-health" ? [event.detail] : []));
    assert.deepEqual(said.slice(-1), [
      "it refuses; the address stays until 2 connections to it have ended, at most 1m",
    ]);
    conntrack.flows = conntrack.flows.slice(2);
    await run(seconds(1));
    assert.equal(failed(), 1);
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
      ["available", "draining"],
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
