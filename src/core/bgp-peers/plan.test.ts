import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { millis, seconds } from "#base/time";
import { address } from "#testing/values";
import { PEER_ANNOTATIONS } from "./extensions.ts";
import { planPeers, secretsNamed } from "./plan.ts";
import { PEER_REASONS, PEER_REMEDIES, type PeerReason, refusedPeerSentence } from "./reason.ts";
import { peer, planOf, profile, readPeer } from "./test-peers.ts";

type Around = Parameters<typeof planOf>[1];

/** The only session. */
const wordOf = (
  spec: Readonly<Record<string, unknown>>,
  rest: { readonly annotations?: Readonly<Record<string, string>>; readonly around?: Around } = {},
) => {
  const { peers, refused } = planOf([profile("fast"), peer("tor", spec, rest.annotations)], rest.around);
  assert.deepEqual(refused, []);
  return peers[0]?.word ?? assert.fail("no peer");
};

describe("a peer with nothing but its numbers and its address", () => {
  it("has MetalLB's times, the node's first IPv4 address as identifier, and the family of its address", () => {
    assert.deepEqual(wordOf({}), {
      name: "tor",
      neighbor: { type: "address", address: "198.51.100.1" },
      port: 179,
      localAsn: 64500,
      hiddenAsn: undefined,
      peerAsn: { type: "given", asn: 64501 },
      routerId: "192.0.2.1",
      sourceAddress: undefined,
      vrf: undefined,
      holdTime: seconds(90),
      keepaliveTime: seconds(30),
      connectRetryTime: seconds(10),
      role: "active",
      password: undefined,
      multihop: false,
      ttlSecurity: false,
      families: ["IPv4"],
      multiprotocol: true,
      gracefulRestart: undefined,
      bfd: undefined,
      mostRoutes: 50_000,
    });
    assert.deepEqual(wordOf({ peerAddress: "2001:db8::ff" }).families, ["IPv6"]);
  });
});

describe("each field of a BGPPeer", () => {
  const rows: readonly (readonly [
    string,
    Readonly<Record<string, unknown>>,
    Readonly<Record<string, unknown>>,
  ])[] = [
    ["peerPort", { peerPort: 1179 }, { port: 1179 }],
    ["localASN", { localASN: 65001 }, { localAsn: 65001, hiddenAsn: 64500 }],
    ["localASN that hides nothing", { localASN: 64500 }, { localAsn: 64500, hiddenAsn: undefined }],
    [
      "dynamicASN external",
      { peerASN: 0, dynamicASN: "external" },
      { peerAsn: { type: "external" }, multihop: false },
    ],
    [
      "dynamicASN internal",
      { peerASN: 0, dynamicASN: "internal" },
      { peerAsn: { type: "internal" }, multihop: true },
    ],
    ["peerASN that is ours", { peerASN: 64500 }, { multihop: true }],
    ["peerASN that is the localASN", { peerASN: 65001, localASN: 65001 }, { multihop: true }],
    ["ebgpMultiHop", { ebgpMultiHop: true }, { multihop: true }],
    ["sourceAddress", { sourceAddress: "192.0.2.7" }, { sourceAddress: "192.0.2.7" }],
    ["routerID", { routerID: "192.0.2.9" }, { routerId: "192.0.2.9" }],
    ["vrf", { vrf: "blue" }, { vrf: "blue" }],
    ["holdTime", { holdTime: "9s" }, { holdTime: seconds(9), keepaliveTime: seconds(3) }],
    ["holdTime 0", { holdTime: "0s" }, { holdTime: seconds(0), keepaliveTime: seconds(0) }],
    [
      "holdTime with a fraction",
      { holdTime: "9.9s" },
      { holdTime: seconds(9), keepaliveTime: millis(3_300) },
    ],
    ["holdTime beyond 16 bits", { holdTime: "100000s" }, { holdTime: seconds(65_535) }],
    ["keepaliveTime", { keepaliveTime: "2s" }, { holdTime: seconds(6), keepaliveTime: seconds(2) }],
    ["connectTime", { connectTime: "3s" }, { connectRetryTime: seconds(3) }],
    ["password", { password: "secret" }, { password: "secret" }],
    [
      "enableGracefulRestart",
      { enableGracefulRestart: true },
      { gracefulRestart: { restartTime: seconds(120) } },
    ],
    ["dualStackAddressFamily", { dualStackAddressFamily: true }, { families: ["IPv4", "IPv6"] }],
    ["disableMP", { disableMP: true }, { families: ["IPv4"], multiprotocol: false }],
    [
      "disableMP of an IPv6 session",
      { disableMP: true, peerAddress: "2001:db8::ff" },
      { families: ["IPv6"], multiprotocol: true },
    ],
    [
      "interface",
      { peerAddress: "", interface: "eth1" },
      { neighbor: { type: "interface", name: "eth1" }, families: ["IPv4", "IPv6"] },
    ],
    [
      "bfdProfile",
      { bfdProfile: "fast" },
      {
        bfd: {
          ...{ receiveInterval: millis(300), transmitInterval: millis(300), detectMultiplier: 3 },
          ...{ echo: undefined, role: "active", minimumTtl: 254 },
        },
      },
    ],
  ];
  for (const [title, spec, expected] of rows)
    it(`counts: ${title}`, () => {
      const word: Readonly<Record<string, unknown>> = wordOf(spec);
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(word[key], value, key);
    });

  it("counts: nodeSelectors, which leave the peer to other nodes", () => {
    const spec = { nodeSelectors: [{ matchLabels: { rack: "b" } }] };
    const node = { name: "node-a", labels: { rack: "a" }, internalIps: [] };
    const plan = planOf([peer("tor", spec), peer("any", { peerAddress: "198.51.100.2" })], { node });
    assert.deepEqual(
      [plan.elsewhere, plan.peers.map(({ word }) => word.name), plan.refused],
      [["tor"], ["any"], []],
    );
  });

  it("counts: passwordSecret, whose password is the one that was read", () => {
    const around: Around = { secretOf: (name) => ({ type: "password", password: `of ${name}` }) };
    assert.equal(wordOf({ passwordSecret: { name: "tor" } }, { around }).password, "of tor");
  });

  it("counts: every part of a BFDProfile", () => {
    const spec = {
      ...{ receiveInterval: 50, transmitInterval: 60, detectMultiplier: 5, minimumTtl: 10 },
      ...{ echoMode: true, echoInterval: 70, passiveMode: true },
    };
    const { peers } = planOf([profile("p", spec), peer("tor", { bfdProfile: "p" })]);
    assert.deepEqual(peers[0]?.word.bfd, {
      ...{ receiveInterval: millis(50), transmitInterval: millis(60), detectMultiplier: 5, minimumTtl: 10 },
      ...{ echo: { interval: millis(70) }, role: "passive" },
    });
  });
});

describe("an annotation of a BGPPeer", () => {
  it("says what the kind has no field for", () => {
    const annotations = {
      ...{ "steelyard.dev/passive": "true", "steelyard.dev/ttl-security": "true" },
      ...{ "steelyard.dev/route-limit": "100", "example.org/other": "x" },
    };
    const word = wordOf({}, { annotations, around: { listening: "yes" } });
    assert.deepEqual([word.role, word.ttlSecurity, word.mostRoutes], ["passive", true, 100]);
  });

  it("makes a session inside one autonomous system one of neighbours, where it asks for TTL security", () => {
    const word = wordOf({ peerASN: 64500 }, { annotations: { "steelyard.dev/ttl-security": "true" } });
    assert.deepEqual([word.multihop, word.ttlSecurity], [false, true]);
  });

  it("has a peer told how traffic is to be shared", () => {
    const { peers } = planOf([peer("tor", {}, { "steelyard.dev/link-bandwidth": "true" })]);
    assert.equal(peers[0]?.linkBandwidth, true);
  });
});

describe("a peer that cannot be as it is asked for", () => {
  const refusedOf = (objects: readonly Readonly<Record<string, unknown>>[], around?: Around) => {
    const { refused } = planOf(objects, around);
    return refused.map(({ name, reason }) => [name, reason]);
  };
  const rows: readonly (readonly [
    PeerReason,
    Readonly<Record<string, unknown>>,
    Readonly<Record<string, string>>?,
  ])[] = [
    ["annotation", {}, { "steelyard.dev/route-limit": "0" }],
    ["annotation", {}, { "steelyard.dev/passive": "yes" }],
    ["annotation", {}, { "steelyard.dev/pasive": "true" }],
    ["link-name", { vrf: "sixteen-letters-" }],
    ["link-name", { peerAddress: "", interface: "a b" }],
    ["link-local", { peerAddress: "fe80::1" }],
    ["source-address", { sourceAddress: "2001:db8::7" }],
    ["source-address", { peerAddress: "", interface: "eth1", sourceAddress: "2001:db8::7" }],
    ["router-id", { routerID: "2001:db8::7" }],
    ["router-id", { routerID: "0.0.0.0" }],
    ["multihop-internal", { peerASN: 0, dynamicASN: "internal", ebgpMultiHop: true }],
    ["multihop-ttl-security", { ebgpMultiHop: true }, { "steelyard.dev/ttl-security": "true" }],
    ["passive-unheard", {}, { "steelyard.dev/passive": "true" }],
    ["families", { disableMP: true, dualStackAddressFamily: true }],
    ["keepalive", { holdTime: "9s", keepaliveTime: "500ms" }],
    ["secret-elsewhere", { passwordSecret: { name: "tor", namespace: "other" } }],
    ["secret-absent", { passwordSecret: { name: "tor" } }],
    ["password", { password: "x".repeat(81) }],
    ["password", { password: "ü".repeat(41) }],
  ];
  for (const [reason, spec, annotations] of rows)
    it(`is refused: ${reason}, ${JSON.stringify(spec)} ${JSON.stringify(annotations ?? {})}`, () =>
      assert.deepEqual(refusedOf([peer("tor", spec, annotations)]), [["tor", reason]]));

  it("is refused with echo packets where those do not work", () => {
    const echo = profile("echo", { echoMode: true });
    assert.deepEqual(refusedOf([echo, peer("tor", { bfdProfile: "echo", ebgpMultiHop: true })]), [
      ["tor", "bfd-echo"],
    ]);
    assert.deepEqual(refusedOf([echo, peer("tor", { bfdProfile: "echo", vrf: "blue" })]), [
      ["tor", "bfd-echo"],
    ]);
    assert.deepEqual(refusedOf([echo, peer("tor", { bfdProfile: "echo", peerAddress: "2001:db8::ff" })]), [
      ["tor", "bfd-echo"],
    ]);
  });

  it("is refused while its Secret cannot be read or used, with the Secret's name and never a password", () => {
    const tor = peer("tor", { passwordSecret: { name: "tor-password" } });
    const unread: Around = { secretOf: () => ({ type: "unread", detail: "403" }) };
    const wrong: Around = { secretOf: () => ({ type: "wrong", text: "is not of type x" }) };
    assert.deepEqual(refusedOf([tor], unread), [["tor", "secret-unread"]]);
    const [refused = assert.fail("not refused")] = planOf([tor], wrong).refused;
    assert.equal(refused.reason, "secret-wrong");
    assert.match(
      refusedPeerSentence(refused),
      /^BGPPeer tor names the Secret tor-password, which is not of type x: /,
    );
  });

  it("has a remedy for every reason", () => {
    assert.deepEqual(Object.keys(PEER_REMEDIES).toSorted(), [...PEER_REASONS].toSorted());
  });
});

describe("peers that cannot be together on a node", () => {
  // The rules of the whole refuse these before they are in force; a label that changes later brings them together all the same.
  const together = (left: object, right: object) =>
    planPeers({
      configuration: {
        peers: [readPeer([peer("a", { ...left })]), readPeer([peer("b", { ...right })])],
        bfdProfiles: [],
      },
      node: { name: "node-a", labels: {}, internalIps: [address("192.0.2.1")] },
      secretOf: () => ({ type: "absent" }),
      listening: "no",
    });
  it("leave the first by name, and say what is the matter with the other", () => {
    assert.deepEqual(
      together({}, {}).refused.map(({ name, reason }) => [name, reason]),
      [["b", "same-neighbour"]],
    );
    const other = { peerAddress: "198.51.100.2" };
    const reasonOf = (left: object, right: object) =>
      together(left, { ...other, ...right }).refused[0]?.reason;
    assert.equal(reasonOf({}, {}), undefined);
    assert.equal(reasonOf({}, { routerID: "192.0.2.2" }), "other-router-id");
    assert.equal(reasonOf({}, { myASN: 65000 }), "other-asn");
    assert.equal(reasonOf({}, { myASN: 65000, vrf: "blue" }), undefined);
    assert.equal(together({}, { vrf: "blue" }).refused.length, 0);
  });
});

describe("a node on which MetalLB's speaker runs", () => {
  it("leaves it the sessions, and says so of each peer that means the node", () => {
    const elsewhere = { peerAddress: "198.51.100.2", nodeSelectors: [{ matchLabels: { rack: "b" } }] };
    const plan = planOf([peer("a"), peer("b", elsewhere)], { beside: "metallb-speaker" });
    assert.deepEqual(
      [plan.peers, plan.refused.map(({ name, reason }) => [name, reason]), plan.elsewhere],
      [[], [["a", "metallb-speaker"]], ["b"]],
    );
  });
});

describe("the router identifier of a node without an IPv4 address", () => {
  it("is made from its name, and said to be", () => {
    const id = (name: string) => planOf([], { node: { name, labels: {}, internalIps: [] } }).routerId;
    assert.equal(id("node-a").from, "name");
    assert.notEqual(id("node-a").id, id("node-b").id);
    assert.equal(id("node-a").id, id("node-a").id);
  });
});

describe("the Secrets that this node needs", () => {
  it("are those that its own peers name", () => {
    const objects = [
      peer("a", { passwordSecret: { name: "one" } }),
      peer("b", {
        ...{ peerAddress: "198.51.100.2", passwordSecret: { name: "two" } },
        nodeSelectors: [{ matchLabels: { rack: "b" } }],
      }),
    ];
    const configuration = { peers: objects.map((object) => readPeer([object])) };
    const node = { name: "node-a", labels: {}, internalIps: [] };
    assert.deepEqual(
      [...secretsNamed({ configuration: { ...configuration, bfdProfiles: [] }, node })],
      ["one"],
    );
  });
});

describe("planning", () => {
  it("never throws, whatever the annotations say", () => {
    fc.assert(
      fc.property(fc.constantFrom(...PEER_ANNOTATIONS, "steelyard.dev/x"), fc.string(), (name, text) => {
        const { peers, refused } = planOf([peer("tor", {}, { [name]: text })]);
        assert.equal(peers.length + refused.length, 1);
      }),
    );
  });
});
