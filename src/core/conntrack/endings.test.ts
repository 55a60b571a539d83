import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan, Reported } from "#core/balance/plan-model";
import { ALL_PORTS, onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { flowsToEnd } from "./endings.ts";
import { fullnessOf } from "./fullness.ts";

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
    port: 8080,
    weight: 1,
  })),
};

const plan = (
  server: VirtualServer | readonly VirtualServer[],
  health: Readonly<Record<string, Reported>> = {},
  previous?: ForwardingPlan,
): ForwardingPlan =>
  planForwarding({
    servers: [server].flat(),
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous,
    now: instant(0),
  });

const W2_ENDS = [
  {
    server: "web",
    selector: { address: "192.0.2.10", protocol: "udp", firstPort: 80, lastPort: 80 },
    backends: [{ name: "w2", target: { address: "192.0.2.22", port: 8080 } }],
  },
];

describe("the flows to end", () => {
  const first = plan(WEB);
  const failed = plan(WEB, { "web/w2": "unavailable" }, first);

  it("are those of backends that have become unavailable, once", () => {
    assert.deepEqual(flowsToEnd(first, failed), W2_ENDS);
    assert.deepEqual(flowsToEnd(failed, failed), []);
    assert.deepEqual(flowsToEnd(failed, plan(WEB, {}, failed)), []);
  });

  it("are not those of one that says no, but of UDP, which has no end that could be waited for", () => {
    const tcp = { ...WEB, protocol: "tcp" as const };
    const no = { "web/w2": "draining" } as const;
    assert.deepEqual(flowsToEnd(plan(tcp), plan(tcp, no, plan(tcp))), []);
    assert.deepEqual(flowsToEnd(first, plan(WEB, no, first)), W2_ENDS);
  });

  it("are not those of more particular servers of the address", () => {
    const all = { ...WEB, name: "all", ports: ALL_PORTS };
    const other = { ...WEB, name: "other", address: address("192.0.2.11"), ports: onePort(81) };
    const servers = [all, WEB, { ...WEB, name: "some", ports: { first: 90, last: 99 } }, other];
    const health: Readonly<Record<string, Reported>> = { "all/w1": "unavailable", "some/w1": "unavailable" };
    const [whole, some] = flowsToEnd(undefined, plan(servers, health));
    assert.deepEqual(whole?.selector.except, [
      { first: 90, last: 99 },
      { first: 80, last: 80 },
    ]);
    assert.deepEqual([some?.server, some?.selector.except], ["some", undefined]);
  });

  it("are those of every unavailable backend when nothing was applied before", () => {
    assert.deepEqual(flowsToEnd(undefined, failed), W2_ENDS);
    assert.deepEqual(flowsToEnd(undefined, first), []);
  });

  it("are none in dsr, where connection tracking knows nothing", () => {
    const direct = { ...WEB, mode: "dsr" as const };
    assert.deepEqual(flowsToEnd(plan(direct), plan(direct, { "web/w2": "unavailable" })), []);
  });
});

describe("the connection tracking table", () => {
  const say = (before: "ample" | "filling" | "full", entries: number) =>
    fullnessOf(before, { entries, limit: 1_000 });

  it("is said to fill up at 80 % and to be full at 98 %, and is taken back a tenth below", () => {
    assert.deepEqual([say("ample", 799), say("ample", 800), say("ample", 980)], ["ample", "filling", "full"]);
    assert.deepEqual([say("filling", 700), say("filling", 699)], ["filling", "ample"]);
    assert.deepEqual([say("full", 880), say("full", 879), say("full", 100)], ["full", "filling", "ample"]);
  });

  it("is of no concern when the kernel does not say how large it may be", () => {
    assert.equal(fullnessOf("filling", { entries: 5, limit: undefined }), "ample");
  });
});
