import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, millis, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import { onePort } from "#core/balance/ports";
import { fakeClock } from "#drivers/clock/fake";
import { FakeConntrack } from "#drivers/conntrack/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { createLoadWatch } from "./load-watch.ts";

const WEB: VirtualServer = {
  name: "web",
  address: address("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "masquerade",
  scheduler: { type: "least-connections" },
  backends: [{ name: "w1", address: address("192.0.2.21"), port: 80, weight: 1 }],
};
const plan = (server: VirtualServer) =>
  planForwarding({
    servers: [server],
    availability: () => "available",
    links: { ingress: () => [], egress: () => "eth0" },
    previous: undefined,
    now: instant(0),
  });
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("counting open flows", () => {
  const setUp = (costMicros = 0) => {
    let counts = 0;
    let changes = 0;
    let told: number | undefined;
    const conntrack = new FakeConntrack();
    const count = conntrack.count.bind(conntrack);
    conntrack.count = async (...given) => {
      counts += 1;
      const result = await count(...given);
      return result.ok ? { ok: true, value: { ...result.value, costMicros } } : result;
    };
    const clock = fakeClock({ onWake: () => deadlines.runDue() });
    const deadlines = createDeadlines(clock);
    const onChange = (): void => {
      changes += 1;
    };
    const watch = createLoadWatch({
      conntrack,
      clock,
      deadlines,
      onChange,
      tell(loads) {
        told = loads.get("web/w1");
      },
    });
    const pass = async (time: ReturnType<typeof millis>): Promise<void> => {
      clock.advance(time);
      await settle();
    };
    const open = (): void =>
      void conntrack.flows.push({
        to: { address: "192.0.2.10", protocol: "tcp", port: 80 },
        answeredBy: { address: "192.0.2.21", port: 80 },
      });
    return { watch, pass, open, seen: () => ({ counts, changes }), told: () => told };
  };

  it("happens four times a second for least connections, and news are told", async () => {
    const { watch, pass, open, seen, told } = setUp();
    watch.onApplied(plan(WEB));
    open();
    await pass(millis(250));
    assert.deepEqual([watch.load("web/w1"), told()], [1, 1]);
    assert.deepEqual(seen(), { counts: 1, changes: 1 });
    await pass(millis(249));
    await pass(millis(1));
    assert.deepEqual(seen(), { counts: 2, changes: 1 });
  });

  it("happens as seldom as it takes to cost a twentieth of the time", async () => {
    const { watch, pass, seen } = setUp(100_000);
    watch.onApplied(plan(WEB));
    await pass(millis(250));
    await pass(millis(1_999));
    assert.equal(seen().counts, 1);
    await pass(millis(1));
    assert.equal(seen().counts, 2);
  });

  it("does not happen in dsr or for other schedulers, unless a backend drains", async () => {
    const { watch, pass, open, seen } = setUp();
    const turns = { ...WEB, scheduler: { type: "round-robin" } as const };
    watch.onApplied(plan({ ...WEB, mode: "dsr" }));
    watch.onApplied(plan(turns));
    await pass(seconds(10));
    assert.equal(seen().counts, 0);
    open();
    watch.onApplied(plan({ ...turns, backends: WEB.backends.map((each) => ({ ...each, weight: 0 })) }));
    await pass(seconds(5));
    assert.equal(watch.load("web/w1"), 1);
    assert.deepEqual(seen(), { counts: 1, changes: 0 });
  });
});
