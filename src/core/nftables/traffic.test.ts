import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { ForwardingMode, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { rulesetOf } from "./skeleton.ts";
import { mannerOf, trafficOf } from "./traffic.ts";

const server = (name: string, mode: ForwardingMode, backends = 2): VirtualServer => ({
  ...{ name, mode, protocol: "tcp", address: address("192.0.2.100"), ports: onePort(80) },
  scheduler: { type: "round-robin" },
  backends: Array.from({ length: backends }, (_, index) => ({
    name: `w${index + 1}`,
    address: address(`10.0.${index >> 8}.${index & 255}`),
    weight: 1,
  })),
});

const planOf = (...servers: readonly VirtualServer[]): ForwardingPlan =>
  planForwarding({
    ...{ servers, previous: undefined, now: instant(0) },
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
  });

const countersIn = (plan: ForwardingPlan): readonly string[] => {
  const { inet, netdev } = rulesetOf(plan);
  return [...(inet.counters ?? []), ...(netdev.counters ?? [])];
};

describe("what servers are sent", () => {
  const plan = planOf(server("web", "dsr"), server("shop", "masquerade"), server("odd name", "nat"));

  it("is counted for each backend in dsr, for each server in the other modes", () => {
    const counters = countersIn(plan);
    assert.equal(new Set(counters).size, 4);
    assert.ok(["sent/web/w1", "sent/web/w2", "opened/shop"].every((name) => counters.includes(name)));
    const rules = Object.values(rulesetOf(plan)).flatMap(({ chains }) =>
      chains.flatMap((chain) => chain.rules),
    );
    for (const name of counters) {
      assert.equal(rules.filter((rule) => rule.includes(`counter name ${name} `)).length, 1, name);
    }
  });

  it("is told by server and backend, unless it is nothing, and of nobody who is not there", () => {
    const counted = (name: string, packets: number, bytes: number) => ({ name, packets, bytes });
    const odd = countersIn(plan).find((name) => name.startsWith("opened/odd")) ?? assert.fail();
    const counters = [
      counted("sent/web/w2", 7, 700),
      counted("sent/web/w1", 0, 0),
      counted("opened/shop", 3, 180),
      counted(odd, 1, 60),
      counted("sent/gone/w1", 5, 500),
      counted("limited/web/rate", 5, 500),
    ];
    assert.deepEqual(trafficOf(plan, counters), {
      "nftables-packets web w2": 7,
      "nftables-bytes web w2": 700,
      "nftables-connections shop": 3,
      "nftables-connections odd name": 1,
    });
  });

  it("goes the short way in dsr by hash where that takes few slots, and is counted slot by slot then", () => {
    const hash = (name: string, slots: number): VirtualServer => ({
      ...server(name, "dsr"),
      scheduler: { type: "consistent-hash", tableSize: slots },
    });
    const manners = [planOf(hash("web", 32_749)), planOf(hash("web", 32_749), hash("xweb", 251))].map(
      mannerOf,
    );
    assert.deepEqual(manners, [
      { counted: true, short: true },
      { counted: true, short: false },
    ]);
    const short = planOf(hash("web", 7));
    assert.deepEqual(trafficOf(short, [], { sent: () => ({ packets: 2, bytes: 120 }) }), {
      "nftables-packets web w1": 2,
      "nftables-bytes web w1": 120,
      "nftables-packets web w2": 2,
      "nftables-bytes web w2": 120,
    });
    const { sets, chains } = rulesetOf(short).netdev;
    assert.deepEqual(
      sets.filter(({ statements }) => statements.includes("counter")).map(({ name }) => name),
      ["targets/web/7/0/4"],
    );
    assert.ok(chains.some(({ name }) => name === "long/web"));
  });

  it("is not counted where there would be thousands of counters", () => {
    const [most, more] = [planOf(server("web", "dsr", 2_048)), planOf(server("web", "dsr", 2_049))];
    assert.deepEqual([mannerOf(most).counted, mannerOf(more).counted], [true, false]);
    assert.deepEqual([countersIn(most).length, countersIn(more).length], [2_048, 0]);
  });
});
