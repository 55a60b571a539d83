import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, millis, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan, Reported } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { Event } from "#core/observation/event";
import { fakeClock } from "#drivers/clock/fake";
import { FakeConntrack } from "#drivers/conntrack/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { createFlowEnds } from "./flow-ends.ts";
import { createTableWatch } from "./table-watch.ts";

const WEB: VirtualServer = {
  name: "web",
  address: address("192.0.2.10"),
  protocol: "udp",
  ports: onePort(80),
  mode: "masquerade",
  scheduler: { type: "round-robin" },
  backends: [1, 2].map((number) => ({
    name: `w${number}`,
    address: address(`192.0.2.2${number}`),
    weight: 1,
  })),
};

const plan = (health: Readonly<Record<string, Reported>> = {}): ForwardingPlan =>
  planForwarding({
    servers: [WEB],
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => [], egress: () => undefined },
    previous: undefined,
    now: instant(0),
  });

const setUp = () => {
  const events: Event[] = [];
  const conntrack = new FakeConntrack(10);
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const emit = (event: Event): void => void events.push(event);
  const open = (host: number): void =>
    void conntrack.flows.push({
      to: { address: "192.0.2.10", protocol: "udp", port: 80 },
      answeredBy: { address: `192.0.2.${host}`, port: 80 },
    });
  return { parts: { conntrack, clock, deadlines, emit }, events, conntrack, clock, open };
};

describe("ending flows", () => {
  it("ends those of a backend that has failed, and again those that slipped in", async () => {
    const { parts, events, conntrack, clock, open } = setUp();
    const ends = createFlowEnds(parts);
    for (const host of [21, 22, 22]) open(host);
    ends.onApplied(plan());
    await ends.settled();
    assert.equal(conntrack.flows.length, 3);
    ends.onApplied(plan({ "web/w2": "unavailable" }));
    await ends.settled();
    assert.deepEqual(
      conntrack.flows.map(({ answeredBy }) => answeredBy.address),
      ["192.0.2.21"],
    );
    open(22);
    clock.advance(seconds(1));
    await ends.settled();
    assert.equal(conntrack.flows.length, 1);
    assert.deepEqual(events, [
      { type: "flows-ended", server: "web", backends: ["w2"], count: 2 },
      { type: "flows-ended", server: "web", backends: ["w2"], count: 1 },
    ]);
  });

  it("looks again in time however often backends fail meanwhile, and reads the table once for all servers", async () => {
    const { parts, conntrack, clock, open } = setUp();
    let looks = 0;
    const end = conntrack.end.bind(conntrack);
    conntrack.end = async (sections) => {
      looks += 1;
      return end(sections);
    };
    const ends = createFlowEnds(parts);
    ends.onApplied(plan());
    ends.onApplied(plan({ "web/w2": "unavailable" }));
    await ends.settled();
    open(22);
    clock.advance(millis(600));
    ends.onApplied(plan({ "web/w1": "unavailable", "web/w2": "unavailable" }));
    clock.advance(millis(400));
    await ends.settled();
    assert.equal(conntrack.flows.length, 0);
    const before = looks;
    clock.advance(millis(599));
    assert.equal(looks, before);
    clock.advance(millis(1));
    await ends.settled();
    assert.equal(looks, before + 1);
  });

  it("leaves the flows of a backend that has come back meanwhile", async () => {
    const { parts, conntrack, clock, open } = setUp();
    const ends = createFlowEnds(parts);
    ends.onApplied(plan({ "web/w2": "unavailable" }));
    await ends.settled();
    ends.onApplied(plan());
    open(22);
    clock.advance(seconds(1));
    await ends.settled();
    assert.equal(conntrack.flows.length, 1);
  });

  it("says once that the table cannot be read", async () => {
    const { parts, events } = setUp();
    const error = { code: "EPERM", request: "read the connection tracking table" };
    parts.conntrack.end = async () => ({ ok: false, error });
    const ends = createFlowEnds(parts);
    ends.onApplied(plan({ "web/w2": "unavailable" }));
    ends.onApplied(plan({ "web/w1": "unavailable" }));
    await ends.settled();
    const detail = "read the connection tracking table: EPERM";
    assert.deepEqual(events, [{ type: "conntrack", change: "failed", detail }]);
  });
});

describe("watching the table", () => {
  it("says when it fills up and when it has room again, as long as it matters", () => {
    const { parts, events, conntrack, clock, open } = setUp();
    const watch = createTableWatch(parts);
    watch.watch(true);
    for (let count = 0; count < 8; count += 1) open(21);
    clock.advance(seconds(5));
    clock.advance(millis(5_000));
    conntrack.flows = [];
    clock.advance(seconds(5));
    watch.watch(false);
    for (let count = 0; count < 10; count += 1) open(21);
    clock.advance(seconds(20));
    assert.deepEqual(events, [
      { type: "conntrack", change: "filling", detail: "8 of 10 entries" },
      { type: "conntrack", change: "ample", detail: "0 of 10 entries" },
    ]);
  });
});
