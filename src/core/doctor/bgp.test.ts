import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { describeCause } from "#core/bgp/session/words";
import { bgp, l2, peer, pool } from "#core/metallb/test-objects";
import { bgpFindings, bgpPortFindings, routingFindings } from "./bgp.ts";
import { announcesByFrr, bgpIn } from "./bgp-status.ts";
import { routingIn } from "./cluster.ts";
import { examine } from "./examine.ts";
import type { Facts } from "./facts.ts";

const NOTHING: Facts = {
  ...{ node: "node-a", links: undefined, kubeProxy: "absent", pools: undefined, bindsAddresses: false },
  ...{ otherBalancers: undefined, bfdPortTakenBy: undefined, neverHeard: undefined },
  ...{
    bgp: undefined,
    bgpPortTakenBy: undefined,
    md5Drops: undefined,
    spread: undefined,
    routing: undefined,
  },
};

const MINUTE = 60_000;
const PEER = { name: "tor", address: "10.0.0.1", state: "idle", since: 0, leftOut: [] };

const statusOf = (parts: object, now = 10 * MINUTE) => ({ role: "speaker", now, bgp: parts });

const found = (member: object, facts: Partial<Facts> = {}, now?: number): readonly string[] =>
  bgpFindings({ ...NOTHING, ...facts, bgp: bgpIn(statusOf({ peers: [{ ...PEER, ...member }] }, now)) }).map(
    ({ code, severity }) => `${severity} ${code}`,
  );

const notification = (code: number, subcode: number) => ({
  type: "notification" as const,
  code,
  subcode,
  data: new Uint8Array(0),
});

const failing = (text: string) => ({ failure: { text, at: 0 } });

describe("the doctor, of sessions with routers", () => {
  it("knows a wrong number, whichever side has noticed it", () => {
    const ours = describeCause({
      type: "open-refused",
      refusal: "bad-peer-asn",
      notification: notification(2, 2),
    });
    const theirs = describeCause({ type: "notification-received", notification: notification(2, 2) });
    for (const text of [ours, theirs]) assert.deepEqual(found(failing(text)), ["error bgp-wrong-asn"], text);
  });

  it("knows a hold time that one side does not take", () => {
    const ours = describeCause({
      ...{ type: "open-refused", refusal: "unacceptable-hold-time" },
      notification: notification(2, 6),
    });
    const theirs = describeCause({ type: "notification-received", notification: notification(2, 6) });
    for (const text of [ours, theirs]) assert.deepEqual(found(failing(text)), ["error bgp-hold-time"], text);
  });

  it("knows a router that refuses, and one that does not answer", () => {
    const refused = describeCause({ type: "connect-failed", reason: "ECONNREFUSED" });
    assert.deepEqual(found({ obstacle: refused }), ["error bgp-connection-refused"]);
    for (const reason of ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]) {
      const text = describeCause({ type: "connect-failed", reason });
      assert.deepEqual(found({ obstacle: text }), ["error bgp-unreachable"]);
    }
  });

  it("takes passwords for the reason only where the kernel has dropped segments for their signature", () => {
    const timeout = { obstacle: describeCause({ type: "connect-failed", reason: "ETIMEDOUT" }) };
    const drops = { wrong: 0, missing: 0, unexpected: 0 };
    assert.deepEqual(found(timeout, { md5Drops: drops }), ["error bgp-unreachable"]);
    for (const each of ["wrong", "missing", "unexpected"] as const)
      assert.deepEqual(found(timeout, { md5Drops: { ...drops, [each]: 3 } }), ["error bgp-password"]);
    const refused = { obstacle: describeCause({ type: "connect-failed", reason: "ECONNREFUSED" }) };
    assert.deepEqual(found(refused, { md5Drops: { ...drops, wrong: 3 } }), ["error bgp-connection-refused"]);
  });

  it("says of every other session that is down what the speaker says, and waits for a minute", () => {
    assert.deepEqual(found(failing("the peer was silent for the hold time")), ["error bgp-down"]);
    assert.deepEqual(found({}), ["error bgp-down"]);
    assert.deepEqual(found({ since: 10 * MINUTE - 59_999 }), []);
    const [finding] = bgpFindings({
      ...NOTHING,
      bgp: bgpIn(statusOf({ peers: [{ ...PEER, ...failing("the peer was silent") }] })),
    });
    assert.match(
      finding?.message ?? "",
      /no session with the router 10\.0\.0\.1 for 10 min: the peer was silent\./,
    );
  });

  it("finds BFD that is never heard beside a session that is up", () => {
    const up = { state: "established" };
    assert.deepEqual(found({ ...up, bfd: "down" }), ["warning bgp-bfd-silent"]);
    assert.deepEqual(found({ ...up, bfd: "init" }), ["warning bgp-bfd-silent"]);
    for (const bfd of ["up", "admin-down", undefined]) assert.deepEqual(found({ ...up, bfd }), []);
    assert.deepEqual(found({ ...up, bfd: "down", since: 10 * MINUTE - 1 }), []);
    // What went wrong before the session came up is over.
    assert.deepEqual(found({ ...up, ...failing("Bad Peer AS") }), []);
  });

  it("finds routes that a router is not told, each reason by itself", () => {
    const leftOut = [
      { reason: "over-limit", family: "IPv4", count: 2 },
      { reason: "no-next-hop", family: "IPv6", count: 1 },
      { reason: "unheard-of", family: "IPv6", count: 1 },
    ];
    assert.deepEqual(found({ state: "established", leftOut }), [
      "warning bgp-left-out",
      "warning bgp-left-out",
    ]);
  });

  it("finds peers that are refused, with what helps once", () => {
    const refusedPeers = [
      { peer: "tor", reason: "password", text: "has a long password: use 1 to 80 bytes" },
    ];
    const [finding] = bgpFindings({ ...NOTHING, bgp: bgpIn(statusOf({ refusedPeers })) });
    assert.equal(finding?.code, "bgp-peer-refused");
    assert.equal(
      finding.message,
      "There is no session for BGPPeer tor on this node: it has a long password.",
    );
    assert.equal(finding.remedy, "Use 1 to 80 bytes: kubectl edit bgppeer tor");
  });

  it("names the program that has the port, where there are routers to talk to", () => {
    const taken = (parts: object) =>
      bgpPortFindings({ ...NOTHING, bgpPortTakenBy: "bgpd (pid 7)", bgp: bgpIn(statusOf(parts)) }).map(
        ({ severity, message }) => `${severity} ${message.split(":")[0]}`,
      );
    assert.deepEqual(taken({ peers: [] }), []);
    assert.deepEqual(taken({ peers: [PEER] }), ["warning TCP port 179 belongs to bgpd (pid 7)"]);
    const troubles = ["listening on port 179 for IPv4: EADDRINUSE"];
    assert.deepEqual(taken({ peers: [PEER], troubles }), ["error TCP port 179 belongs to bgpd (pid 7)"]);
  });

  it("says what fails besides, once", () => {
    const listening = "listening on port 179 for IPv4: EADDRINUSE";
    const status = bgpIn(statusOf({ peers: [PEER], troubles: [listening, "FRR: it does not answer"] }));
    const codes = (facts: Partial<Facts>) =>
      examine({ ...NOTHING, bgp: status, ...facts }).map(({ code }) => code);
    assert.deepEqual(codes({}), ["bgp-down", "bgp-trouble", "bgp-trouble"]);
    assert.deepEqual(codes({ bgpPortTakenBy: "bird (pid 7)" }), [
      "bgp-down",
      "bgp-port-taken",
      "bgp-trouble",
    ]);
  });

  it("knows a speaker that announces through FRR by its command line", () => {
    assert.equal(announcesByFrr(["steelyard", "speaker", "--bgp-engine", "frr"]), true);
    assert.equal(announcesByFrr(["steelyard", "speaker", "--bgp-engine=frr", "--bgp-drain", "5s"]), true);
    assert.equal(announcesByFrr(["steelyard", "speaker", "--bgp-engine", "own", "frr"]), false);
    assert.equal(announcesByFrr([]), false);
  });

  it("trusts nothing that answers, and never throws", () => {
    assert.equal(bgpIn({ role: "edge", now: 1, bgp: {} }), undefined);
    assert.equal(bgpIn({ role: "speaker", now: 1 }), undefined);
    const many = bgpIn(statusOf({ peers: Array.from({ length: 10_000 }, () => PEER) }));
    assert.equal(many?.peers.length, 64);
    fc.assert(
      fc.property(fc.anything(), (value) => {
        bgpIn(statusOf({ peers: [value], refusedPeers: [value], troubles: [value] }));
        bgpIn({ role: "speaker", now: 1, bgp: value });
      }),
    );
    const odd = { ...PEER, name: "tor\n\u001b[2J", failure: { text: `x\n${"y".repeat(10_000)}` } };
    const [finding] = bgpFindings({ ...NOTHING, bgp: bgpIn(statusOf({ peers: [odd] })) });
    assert.ok(finding !== undefined && finding.message.length < 2_000);
    assert.doesNotMatch(`${finding.message}${finding.remedy}${finding.subject}`, /\p{Cc}/u);
  });
});

describe("the doctor, of who announces what", () => {
  const pools = ["a", "b", "c"].map((name) => ({ name, blocks: [] }));
  const objects = ["a", "b", "c"].map((name, index) => pool(name, { addresses: [`192.0.${index}.0/24`] }));

  it("finds pools that no advertisement means", () => {
    const routing = routingIn(
      [...objects, l2("one", { ipAddressPools: ["a"] }), bgp("two", { ipAddressPools: ["b"] })],
      undefined,
    );
    assert.deepEqual(
      routingFindings({ ...NOTHING, pools, routing }).map(({ code, subject }) => `${code} ${subject}`),
      ["pool-unannounced c"],
    );
    const all = routingIn([...objects, bgp("all")], undefined);
    assert.deepEqual(routingFindings({ ...NOTHING, pools, routing: all }), []);
  });

  it("finds peers whose selectors match no node, where nodes are known", () => {
    const node = (name: string, zone: string) => ({ kind: "Node", metadata: { name, labels: { zone } } });
    const peers = [
      peer("near", { nodeSelectors: [{ matchLabels: { zone: "a" } }] }),
      peer("far", { peerAddress: "198.51.100.2", nodeSelectors: [{ matchLabels: { zone: "z" } }] }),
      peer("all", { peerAddress: "198.51.100.3" }),
    ];
    const idle = (nodes: readonly object[] | undefined) => routingIn(peers, nodes)?.idlePeers;
    assert.deepEqual(idle([node("node-a", "a")]), ["far"]);
    assert.deepEqual(idle(undefined), []);
  });

  it("says nothing where resources are no valid configuration", () => {
    assert.equal(routingIn([pool("a", { addresses: [] })], undefined), undefined);
  });

  it("expects no network of the node's for pools that routers are told of", () => {
    const far = [{ name: "b", blocks: [{ family: "IPv4", first: 1n, last: 2n } as const] }];
    const codes = (routing: Facts["routing"]) =>
      examine({ ...NOTHING, links: [], pools: far, routing }).map(({ code }) => code);
    const nobody: ReadonlySet<string> = new Set();
    const both = { layer2Pools: new Set(["b"]), bgpPools: new Set(["b"]), idlePeers: [] };
    assert.deepEqual(codes({ ...both, layer2Pools: nobody }), []);
    assert.deepEqual(codes(both), ["pool-outside"]);
    assert.deepEqual(codes(undefined), ["pool-outside"]);
  });
});
