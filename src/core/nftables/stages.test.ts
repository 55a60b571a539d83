import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import { EMPTY_PLAN, type ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { rendered, renderRevision } from "./revision.ts";
import { stagesOf } from "./stages.ts";

const server = (name: string, port: number, tableSize = 65_537): VirtualServer => ({
  ...{ name, address: address("192.0.2.10"), protocol: "tcp", ports: onePort(port), mode: "masquerade" },
  scheduler: { type: "consistent-hash", tableSize },
  backends: [{ name: "w1", address: address("198.51.100.1"), port: 80, weight: 1 }],
});

const plan = (servers: readonly VirtualServer[], previous = EMPTY_PLAN): ForwardingPlan =>
  planForwarding({
    ...{ servers, previous, now: instant(0), availability: () => "available" },
    links: { ingress: () => [], egress: () => undefined },
  });

const portsByName = ({ servers }: ForwardingPlan): Readonly<Record<string, number>> =>
  Object.fromEntries(servers.map(({ name, ports }) => [name, ports.first]));

describe("a large change", () => {
  const before = plan([server("a", 1), server("b", 2), server("c", 3)]);

  it("goes server by server where each has a large ring, and ends at the plan itself", () => {
    const now = plan([server("b", 12), server("c", 13), server("d", 14)], before);
    const stages = [...stagesOf(before, now)];
    assert.deepEqual(stages.map(portsByName), [
      { b: 2, c: 3 },
      { b: 12, c: 3 },
      { b: 12, c: 13 },
      { b: 12, c: 13, d: 14 },
    ]);
    assert.equal(stages.at(-1), now);
  });

  it("lets servers that trade ports change together, first", () => {
    const now = plan([server("a", 2), server("b", 1), server("c", 13)], before);
    assert.deepEqual([...stagesOf(before, now)].map(portsByName), [
      { a: 2, b: 1, c: 3 },
      { a: 2, b: 1, c: 13 },
    ]);
  });

  it("is one stage where it is small, and where nothing but the frame differs", () => {
    const small = plan([server("a", 1, 7)]);
    const more = plan([server("a", 1, 7), server("b", 2, 7), server("c", 3, 7)], small);
    assert.deepEqual([...stagesOf(small, more)], [more]);
    const other = { ...small, ingress: ["eth0"] };
    assert.deepEqual([...stagesOf(small, other)], [other]);
  });
});

describe("a revision", () => {
  it("does not speak of servers that stay", () => {
    const before = plan([server("a", 1, 7), server("b", 2, 7)]);
    const now = plan([server("a", 1, 7), server("b", 2, 7), server("c", 3, 7)], before);
    const text = [...(renderRevision(rendered(before), rendered(now)) ?? [])].join("\n");
    assert.match(text, /chain server\/c \{/);
    assert.match(text, /add element inet steelyard ring\/c\/7/);
    assert.doesNotMatch(text, /server\/[ab]|ring\/[ab]/);
  });

  it("is none where a chain would need another hook", () => {
    const now = { ...plan([server("a", 1, 7)]), ingress: ["eth0"] };
    const { ruleset, plan: same } = rendered(now);
    const hooked = ruleset.netdev.chains.map((chain) => ({
      ...chain,
      rules: chain.rules.map((rule) => rule.replace("priority -500", "priority -400")),
    }));
    const other = { plan: same, ruleset: { ...ruleset, netdev: { ...ruleset.netdev, chains: hooked } } };
    assert.equal(renderRevision({ plan: same, ruleset }, other), undefined);
  });
});
