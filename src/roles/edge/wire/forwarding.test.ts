import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { BackendKey, VirtualServer } from "#core/balance/model";
import type { Availability } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { Event } from "#core/observation/event";
import { type FakeKernel, openFakeEngine } from "#drivers/balance/fake";
import type { Balancer } from "#drivers/balance/port";
import { fakeClock } from "#drivers/clock/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { createForwarding } from "./forwarding.ts";

const server = (names: readonly string[], overrides: Partial<VirtualServer> = {}): VirtualServer => ({
  ...{ name: "web", address: address("192.0.2.100"), protocol: "tcp", ports: onePort(80), mode: "dsr" },
  scheduler: { type: "consistent-hash", tableSize: 251 },
  backends: names.map((name, index) => ({
    ...{ name, address: address(`192.0.2.${index + 11}`), port: 80, weight: 1 },
  })),
  ...overrides,
});

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** So many servers of one backend each. */
const many = (count: number): readonly VirtualServer[] =>
  Array.from({ length: count }, (_, index) => ({
    ...server(["a"]),
    name: `web-${index}`,
    ports: onePort(index + 1),
  }));

/** A machine with an engine over `kernel`, and what it said. */
const bench = (kernel?: FakeKernel, wrap: (engine: Balancer) => Balancer = (engine) => engine) => {
  const engine = openFakeEngine(kernel);
  const events: Event[] = [];
  let servers: readonly VirtualServer[] = [];
  let applied = 0;
  const unavailable = new Set<BackendKey>();
  let onAsk = (): void => {};
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const wrapped = wrap(engine);
  const forwarding = createForwarding({
    inputs: {
      servers: () => servers,
      availability(key): Availability {
        onAsk();
        return unavailable.has(key) ? "unavailable" : "available";
      },
      ingress: () => ["eth0"],
      egress: () => "eth1",
      source: () => undefined,
      isHeld: () => true,
    },
    engine: {
      ...wrapped,
      apply(plan) {
        applied += 1;
        return wrapped.apply(plan);
      },
    },
    ...{ clock, deadlines },
    emit: (event) => void events.push(event),
  });
  return {
    ...{ engine, events, clock, forwarding, unavailable },
    want: async (...next: readonly VirtualServer[]): Promise<void> => {
      servers = next;
      forwarding.update();
      await forwarding.settled();
    },
    /** Called whenever a plan asks how a backend is. */
    whenAsked(hook: () => void): void {
      onAsk = hook;
    },
    applied: () => applied,
    said: () => events.splice(0).map((event) => JSON.stringify(event)),
  };
};

describe("forwarding", () => {
  it("applies what is wanted and says how", async () => {
    const { want, engine, said } = bench();
    await want(server(["a"]));
    assert.equal(engine.running()?.servers[0]?.name, "web");
    assert.deepEqual(said(), ['{"type":"forwarding-applied","how":"ruleset","took":0}']);
  });

  it("plans for many servers in turns of some milliseconds, between which others have theirs", async () => {
    const { want, whenAsked, clock, engine } = bench();
    let longest = 0;
    let turnBegan = clock.now();
    let over = false;
    const others = (): void => {
      longest = Math.max(longest, clock.now() - turnBegan);
      turnBegan = clock.now();
      if (!over) setImmediate(others);
    };
    setImmediate(others);
    whenAsked(() => clock.advance(millis(1)));
    await want(...many(200));
    over = true;
    assert.equal(engine.running()?.servers.length, 200);
    assert.ok(longest <= millis(12), `${longest} microseconds`);
  });

  it("drops a plan for a configuration that is no longer wanted when it is made", async () => {
    const { want, whenAsked, clock, engine, applied } = bench();
    let later: Promise<void> | undefined;
    let asked = 0;
    whenAsked(() => {
      clock.advance(millis(1));
      asked += 1;
      if (asked === 50) later = want(server(["b"]));
    });
    await want(...many(200));
    await later;
    assert.deepEqual(
      engine.running()?.servers.map(({ name }) => name),
      ["web"],
    );
    assert.ok(applied() <= 2, "the first was never applied");
  });

  it("takes changes that come while it applies together in one more application", async () => {
    const { want, forwarding, applied, unavailable } = bench();
    await want(server(["a", "b"]));
    forwarding.update();
    for (let count = 0; count < 50; count += 1) {
      unavailable.add("web/a");
      forwarding.update();
    }
    await forwarding.settled();
    assert.ok(applied() <= 3, `${applied()} applications`);
  });

  it("says nothing when there was nothing to change", async () => {
    const { want, said } = bench();
    await want(server(["a"]));
    said();
    await want(server(["a"]));
    assert.deepEqual(said(), []);
  });

  it("applies what changes all the time without a word, and says the next change of another kind", async () => {
    const { want, forwarding, unavailable, engine, said } = bench();
    await want(server(["a", "b"]));
    said();
    unavailable.add("web/a");
    forwarding.refresh("web");
    await forwarding.settled();
    assert.equal(engine.running()?.servers[0]?.backends[0]?.availability, "unavailable");
    assert.deepEqual(said(), []);
    unavailable.clear();
    forwarding.update();
    await forwarding.settled();
    assert.equal(said().length, 1);
  });

  it("needs no engine when nothing is balanced, and says that it is in place", async () => {
    const { want, said, applied, clock, forwarding } = bench();
    await want();
    clock.advance(seconds(5));
    await forwarding.remove();
    assert.equal(applied(), 0);
    assert.deepEqual(said(), ['{"type":"forwarding-applied","how":"unchanged","took":0}']);
  });

  it("takes its tables away at the end although nothing is balanced any more", async () => {
    const { want, forwarding, engine } = bench();
    await want(server(["a"]));
    await want();
    assert.deepEqual(engine.running()?.servers, []);
    await forwarding.remove();
    assert.equal(engine.running(), undefined);
  });

  it("empties what an earlier run left although nothing is balanced now", async () => {
    const kernel: FakeKernel = { plan: undefined };
    await bench(kernel).want(server(["a"]));
    const { want, engine } = bench(kernel);
    await want();
    assert.deepEqual(engine.running()?.servers, []);
  });

  it("says a failure once, tries again every two seconds, and says that it works again", async () => {
    const { want, engine, clock, said, applied } = bench();
    await want(server(["a"]));
    said();
    engine.failWith({ code: "refused", message: "nft refused it" });
    await want(server(["a", "b"]));
    for (let second = 0; second < 10; second += 1) {
      clock.advance(seconds(1));
      await settle();
    }
    assert.deepEqual(said(), ['{"type":"forwarding-failed","detail":"nft refused it"}']);
    assert.equal(applied(), 2 + 5);
    engine.failWith(undefined);
    await want(server(["a"]));
    assert.deepEqual(said(), ['{"type":"forwarding-applied","how":"unchanged","took":0}']);
  });

  it("repairs and reports what somebody else flushed as soon as the kernel has told of it", async () => {
    const { want, engine, clock, said } = bench();
    await want(server(["a"]));
    said();
    engine.flush();
    clock.advance(millis(19));
    await settle();
    assert.equal(engine.running(), undefined);
    clock.advance(millis(1));
    await settle();
    assert.equal(engine.running()?.servers.length, 1);
    assert.deepEqual(said(), ['{"type":"forwarding-applied","how":"ruleset","took":0,"repaired":true}']);
  });

  it("finds within a second what the kernel has not told of", async () => {
    const { want, engine, clock, said } = bench();
    await want(server(["a"]));
    said();
    engine.flush("untold");
    clock.advance(millis(999));
    await settle();
    assert.equal(engine.running(), undefined);
    clock.advance(millis(1));
    await settle();
    assert.equal(engine.running()?.servers.length, 1);
    assert.deepEqual(said(), ['{"type":"forwarding-applied","how":"ruleset","took":0,"repaired":true}']);
  });

  it("says why what packets had recorded is lost, when the engine had to make its tables anew", async () => {
    const { want, engine, said } = bench();
    await want(server(["a"]));
    said();
    engine.obstruct("nft refused the ruleset: a set of our name with another key");
    await want(server(["a", "b"]));
    assert.deepEqual(said(), [
      '{"type":"forwarding-applied","how":"ruleset","took":0,"anew":"nft refused the ruleset: a set of our name with another key"}',
    ]);
  });

  it("lets flows stay where they are across a restart of the program", async () => {
    const kernel: FakeKernel = { plan: undefined };
    await bench(kernel).want(server(["a", "b"]));
    const { want, engine } = bench(kernel);
    await want(server(["a", "b", "c"]));
    const moves = engine.running()?.servers[0]?.moves ?? [];
    assert.ok(moves.length > 0, "slots that went to c still know their former owner");
  });

  it("ends a transition when its time has come", async () => {
    const { want, engine, clock } = bench();
    await want(server(["a", "b"]));
    await want(server(["a", "b", "c"]));
    assert.notEqual(engine.running()?.servers[0]?.moves.length, 0);
    for (let minute = 0; minute < 16; minute += 1) {
      clock.advance(seconds(60));
      await settle();
      await settle();
    }
    assert.equal(engine.running()?.servers[0]?.moves.length, 0);
  });

  it("puts nothing into the kernel after it was removed", async () => {
    const { want, forwarding, engine, clock, said } = bench();
    await want(server(["a"]));
    said();
    await forwarding.remove();
    assert.deepEqual(said(), ['{"type":"forwarding-applied","how":"removed","took":0}']);
    await want(server(["a", "b"]));
    clock.advance(seconds(10));
    await settle();
    assert.equal(engine.running(), undefined);
    assert.equal(clock.wakeAt, undefined);
  });
});
