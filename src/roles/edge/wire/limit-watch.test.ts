import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import { onePort } from "#core/balance/ports";
import type { Event } from "#core/observation/event";
import { openFakeEngine } from "#drivers/balance/fake";
import { fakeClock } from "#drivers/clock/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { createLimitWatch } from "./limit-watch.ts";

const WEB: VirtualServer = {
  name: "web",
  address: address("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "masquerade",
  scheduler: { type: "round-robin" },
  backends: [],
  limits: { prefixLength: 32, connections: 4 },
};
const plan = (server: VirtualServer) =>
  planForwarding({
    servers: [server],
    availability: () => "available",
    links: { ingress: () => [], egress: () => undefined },
    previous: undefined,
    now: instant(0),
  });
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("watching limits", () => {
  const setUp = () => {
    const [events, told]: [Event[], number[]] = [[], []];
    const engine = openFakeEngine();
    const clock = fakeClock({ onWake: () => deadlines.runDue() });
    const deadlines = createDeadlines(clock);
    const emit = (event: Event): void => void events.push(event);
    const watch = createLimitWatch({
      ...{ engine, clock, deadlines, emit },
      tell: (packets) => void told.push(packets.get("web connections") ?? 0),
    });
    const passes = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        clock.advance(seconds(5));
        await settle();
      }
    };
    return { events, told, engine, watch, passes };
  };
  const keptOut = (count: number): Event => ({
    type: "kept-out",
    server: "web",
    limit: "connections",
    count,
  });

  it("tells the counts every 5 seconds, and says what was kept out once a minute", async () => {
    const { events, told, engine, watch, passes } = setUp();
    watch.onApplied(plan(WEB));
    await passes(1);
    engine.keepOut("web connections", 7);
    await passes(1);
    engine.keepOut("web connections", 9);
    await passes(11);
    assert.deepEqual(events, [keptOut(7)]);
    await passes(1);
    assert.deepEqual(events, [keptOut(7), keptOut(2)]);
    assert.deepEqual(told.slice(0, 3), [0, 7, 9]);
  });

  it("takes a counter that has begun anew for what it is", async () => {
    const { events, engine, watch, passes } = setUp();
    watch.onApplied(plan(WEB));
    engine.keepOut("web connections", 7);
    await passes(1);
    engine.keepOut("web connections", 3);
    await passes(12);
    assert.deepEqual(events, [keptOut(7), keptOut(3)]);
  });

  it("looks no more when no server has limits", async () => {
    const { told, watch, passes } = setUp();
    const { limits: _limits, ...free } = WEB;
    watch.onApplied(plan(WEB));
    watch.onApplied(plan(free));
    await passes(3);
    assert.deepEqual(told, []);
  });
});
