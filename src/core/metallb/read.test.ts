import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import { formatObjectProblem } from "./problem.ts";
import { type Read, readConfiguration, type Sources } from "./read.ts";
import { bgp, community, conflict, l2, object, peer, pool, profile, reservation } from "./test-objects.ts";

const read = (objects: readonly unknown[], more: Partial<Sources> = {}): Read =>
  readConfiguration({ objects, namespaces: new Map(), ...more });

const accepted = (objects: readonly unknown[], more: Partial<Sources> = {}) => {
  const result = read(objects, more);
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatObjectProblem).join("\n"));
  return result;
};

const configured = (objects: readonly unknown[], more: Partial<Sources> = {}) =>
  accepted(objects, more).configuration;

describe("a pool that is read", () => {
  it("has its blocks in the order in which they were written, and MetalLB's defaults", () => {
    const { pools } = configured([
      pool("a", { addresses: ["192.0.2.10-192.0.2.20", "2001:db8::/126", "192.0.2.1/32"] }),
    ]);
    assert.deepEqual(pools, [
      {
        name: "a",
        blocks: [
          { family: "IPv4", first: 0xc000020an, last: 0xc0000214n },
          { family: "IPv6", first: 0x20010db8n << 96n, last: (0x20010db8n << 96n) + 3n },
          { family: "IPv4", first: 0xc0000201n, last: 0xc0000201n },
        ],
        autoAssign: true,
        avoidBuggyIps: false,
        admission: undefined,
      },
    ]);
  });

  it("admits every Service when serviceAllocation has a priority only", () => {
    const { pools } = configured([pool("a", { serviceAllocation: { priority: 7 } })]);
    assert.deepEqual(pools[0]?.admission, { priority: 7, namespaces: undefined, serviceSelectors: [] });
  });

  it("admits the namespaces that it names and those whose labels match one of its selectors", () => {
    const spec = {
      serviceAllocation: {
        namespaces: ["named"],
        namespaceSelectors: [
          { matchLabels: { team: "red" } },
          { matchExpressions: [{ key: "tier", operator: "In", values: ["gold"] }] },
        ],
        serviceSelectors: [{ matchLabels: { app: "web" } }],
      },
    };
    const namespaces = new Map([
      ["red", { team: "red" }],
      ["gold", { tier: "gold" }],
      ["blue", { team: "blue" }],
    ]);
    const { pools } = configured([pool("a", spec)], { namespaces });
    assert.deepEqual(pools[0]?.admission, {
      priority: 0,
      namespaces: new Set(["named", "red", "gold"]),
      serviceSelectors: [{ matchLabels: { app: "web" }, matchExpressions: [] }],
    });
  });

  it("admits no Service, with a warning, when its selectors match no namespace", () => {
    const spec = { serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: "red" } }] } };
    const result = accepted([pool("a", spec)]);
    assert.deepEqual(result.configuration.pools[0]?.admission?.namespaces, new Set());
    assert.match(result.warnings.map(formatObjectProblem).join(), /match no namespace/);
  });

  it("may hold the addresses of nodes", () => {
    accepted([pool("a")], { nodes: new Map([["node-a", { address: "192.0.2.1" }]]) });
  });
});

describe("a problem that another object may mend", () => {
  it("is transient, and the configuration is not taken all the same", () => {
    const result = read([bgp("a", { communities: ["later"] }), peer("b", { bfdProfile: "later" })]);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ isTransient }) => isTransient),
      [true, true],
    );
  });

  it("is gone once the object is there", () => {
    accepted([
      bgp("a", { communities: ["later"] }),
      community("c", { communities: [{ name: "later", value: "1:2" }] }),
      peer("b", { bfdProfile: "later" }),
      profile("later"),
    ]);
  });

  it("is not told when the object is there and cannot be read", () => {
    const result = read([peer("b", { bfdProfile: "fast" }), profile("fast", { echoInterval: 1 })]);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ kind }) => kind),
      ["BFDProfile"],
    );
  });
});

describe("what is only warned of", () => {
  const WARNED: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    [
      "a key that is not known",
      [pool("a", { autoasign: true })],
      /spec\.autoasign: is not a known key\. Did you mean autoAssign\?/,
    ],
    [
      "a pool that is not there",
      [l2("a", { ipAddressPools: ["x"] })],
      /ipAddressPools\[0\]: there is no IPAddressPool named "x"/,
    ],
    ["a peer that is not there", [bgp("a", { peers: ["x"] })], /peers\[0\]: there is no BGPPeer named "x"/],
    [
      "a kind that MetalLB no longer has",
      [object("AddressPool", "a", { version: "metallb.io/v1beta1" })],
      /"AddressPool" is not read here\. Use IPAddressPool/,
    ],
    [
      "a kind that is none of ours",
      [object("Service", "a", { version: "v1" })],
      /"Service" is not read here/,
    ],
    [
      "a conflict that cannot be read",
      [conflict("a", { address: "x", reportedBy: "node-a" })],
      /"x" is not an address/,
    ],
    [
      "a reserved address in no pool",
      [reservation("a", { addresses: ["192.0.2.1"] })],
      /192.0.2.1 is in no pool/,
    ],
    ["an IPv6 router identifier", [peer("a", { routerID: "2001:db8::1" })], /no IPv4 address/],
    ["a hold time that BGP does not carry", [peer("a", { holdTime: "20h" })], /hold time above/],
  ];
  for (const [what, objects, said] of WARNED) {
    it(`is ${what}`, () => {
      const { warnings } = accepted(objects);
      assert.match(warnings.map(formatObjectProblem).join("\n"), said);
    });
  }

  it("does not include a reserved address that a pool has", () => {
    const { warnings, configuration } = accepted([
      pool("a", { addresses: ["192.0.2.0/28", "192.0.2.32-192.0.2.40", "2001:db8::/64"] }),
      reservation("r", {
        addresses: ["192.0.2.15", "192.0.2.32", "192.0.2.40", "2001:DB8::1", "::ffff:192.0.2.3"],
        service: { namespace: "shop", name: "web" },
      }),
    ]);
    assert.deepEqual(warnings, []);
    assert.deepEqual(configuration.reservations, [
      {
        name: "r",
        addresses: ["192.0.2.15", "192.0.2.32", "192.0.2.40", "2001:db8::1", "192.0.2.3"],
        service: "shop/web",
      },
    ]);
  });

  it("includes each reserved address just outside a block", () => {
    const { warnings } = accepted([
      pool("a", { addresses: ["192.0.2.32-192.0.2.40", "2001:db8::/64"] }),
      reservation("r", { addresses: ["192.0.2.31", "192.0.2.41", "2001:db8:0:1::", "0.0.0.1"] }),
    ]);
    assert.equal(warnings.length, 4);
  });
});

describe("advertisements and peers that are read", () => {
  it("mean the pools they name, those their selectors match, or all", () => {
    const { l2Advertisements } = configured([
      pool("a", { addresses: ["10.0.0.0/24"] }, { tier: "gold" }),
      pool("b", { addresses: ["10.0.1.0/24"] }),
      pool("c", { addresses: ["10.0.2.0/24"] }),
      l2("all"),
      l2("some", {
        ipAddressPools: ["b", "missing"],
        ipAddressPoolSelectors: [{ matchLabels: { tier: "gold" } }],
        interfaces: ["eth0"],
        preferredNodeSelectors: [{ weight: 5, preference: { matchLabels: { x: "y" } } }],
      }),
    ]);
    assert.deepEqual(l2Advertisements, [
      {
        name: "all",
        pools: new Set(["a", "b", "c"]),
        nodeSelectors: [],
        serviceSelectors: [],
        interfaces: undefined,
        preferredNodes: [],
      },
      {
        name: "some",
        pools: new Set(["a", "b"]),
        nodeSelectors: [],
        serviceSelectors: [],
        interfaces: ["eth0"],
        preferredNodes: [{ weight: 5, selector: { matchLabels: { x: "y" }, matchExpressions: [] } }],
      },
    ]);
  });

  it("have communities by value, whatever they were called", () => {
    const { bgpAdvertisements, communities } = configured([
      community("names", { communities: [{ name: "gold", value: "64500:1" }] }),
      bgp("a", { communities: ["gold", "64500:1", "large:1:2:4294967295"], localPref: 4294967295 }),
    ]);
    const gold = { type: "standard", high: 64500, low: 1 };
    assert.deepEqual(bgpAdvertisements[0]?.communities, [
      gold,
      { type: "large", administrator: 1, first: 2, second: 4294967295 },
    ]);
    assert.equal(bgpAdvertisements[0]?.localPref, 4294967295);
    assert.deepEqual(communities, new Map([["gold", gold]]));
  });

  it("are peers with every field typed", () => {
    const { peers } = configured([
      profile("fast"),
      peer("a", {
        peerASN: 0,
        dynamicASN: "external",
        localASN: 64999,
        peerPort: 1179,
        holdTime: "1m30s",
        connectTime: "5s",
        sourceAddress: "2001:DB8::1",
        passwordSecret: { name: "secret" },
        bfdProfile: "fast",
        vrf: "blue",
        enableGracefulRestart: true,
      }),
      peer("b", { peerAddress: "", interface: "eth1", keepaliveTime: "10s", password: "x", vrf: "red" }),
    ]);
    assert.deepEqual(peers, [
      {
        name: "a",
        myAsn: 64500,
        peerAsn: { type: "external" },
        localAsn: 64999,
        neighbor: { type: "address", address: "198.51.100.1" },
        port: 1179,
        sourceAddress: "2001:db8::1",
        routerId: undefined,
        vrf: "blue",
        timers: { hold: seconds(90), keepalive: seconds(30) },
        connectTime: seconds(5),
        nodeSelectors: [],
        authentication: { type: "secret", name: "secret", namespace: undefined },
        bfdProfile: "fast",
        ebgpMultiHop: false,
        enableGracefulRestart: true,
        disableMp: false,
        dualStackAddressFamily: false,
        annotations: {},
      },
      {
        name: "b",
        myAsn: 64500,
        peerAsn: { type: "given", asn: 64501 },
        localAsn: undefined,
        neighbor: { type: "interface", name: "eth1" },
        port: 179,
        sourceAddress: undefined,
        routerId: undefined,
        vrf: "red",
        timers: { hold: seconds(30), keepalive: seconds(10) },
        connectTime: undefined,
        nodeSelectors: [],
        authentication: { type: "password", password: "x" },
        bfdProfile: undefined,
        ebgpMultiHop: false,
        enableGracefulRestart: false,
        disableMp: false,
        dualStackAddressFamily: false,
        annotations: {},
      },
    ]);
  });

  it("are at port 179 when their port is 0, as a v1beta1 object may have it that nobody converts", () => {
    assert.equal(configured([peer("a", { peerPort: 0 })]).peers[0]?.port, 179);
  });

  it("are peers of v1beta1 as well", () => {
    const { peers } = configured([{ ...peer("a", { peerPort: 0 }), apiVersion: "metallb.io/v1beta1" }]);
    assert.equal(peers[0]?.port, 179);
    assert.deepEqual(peers[0]?.peerAsn, { type: "given", asn: 64501 });
  });

  it("are judged by the nodes there are, once those are known", () => {
    const objects = [
      peer("a", { nodeSelectors: [{ matchLabels: { rack: "1" } }] }),
      peer("b", { nodeSelectors: [{ matchLabels: { row: "2" } }] }),
    ];
    assert.equal(read(objects).ok, false);
    const apart = new Map([
      ["node-a", { rack: "1" }],
      ["node-b", { row: "2" }],
    ]);
    accepted(objects, { nodes: apart });
    assert.equal(read(objects, { nodes: new Map([["node-c", { rack: "1", row: "2" }]]) }).ok, false);
  });

  it("have their local preferences judged by nodes, too", () => {
    const objects = [
      pool("a"),
      bgp("b", { localPref: 1, nodeSelectors: [{ matchLabels: { rack: "1" } }] }),
      bgp("c", { localPref: 2, nodeSelectors: [{ matchLabels: { rack: "2" } }] }),
    ];
    accepted(objects);
    accepted(objects, { nodes: new Map([["n", { rack: "1" }]]) });
  });
});

describe("readConfiguration", () => {
  const everything = [
    pool("b", { addresses: ["10.0.1.0/24"] }),
    pool("a", { addresses: ["10.0.0.0/24"] }),
    l2("l2-b"),
    l2("l2-a"),
    bgp("bgp", { communities: ["x"] }),
    community("c", { communities: [{ name: "x", value: "1:2" }] }),
    peer("p2", { peerAddress: "198.51.100.2" }),
    peer("p1"),
    profile("f"),
    reservation("r", { addresses: ["10.0.0.7"] }),
    conflict("x", { address: "10.0.0.9", mac: "02:00:5E:00:00:01", reportedBy: "node-a" }),
  ];

  it("gives the same for the same objects in another order", () => {
    assert.deepEqual(read([...everything].reverse()), read(everything));
    assert.deepEqual(
      configured(everything).pools.map(({ name }) => name),
      ["a", "b"],
    );
  });

  it("keeps reported conflicts", () => {
    assert.deepEqual(configured(everything).conflicts, [
      { address: "10.0.0.9", mac: "02:00:5e:00:00:01", reportedBy: "node-a" },
    ]);
  });

  it("finds every block that lies in a wide one, however many lie before it", () => {
    const addresses = ["10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24", "10.1.0.0/24"];
    const result = read([pool("a", { addresses })]);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ path }) => path.at(-1)),
      [1, 2],
    );
  });

  it("finds the one overlap among 40,000 blocks without comparing all with all", () => {
    const addresses = Array.from({ length: 40_000 }, (_, index) => {
      const base = `10.${index >>> 8}.${index & 0xff}`;
      return index % 2 === 0 ? `${base}.0/25` : `${base}.3-${base}.77`;
    });
    accepted([pool("a", { addresses })]);
    const result = read([pool("a", { addresses }), pool("b", { addresses: ["10.77.3.77/32"] })]);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ message }) => message),
      ['10.77.3.77/32 overlaps with 10.77.3.3-10.77.3.77 of pool "a"'],
    );
  });
});
