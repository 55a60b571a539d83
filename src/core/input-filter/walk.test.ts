import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "#base/address";
import { type Packet, PROTOCOL } from "./packet.ts";
import { decodeRuleset, type Ruleset } from "./ruleset.ts";
import { walk } from "./walk.ts";

const read = (name: string): Ruleset => {
  const text = readFileSync(new URL(`testdata/${name}.json`, import.meta.url), "utf8");
  return decodeRuleset(text) ?? assert.fail(`${name} is no ruleset`);
};

const VRRP: Packet = {
  ...{ family: "IPv4", protocol: PROTOCOL.vrrp, interface: "eth0" },
  ...{ source: "203.0.113.2" as IpAddress, destination: "203.0.113.1" as IpAddress },
};
const VRRP6: Packet = {
  ...VRRP,
  ...{ family: "IPv6", source: "fe80::2" as IpAddress, destination: "ff02::12" as IpAddress },
};
const TCP: Packet = { ...VRRP, protocol: PROTOCOL.tcp, port: 6443 };

const dropped = (ruleset: Ruleset, packet: Packet): string => {
  const answer = walk(ruleset, packet);
  if (answer.type !== "dropped") return answer.type;
  const { family, table, chain, by } = answer.place;
  return `${family} ${table} ${chain}: ${by}`;
};

/** A chain of the input hook with these rules, and others that it may jump to. */
const inputWith = (
  rules: readonly object[][],
  policy = "accept",
  others: Record<string, object[][]> = {},
) => {
  const at = { family: "inet", table: "t" };
  const all = Object.entries({ input: rules, ...others });
  const base = { type: "filter", hook: "input", prio: 0, policy };
  const nftables = all.flatMap(([chain, its]) => [
    { chain: { ...at, name: chain, ...(chain === "input" ? base : {}) } },
    ...its.map((expr, index) => ({ rule: { ...at, chain, handle: index + 1, expr } })),
  ]);
  return decodeRuleset(JSON.stringify({ nftables })) ?? assert.fail();
};

const meta = (key: string, right: unknown, op = "==") => ({ match: { op, left: { meta: { key } }, right } });
const ACCEPT = { accept: null };
const DROP = { drop: null };

describe("what a ruleset of nft does to VRRP", () => {
  const inet = read("nft-inet");

  it("drops it by the rule that comes first", () => {
    assert.equal(dropped(inet, VRRP), "inet filter input: rule 13");
  });
  it("lets in what a rule of a chain that is jumped to accepts", () => {
    assert.equal(dropped(inet, { ...VRRP, interface: "eth1" }), "accepted");
    assert.equal(dropped(inet, VRRP6), "accepted");
  });
  it("looks into named sets", () => {
    for (const [source, expected] of [
      ["192.0.2.7", "accepted"],
      ["198.51.100.200", "accepted"],
      ["198.51.101.1", "inet filter input: rule 13"],
    ] as const)
      assert.equal(dropped(inet, { ...VRRP, source: source as IpAddress }), expected);
  });
  it("knows ports of TCP, which VRRP does not have", () => {
    assert.equal(dropped(inet, TCP), "accepted");
    assert.equal(dropped(inet, { ...TCP, port: 6442 }), "inet filter more: rule 17");
  });
});

describe("what a firewall's rules do to VRRP", () => {
  it("of ufw, by iptables, drop it by policy", () => {
    assert.equal(dropped(read("nft-ufw"), VRRP), "ip filter INPUT: its policy");
    assert.equal(dropped(read("nft-ufw"), { ...VRRP, interface: "eth1" }), "accepted");
    assert.equal(dropped(read("nft-ufw"), VRRP6), "accepted", "nothing is said of IPv6");
  });
  it("of firewalld reject it although its policy is to accept", () => {
    assert.match(dropped(read("nft-firewalld"), VRRP), /^inet firewalld filter_INPUT: rule/);
  });
});

describe("a rule that may apply or not", () => {
  const UNKNOWN = { xt: { type: "match", name: "recent" } };
  const answers = (rules: object[][], policy?: string, others?: Record<string, object[][]>): string =>
    walk(inputWith(rules, policy, others), VRRP).type;

  it("leaves open what it would change", () => {
    assert.equal(answers([[UNKNOWN, ACCEPT], [DROP]]), "unknown");
    assert.equal(answers([[UNKNOWN, DROP]]), "unknown");
    assert.equal(answers([[UNKNOWN, { jump: { target: "c" } }]], "drop", { c: [[ACCEPT]] }), "unknown");
    assert.equal(answers([[{ limit: { rate: 1 } }, ACCEPT]], "drop"), "unknown");
  });
  it("changes nothing where the answer is the same either way", () => {
    assert.equal(answers([[UNKNOWN, DROP]], "drop"), "dropped");
    assert.equal(answers([[UNKNOWN, ACCEPT], [ACCEPT]], "drop"), "accepted");
  });
  it("does not keep a return from leaving a chain", () => {
    const c = [[{ return: null }], [DROP]];
    assert.equal(answers([[{ jump: { target: "c" } }], [ACCEPT]], "drop", { c }), "accepted");
    assert.equal(answers([[{ goto: { target: "c" } }], [ACCEPT]], "drop", { c }), "dropped");
  });
});

describe("the walk", () => {
  it("lets every chain of a hook have its say", () => {
    const [accepting, dropping] = ["accept", "drop"].map((policy, prio) => ({
      chain: { family: "ip", table: policy, name: "c", type: "filter", hook: "input", prio, policy },
    }));
    const ruleset = decodeRuleset(JSON.stringify({ nftables: [accepting, dropping] })) ?? assert.fail();
    assert.equal(dropped(ruleset, VRRP), "ip drop c: its policy");
  });
  it("judges what goes through by other chains than what stays, after translation and by both interfaces", () => {
    const chain = (hook: string, policy: string) => ({
      chain: { family: "inet", table: "t", name: hook, type: "filter", hook, prio: 0, policy },
    });
    const rule = (...expr: object[]) => ({
      rule: { family: "inet", table: "t", chain: "forward", handle: 7, expr },
    });
    const ruleset = (...rules: object[]) =>
      decodeRuleset(
        JSON.stringify({ nftables: [chain("input", "accept"), chain("forward", "drop"), ...rules] }),
      ) ?? assert.fail();
    const through: Packet = { ...TCP, leavesBy: "eth0" };
    assert.equal(dropped(ruleset(), TCP), "accepted");
    assert.equal(dropped(ruleset(), through), "inet t forward: its policy");
    assert.equal(
      dropped(ruleset(rule(meta("oifname", "eth1"), ACCEPT)), through),
      "inet t forward: its policy",
    );
    assert.equal(dropped(ruleset(rule(meta("oifname", "eth0"), ACCEPT)), through), "accepted");
    const status = { match: { op: "in", left: { ct: { key: "status" } }, right: "dnat" } };
    assert.equal(dropped(ruleset(rule(status, ACCEPT)), through), "accepted");
    assert.equal(dropped(inputWith([[status, DROP]]), TCP), "accepted");
    assert.equal(dropped(inputWith([], "drop"), through), "accepted");
  });
  it("passes over chains of other interfaces and of address translation", () => {
    const chain = {
      family: "netdev",
      table: "t",
      name: "c",
      type: "filter",
      hook: "ingress",
      policy: "drop",
    };
    const ruleset = (dev: string) =>
      decodeRuleset(JSON.stringify({ nftables: [{ chain: { ...chain, dev } }] })) ?? assert.fail();
    assert.equal(dropped(ruleset("eth1"), VRRP), "accepted");
    assert.equal(dropped(ruleset("eth0"), VRRP), "netdev t c: its policy");
  });
  it("ends where chains jump in circles", () => {
    const c = [[{ jump: { target: "c" } }], [{ jump: { target: "c" } }]];
    assert.equal(walk(inputWith([[{ jump: { target: "c" } }]], "drop", { c }), VRRP).type, "dropped");
  });
  it("compares in all ways that nft has", () => {
    const answers = (match: object): string => walk(inputWith([[match, DROP]]), VRRP).type;
    assert.equal(answers(meta("l4proto", "vrrp")), "dropped");
    assert.equal(answers(meta("l4proto", 112)), "dropped");
    assert.equal(answers(meta("l4proto", "tcp", "!=")), "dropped");
    assert.equal(answers(meta("iifname", "eth*")), "dropped");
    assert.equal(answers(meta("iifname", { set: ["lo", "eth0"] })), "dropped");
    assert.equal(answers(meta("l4proto", { range: [100, 120] })), "dropped");
    assert.equal(answers(meta("l4proto", 112, ">")), "accepted");
    assert.equal(answers(meta("l4proto", 112, ">=")), "dropped");
    assert.equal(answers(meta("cgroup", 1)), "unknown");
  });
  it("never throws, whatever nft may print one day", () => {
    fc.assert(fc.property(fc.json(), (json) => void decodeRuleset(json)));
    const anything = fc.array(
      fc.dictionary(fc.constantFrom("match", "vmap", "jump", "xt", "accept"), fc.jsonValue()),
    );
    fc.assert(fc.property(fc.array(anything), (rules) => void walk(inputWith(rules as object[][]), VRRP)));
    assert.equal(decodeRuleset("{}"), undefined);
    assert.equal(decodeRuleset("Error: no such file"), undefined);
  });
});
