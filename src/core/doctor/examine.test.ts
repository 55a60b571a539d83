import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInterfaceAddress } from "#base/prefix";
import { parseBlocks } from "#core/ipam/block";
import { address } from "#testing/values";
import type { BgpFacts, BgpPeerFacts } from "./bgp-status.ts";
import { examine } from "./examine.ts";
import type { Facts, LinkFacts, PoolFacts } from "./facts.ts";
import { FINDINGS, type FindingCode } from "./finding.ts";

const on = (text: string) => parseInterfaceAddress(text) ?? assert.fail(text);
const pool = (text: string, name = "home"): PoolFacts => {
  const read = parseBlocks(text);
  assert.ok(read.ok);
  return { name, blocks: read.blocks };
};
const link = (facts: Partial<LinkFacts> = {}): LinkFacts => ({
  ...{ name: "eth0", kind: undefined, isUp: true, speaksArp: true, addresses: [on("10.0.0.5/24")] },
  ...{ settings: { arpIgnore: 0, arpAnnounce: 0, rpFilter: 0 }, snooping: undefined },
  ...facts,
});
/** A node with nothing the matter. */
const healthy: Facts = {
  ...{ node: "node-a", links: [link()], kubeProxy: { mode: "iptables", strictArp: false } },
  ...{ pools: [pool("10.0.0.100-10.0.0.120")], bindsAddresses: false, otherBalancers: [] },
  ...{ bfdPortTakenBy: undefined, neverHeard: [] },
  ...{
    bgp: undefined,
    bgpPortTakenBy: undefined,
    md5Drops: undefined,
    spread: undefined,
    routing: undefined,
  },
};
const ipv6Pool = pool("fd00::100-fd00::1ff", "six");
const bridge = (snooping: LinkFacts["snooping"]) =>
  link({ name: "br0", kind: "bridge", addresses: [on("fd00::5/64")], snooping });
const noBgp: BgpFacts = { peers: [], refusedPeers: [], troubles: [] };
/** A session with a router that has been down for an hour, or is as the change says. */
const session = (change: Partial<BgpPeerFacts>): Pick<Facts, "bgp"> => ({
  bgp: {
    ...noBgp,
    peers: [
      {
        ...{ name: "tor", address: address("10.0.0.1"), isEstablished: false, lasting: 3_600_000 },
        ...{ trouble: "", bfd: undefined, leftOut: [] },
        ...change,
      },
    ],
  },
});
const noAnswer = session({ trouble: "could not connect: ETIMEDOUT" });
const bound = link({ name: "kube-ipvs0", addresses: [on("10.0.0.101/32")] });

const settings = (arpIgnore: number, arpAnnounce = 2) => ({
  settings: { arpIgnore, arpAnnounce, rpFilter: 0 },
});
/** What a speaker has bound there, beside the node's own address. */
const holding = (facts: Partial<LinkFacts> = {}) =>
  link({ addresses: [on("10.0.0.5/24"), on("10.0.0.101/32")], ...facts });

/** A change of the healthy node, and what is found then. */
const CASES: readonly (readonly [FindingCode, string, Partial<Facts>])[] = [
  ["strict-arp", "kube-proxy", { kubeProxy: { mode: "ipvs", strictArp: false } }],
  ["kube-proxy-unknown", "kube-proxy", { kubeProxy: undefined }],
  [
    "answers-elsewhere",
    "eth0",
    { links: [link({ settings: { arpIgnore: 0, arpAnnounce: 2, rpFilter: 0 } }), bound] },
  ],
  [
    "arp-announce",
    "eth0",
    { links: [link({ settings: { arpIgnore: 1, arpAnnounce: 1, rpFilter: 0 } }), bound] },
  ],
  ["pool-address-taken", "eth0", { links: [holding()] }],
  [
    "strict-reverse-path",
    "eth0",
    {
      links: [
        link({ settings: { arpIgnore: 0, arpAnnounce: 0, rpFilter: 1 } }),
        link({ name: "eth1", addresses: [on("172.16.0.5/24")] }),
      ],
    },
  ],
  ["wireless", "wlan0", { links: [link({ name: "wlan0", kind: "wireless" })] }],
  ["multicast-snooping", "br0", { links: [bridge({ on: true, querier: false })], pools: [ipv6Pool] }],
  ["no-arp", "eth0", { links: [link({ speaksArp: false })] }],
  ["pool-outside", "far", { pools: [...(healthy.pools ?? []), pool("192.168.9.1-192.168.9.9", "far")] }],
  [
    "other-balancer",
    "kube-vip",
    { otherBalancers: [{ name: "kube-vip", seen: "DaemonSet kube-vip-ds", remedy: "kubectl delete it" }] },
  ],
  ["bfd-port-taken", "node-a", { bfdPortTakenBy: "bfdd (pid 812)" }],
  ["bfd-never-heard", "node-b", { neverHeard: [{ node: "node-b", address: address("10.0.0.6") }] }],
  [
    "bgp-peer-refused",
    "tor",
    { bgp: { ...noBgp, refusedPeers: [{ peer: "tor", text: "has no password", remedy: "give it one" }] } },
  ],
  ["bgp-wrong-asn", "tor", session({ trouble: "OPEN Message Error: Bad Peer AS" })],
  ["bgp-hold-time", "tor", session({ trouble: "OPEN Message Error: Unacceptable Hold Time" })],
  ["bgp-connection-refused", "tor", session({ trouble: "could not connect: ECONNREFUSED" })],
  ["bgp-unreachable", "tor", noAnswer],
  ["bgp-password", "tor", { ...noAnswer, md5Drops: { wrong: 1, missing: 0, unexpected: 0 } }],
  ["bgp-down", "tor", session({ trouble: "the peer was silent for the hold time" })],
  ["bgp-bfd-silent", "tor", session({ isEstablished: true, bfd: "down" })],
  ["bgp-left-out", "tor", session({ isEstablished: true, leftOut: [{ reason: "over-limit", count: 2 }] })],
  [
    "bgp-no-ecmp",
    "tor",
    {
      spread: {
        question: {
          ...{ service: "default/web", address: address("203.0.113.1"), port: 80, peer: "tor" },
          ...{ router: address("10.0.0.1"), nodes: ["node-a", "node-b"] },
        },
        ...{ asked: 32, answered: new Map([["10.0.0.6", 32]]) },
      },
    },
  ],
  ["bgp-port-taken", "node-a", { ...session({ isEstablished: true }), bgpPortTakenBy: "bird (pid 7)" }],
  ["bgp-trouble", "node-a", { bgp: { ...noBgp, troubles: ["FRR: bgpd is not running"] } }],
  ["pool-unannounced", "home", { routing: { layer2Pools: new Set(), bgpPools: new Set(), idlePeers: [] } }],
  [
    "bgp-peer-nowhere",
    "far",
    { routing: { layer2Pools: new Set(["home"]), bgpPools: new Set(), idlePeers: ["far"] } },
  ],
];

describe("the doctor", () => {
  it("finds nothing the matter with a healthy node", () => {
    assert.deepEqual(examine(healthy), []);
  });

  for (const [code, subject, change] of CASES) {
    it(`finds ${code}, alone, and says how to mend it`, () => {
      const found = examine({ ...healthy, ...change });
      assert.deepEqual(
        found.map((finding) => [finding.code, finding.subject]),
        [[code, subject]],
      );
      const [finding] = found;
      assert.match(finding?.message ?? "", /^\S.+\.$/);
      assert.ok((finding?.remedy ?? "").length > 5);
    });
  }

  it("has a case here for every kind of finding", () => {
    assert.deepEqual(
      CASES.map(([code]) => code),
      [...FINDINGS],
    );
  });

  it("says nothing of what mends it: strictARP, another mode, a querier, one interface, bound addresses", () => {
    const fine: readonly Partial<Facts>[] = [
      { kubeProxy: { mode: "ipvs", strictArp: true } },
      { kubeProxy: { mode: "nftables", strictArp: false } },
      { kubeProxy: "absent" },
      { links: [bridge({ on: true, querier: true })], pools: [ipv6Pool] },
      { links: [bridge({ on: false, querier: false })], pools: [ipv6Pool] },
      { links: [link({ settings: { arpIgnore: 0, arpAnnounce: 0, rpFilter: 1 } })] },
      { links: [link({ settings: { arpIgnore: 1, arpAnnounce: 2, rpFilter: 2 } }), bound] },
      // A radio that carries no pool.
      { links: [link(), link({ name: "wlan0", kind: "wireless", addresses: [on("172.16.0.5/24")] })] },
    ];
    for (const [index, change] of fine.entries())
      assert.deepEqual(examine({ ...healthy, ...change }), [], `case ${index}`);
  });

  const ipvs = (strictArp: boolean): Partial<Facts> => ({ kubeProxy: { mode: "ipvs", strictArp } });
  const iptables: Partial<Facts> = { kubeProxy: { mode: "iptables", strictArp: false } };
  const binding: Partial<Facts> = { bindsAddresses: true };
  const none: readonly FindingCode[] = [];
  /** Who holds an address or not, what kube-proxy does, what the kernel is told; and what is found. */
  const kernels: readonly (readonly [string, Partial<Facts>, readonly FindingCode[]])[] = [
    ["iptables, not bound", { ...iptables, links: [link()] }, none],
    ["iptables, bound here", { ...iptables, ...binding, links: [holding()] }, none],
    ["iptables, bound elsewhere", { ...iptables, ...binding, links: [link()] }, none],
    ["ipvs strict, not bound", { ...ipvs(true), links: [link(settings(1)), bound] }, none],
    ["ipvs strict, bound here", { ...ipvs(true), ...binding, links: [holding(settings(1)), bound] }, none],
    ["ipvs strict, bound elsewhere", { ...ipvs(true), ...binding, links: [link(settings(1)), bound] }, none],
    [
      "ipvs that was strict, and somebody has set it back",
      { ...ipvs(true), ...binding, links: [link(settings(0, 0)), bound] },
      ["answers-elsewhere", "arp-announce"],
    ],
    [
      "ipvs, not bound",
      { ...ipvs(false), links: [link(settings(0)), bound] },
      ["strict-arp", "answers-elsewhere"],
    ],
    [
      "ipvs, bound elsewhere",
      { ...ipvs(false), ...binding, links: [link(settings(0)), bound] },
      ["strict-arp", "answers-elsewhere"],
    ],
    [
      "ipvs, this address bound here and others not",
      { ...ipvs(false), ...binding, links: [holding(settings(0)), bound] },
      ["strict-arp"],
    ],
    ["ipvs, and the node is told itself", { ...ipvs(false), links: [link(settings(1)), bound] }, none],
    [
      "the same, and pools are not known",
      { ...ipvs(false), links: [link(settings(1))], pools: undefined },
      none,
    ],
    [
      "a value that answers for all interfaces, though it is not 0",
      { ...ipvs(false), links: [link(settings(3)), bound] },
      ["strict-arp", "answers-elsewhere"],
    ],
    ["one that answers for nothing, the speaker does itself", { links: [link(settings(8)), bound] }, none],
    ["and one that binds does not", { ...binding, links: [holding(settings(8))] }, ["no-arp"]],
    [
      "bound on one of two interfaces of a network",
      {
        ...binding,
        links: [holding(settings(0)), link({ name: "eth1", addresses: [on("10.0.0.6/24")], ...settings(0) })],
      },
      ["answers-elsewhere"],
    ],
    [
      "bound on both",
      {
        ...binding,
        links: [
          holding(settings(0)),
          link({ name: "eth1", addresses: [on("10.0.0.6/24"), on("10.0.0.101/32")], ...settings(0) }),
        ],
      },
      none,
    ],
    [
      "bound on one of two networks",
      {
        ...binding,
        links: [holding(settings(0)), link({ name: "eth1", addresses: [on("10.9.0.6/24")], ...settings(0) })],
        pools: [pool("10.0.0.100-10.0.0.120"), pool("10.9.0.100-10.9.0.120", "far")],
      },
      none,
    ],
    ["the node's own address in a pool", { pools: [pool("10.0.0.5-10.0.0.120")] }, none],
  ];
  for (const [name, change, expected] of kernels)
    it(`goes by what the kernel does: ${name}`, () => {
      assert.deepEqual(
        examine({ ...healthy, ...change }).map(({ code }) => code),
        expected,
      );
    });

  it("says nothing where it could not look", () => {
    const blind: Facts = {
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
    assert.deepEqual(examine(blind), []);
    assert.deepEqual(examine({ ...healthy, links: undefined }), []);
    assert.deepEqual(examine({ ...healthy, links: [link({ settings: undefined }), bound] }), []);
  });

  it("knows that a pool may be wider than the node's network, and that a down interface carries nothing", () => {
    assert.deepEqual(examine({ ...healthy, pools: [pool("9.0.0.0-11.255.255.255")] }), []);
    const ownAddress = link({ addresses: [on("10.0.0.100/32")] });
    assert.deepEqual(
      examine({ ...healthy, links: [ownAddress] }).map(({ code }) => code),
      ["pool-outside"],
      "an address that a speaker has bound there is no network",
    );
    const down = examine({ ...healthy, links: [link({ isUp: false })] });
    assert.deepEqual(
      down.map(({ code }) => code),
      ["pool-outside"],
    );
  });

  it("puts errors first", () => {
    const found = examine({
      ...{ ...healthy, kubeProxy: undefined, bfdPortTakenBy: "bfdd" },
      links: [link({ name: "wlan0", kind: "wireless", speaksArp: false })],
    });
    assert.deepEqual(
      found.map(({ severity, code }) => `${severity} ${code}`),
      ["error no-arp", "error bfd-port-taken", "warning kube-proxy-unknown", "warning wireless"],
    );
  });
});
