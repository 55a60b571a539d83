/** One test for each rule of MetalLB's, and what is said when. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import type { Node } from "#core/node/node";
import { keyOf, labelled, testNode, testService, testSlice } from "#testing/cluster";
import { address } from "#testing/values";
import { DEFAULT_RULES } from "./rules.ts";
import { advertisement, POOLS, SELF, START, testBed } from "./test-bed.ts";
import { explanationLines } from "./words.ts";

const WEB = "192.0.2.1";
const web = testService("web", [WEB]);
const local = testService("web", [WEB], { externalTrafficPolicy: "Local" });
const shop = testService("shop", ["192.0.2.9"], { meta: { labels: { app: "shop" } } });

const lines = (bed: ReturnType<typeof testBed>, text: string = WEB): readonly string[] => {
  const explanation = bed.routes.explain(text as IpAddress);
  return explanation === undefined ? [] : explanationLines(explanation);
};

describe("a Service", () => {
  it("is announced to all peers of the node, each address in full", () => {
    const dual = testService("web", [WEB, "2001:db8::1"]);
    assert.deepEqual(testBed({ services: [dual] }).settled(), [
      "192.0.2.1/32 a",
      "192.0.2.1/32 b",
      "2001:db8::1/128 a",
      "2001:db8::1/128 b",
    ]);
  });

  it("is announced, with externalTrafficPolicy Cluster, while any endpoint serves anywhere", () => {
    const bed = testBed({ services: [web] });
    for (const [nodes, isTold] of [
      [["node-b"], true],
      [[""], true],
      [[{ node: "node-c", ready: 0, leaving: 1, silent: 0 }], true],
      [[{ node: SELF, ready: 0, leaving: 0, silent: 4 }], false],
      [[], false],
    ] as const) {
      bed.routes.setSlice(testSlice("web", nodes));
      assert.equal(bed.settled().length > 0, isTold, JSON.stringify(nodes));
      assert.equal(bed.routes.silence(keyOf("web")), isTold ? undefined : "noEndpoints");
    }
  });

  it("is announced, with externalTrafficPolicy Local, while an endpoint serves on this node", () => {
    const bed = testBed({ services: [local] });
    for (const [nodes, isTold] of [
      [[SELF], true],
      [["node-b", { node: SELF, ready: 0, leaving: 1, silent: 0 }], true],
      [["node-b"], false],
      [[{ node: SELF, ready: 0, leaving: 0, silent: 1 }, "node-b"], false],
      [[""], false],
    ] as const) {
      bed.routes.setSlice(testSlice("web", nodes));
      assert.equal(bed.settled().length > 0, isTold, JSON.stringify(nodes));
      assert.equal(bed.routes.silence(keyOf("web")), isTold ? undefined : "noLocalEndpoints");
    }
  });

  it("is withdrawn when it is gone, changes its type, or gets another class", () => {
    for (const change of [
      (bed: ReturnType<typeof testBed>) => bed.routes.removeService(keyOf("web")),
      (bed: ReturnType<typeof testBed>) => bed.routes.setService({ ...web, type: "ClusterIP" }),
      (bed: ReturnType<typeof testBed>) => bed.routes.setService({ ...web, loadBalancerClass: "other" }),
      (bed: ReturnType<typeof testBed>) => bed.routes.setService({ ...web, ingress: [] }),
    ]) {
      const bed = testBed({ services: [web] });
      assert.equal(bed.settled().length, 2);
      change(bed);
      assert.deepEqual(bed.settle(), {
        changed: [],
        removed: [{ address: address(WEB), prefixLength: 32 }],
        rest: "none",
      });
      assert.deepEqual([...bed.routes.all()], []);
    }
  });

  it("is ours by its class", () => {
    const classed = { ...web, loadBalancerClass: "example.net/bgp" };
    assert.equal(testBed({ services: [classed] }).settled().length, 0);
    assert.equal(testBed({ services: [classed], lbClass: "example.net/bgp" }).settled().length, 2);
    assert.equal(testBed({ services: [web], lbClass: "example.net/bgp" }).settled().length, 0);
  });
});

describe("an advertisement", () => {
  it("means the nodes, Services, pools and peers that it names", () => {
    const node = testNode(SELF, { labels: { rack: "1" } });
    const ads = [
      advertisement("rack-1", {
        nodeSelectors: [labelled({ rack: "9" }), labelled({ rack: "1" })],
        peers: ["a"],
      }),
      advertisement("rack-2", { nodeSelectors: [labelled({ rack: "2" })], peers: ["b"] }),
      advertisement("shop", { serviceSelectors: [labelled({ app: "shop" })], peers: ["b", "elsewhere"] }),
      advertisement("spare", { pools: ["spare"] }),
    ];
    assert.deepEqual(testBed({ node, ads, services: [web, shop] }).settled(), [
      "192.0.2.1/32 a",
      "192.0.2.9/32 a",
      "192.0.2.9/32 b",
    ]);
  });

  it("says local preference and communities, and several of one prefix say all communities of any (MetalLB's union)", () => {
    const ads = [
      advertisement("one", { localPref: 200, communities: ["64500:2", "large:1:2:3"] }),
      advertisement("two", {
        localPref: 200,
        communities: ["64500:1", "64500:2", "large:1:2:1"],
        peers: ["b"],
      }),
    ];
    assert.deepEqual(testBed({ ads, services: [web] }).settled(), [
      "192.0.2.1/32 a (localPref 200, communities 64500:2 large:1:2:3)",
      "192.0.2.1/32 b (localPref 200, communities 64500:1 64500:2 large:1:2:1 large:1:2:3)",
    ]);
  });

  it("says what routers take by themselves where no local preference is asked for, so that the last resort is less", () => {
    const bed = testBed({ ads: [advertisement("one", { localPref: 0 })], services: [web] });
    bed.settle();
    const said = [...bed.routes.all()].flatMap(({ targets }) => targets.map(({ attributes }) => attributes));
    assert.deepEqual([...new Set(said.map(({ localPref }) => localPref))], [100]);
  });

  it("covers by aggregation, for as long as any Service in the prefix is announced", () => {
    const ads = [
      advertisement("wide", { aggregationLength: 28, aggregationLengthV6: 64, communities: ["64500:28"] }),
      advertisement("narrow", { localPref: 7, peers: ["a"] }),
    ];
    const dual = testService("web", ["192.0.2.17", "2001:db8::1"]);
    const other = testService("other", ["192.0.2.30"]);
    const bed = testBed({ ads, services: [dual, other] });
    const WIDE = ["192.0.2.16/28 a (community 64500:28)", "192.0.2.16/28 b (community 64500:28)"];
    assert.deepEqual(bed.settled(), [
      ...WIDE,
      "192.0.2.17/32 a (localPref 7)",
      "192.0.2.30/32 a (localPref 7)",
      "2001:db8::/64 a (community 64500:28)",
      "2001:db8::/64 b (community 64500:28)",
      "2001:db8::1/128 a (localPref 7)",
    ]);
    bed.routes.removeSlice(keyOf("web-1"));
    assert.deepEqual(bed.settled(), [...WIDE, "192.0.2.30/32 a (localPref 7)"]);
    assert.deepEqual(lines(bed, "192.0.2.17").slice(1), [
      "Peer a is told of 192.0.2.16/28 (community 64500:28).",
      "Peer b is told of 192.0.2.16/28 (community 64500:28).",
    ]);
    bed.routes.removeService(keyOf("other"));
    assert.deepEqual(bed.settled(), []);
  });

  it("lets a prefix stay that goes from one Service to another at once", () => {
    const ads = [advertisement("wide", { aggregationLength: 24 })];
    const bed = testBed({ ads, services: [web] });
    bed.settled();
    bed.routes.removeService(keyOf("web"));
    bed.routes.setService(shop);
    bed.routes.setSlice(testSlice("shop", ["node-b"]));
    let rest = "some";
    while (rest === "some") {
      const changes = bed.routes.settle(START, 1);
      assert.deepEqual([changes.changed, changes.removed], [[], []]);
      rest = changes.rest;
    }
  });

  it("is at odds with another one about local preference, for a Service that both mean towards one peer", () => {
    const chosen = { serviceSelectors: [labelled({ app: "shop" })] };
    for (const [one, other, reason] of [
      [{}, { localPref: 5 }, "conflictingAdvertisements"],
      [{ localPref: 5 }, { localPref: 5 }, undefined],
      [{ peers: ["a"] }, { localPref: 5, peers: ["b"] }, undefined],
      [{ peers: ["a", "b"] }, { localPref: 5, peers: ["b"] }, "conflictingAdvertisements"],
      [{ peers: ["a"] }, { localPref: 5 }, "conflictingAdvertisements"],
      [{ aggregationLength: 24 }, { localPref: 5 }, undefined],
      [{ aggregationLengthV6: 64 }, { localPref: 5 }, "conflictingAdvertisements"],
      [{ nodeSelectors: [labelled({ rack: "9" })] }, { localPref: 5 }, undefined],
      [{ pools: ["spare"] }, { localPref: 5 }, undefined],
    ] as const) {
      const ads = [advertisement("one", one), advertisement("other", { ...chosen, ...other })];
      const bed = testBed({ ads, services: [web, shop] });
      bed.settle();
      assert.equal(bed.routes.silence(keyOf("shop")), reason, JSON.stringify([one, other]));
      const isAnnounced = one !== undefined && !("nodeSelectors" in one) && !("pools" in one);
      assert.equal(bed.routes.silence(keyOf("web")), isAnnounced ? undefined : "noMatchingAdvertisement");
    }
  });

  it("has the greatest local preference of a prefix that Services of different advertisements are in", () => {
    // Which a valid configuration excludes: advertisements with serviceSelectors do not aggregate.
    const wide = { aggregationLength: 24, peers: ["a"] };
    const mail = testService("mail", [WEB], { meta: { labels: { app: "mail" } } });
    for (const [first, second] of [
      [5, 9],
      [9, 5],
    ] as const) {
      const ads = [
        advertisement("mail", { ...wide, localPref: first, serviceSelectors: [labelled({ app: "mail" })] }),
        advertisement("shop", { ...wide, localPref: second, serviceSelectors: [labelled({ app: "shop" })] }),
      ];
      const bed = testBed({ ads, services: [mail, shop] });
      assert.deepEqual(bed.settled(), ["192.0.2.0/24 a (localPref 9)"]);
    }
  });

  it("tells nobody of a Service that may share its address and is chosen by its labels", () => {
    const meta = { labels: { app: "shop" }, annotations: { "metallb.io/allow-shared-ip": "key" } };
    const shared = testService("shop", [WEB], { meta });
    const ads = [
      advertisement("all"),
      advertisement("shop", { serviceSelectors: [labelled({ app: "shop" })] }),
    ];
    const bed = testBed({ ads, services: [shared, web] });
    assert.deepEqual(bed.settled(), ["192.0.2.1/32 a", "192.0.2.1/32 b"]);
    assert.equal(bed.routes.silence(keyOf("shop")), "sharedIPWithServiceSelector");
    assert.equal(bed.routes.silence(keyOf("web")), undefined);
  });
});

describe("the reason why a Service is not announced", () => {
  const nodeWith = (overrides: Partial<Node>): Node => testNode(SELF, overrides);
  const elsewhere = [advertisement("east", { nodeSelectors: [labelled({ zone: "east" })] })];
  const EXCLUDED = { "node.kubernetes.io/exclude-from-external-load-balancers": "" };
  for (const [reason, world] of [
    ["nodeUnknown", { node: testNode("node-b") }],
    ["addressUnreadable", { services: [{ ...web, ingress: [{ ip: WEB }, { ip: "name" }] }] }],
    ["noAddress", { services: [testService("web", [])] }],
    ["addressOutsidePools", { services: [testService("web", ["203.0.113.1"])] }],
    ["addressOutsidePools", { services: [testService("web", [WEB, "198.51.100.1"])] }],
    ["notOwner", { ads: elsewhere }],
    ["notOwner", { ads: [] }],
    [
      "noMatchingAdvertisement",
      { ads: [advertisement("x", { serviceSelectors: [labelled({ app: "x" })] })] },
    ],
    ["nodeNetworkUnavailable", { node: nodeWith({ network: { state: "unavailable", since: 1 } }) }],
    ["nodeLabeledExcludeBalancers", { node: nodeWith({ labels: EXCLUDED }) }],
    [
      "nodeLeaving",
      { node: nodeWith({ taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] }) },
    ],
    ["noPeers", { peers: [] }],
    ["noPeers", { ads: [advertisement("all", { peers: ["elsewhere"] })] }],
    [
      undefined,
      { node: nodeWith({ labels: EXCLUDED }), rules: { ...DEFAULT_RULES, excludeLabel: "ignored" } },
    ],
  ] as const) {
    it(`is ${reason ?? "none"} for ${JSON.stringify(Object.keys(world))}`, () => {
      const services = "services" in world ? world.services : [web];
      const bed = testBed({ ...world, services: services as (typeof web)[] });
      assert.equal(bed.settled().length > 0, reason === undefined);
      assert.equal(bed.routes.silence(keyOf("web")), reason);
      assert.deepEqual(bed.routes.peersOf(keyOf("web")), reason === undefined ? ["a", "b"] : []);
    });
  }

  it("is of nobody else's concern: other nodes make no difference", () => {
    const bed = testBed({ services: [web] });
    bed.routes.setNode(testNode("node-b", { network: { state: "unavailable", since: 1 } }));
    bed.routes.removeNode("node-c");
    assert.equal(bed.settled().length, 2);
    bed.routes.removeNode(SELF);
    assert.equal(bed.settled().length, 0);
  });

  it("is told for each peer, and that others are meant", () => {
    const bed = testBed({ ads: [advertisement("all", { peers: ["a"] })], services: [web, local] });
    bed.settle();
    assert.deepEqual(lines(bed), [
      "192.0.2.1 is announced for default/web.",
      "Peer a is told of 192.0.2.1/32.",
      "Peer b is not told. The BGPAdvertisements of the Service name other peers: add it to peers of a BGPAdvertisement.",
    ]);
    bed.routes.removeSlice(keyOf("web-1"));
    bed.settle();
    assert.deepEqual(lines(bed).length, 3);
    assert.ok(
      lines(bed)[1]?.startsWith("Peer a is not told. No endpoint of the Service serves on this node"),
    );
    assert.deepEqual(lines(bed, "192.0.2.77"), []);
  });

  it("is none while the pool of a Service is gone and its address is not: traffic goes on, as with MetalLB", () => {
    const bed = testBed({ services: [web] });
    bed.settle();
    bed.routes.configure({ pools: [], bgpAdvertisements: [advertisement("all")] });
    assert.deepEqual(bed.settle(), { changed: [], removed: [], rest: "none" });
    bed.routes.removeSlice(keyOf("web-1"));
    assert.equal(bed.settled().length, 0);
    bed.routes.setSlice(testSlice("web", [SELF]));
    assert.equal(bed.settled().length, 2);
    bed.routes.setService(testService("web", ["203.0.113.9"]));
    assert.equal(bed.settled().length, 0);
    assert.equal(bed.routes.silence(keyOf("web")), "addressOutsidePools");
  });
});

describe("what is said", () => {
  it("is said once", () => {
    const bed = testBed({ services: [web] });
    assert.equal(bed.settle().changed.length, 1);
    const NOTHING = { changed: [], removed: [], rest: "none" };
    assert.deepEqual(bed.settle(), NOTHING);
    bed.routes.setService({ ...web, meta: { ...web.meta, resourceVersion: "2" } });
    bed.routes.setNode(testNode(SELF, { labels: { any: "thing" } }));
    bed.routes.setSlice(testSlice("web", ["node-c"]));
    bed.routes.setPeers(["b", "a"]);
    bed.routes.configure({ pools: POOLS, bgpAdvertisements: [advertisement("all")] });
    bed.routes.follow({ ...DEFAULT_RULES });
    assert.deepEqual(bed.settle(), NOTHING);
  });

  it("comes in parts as small as are asked for", () => {
    const services = Array.from({ length: 10 }, (_, index) => testService(`s${index}`, [`192.0.2.${index}`]));
    const bed = testBed({ services });
    const said: unknown[] = [];
    let turns = 0;
    for (let rest = "some"; rest === "some"; turns += 1) {
      const changes = bed.routes.settle(START, 3);
      assert.ok(changes.changed.length <= 3);
      said.push(...changes.changed);
      rest = changes.rest;
    }
    assert.equal(turns, 7);
    assert.equal(said.length, 10);
  });

  it("shares what peers are told between prefixes that are told alike", () => {
    const services = [web, shop];
    const bed = testBed({ services, ads: [advertisement("all", { communities: ["64500:1"] })] });
    const [first, second] = bed.settle().changed;
    assert.ok(first !== undefined && first.targets === second?.targets);
  });

  it("follows peers that come and go", () => {
    const bed = testBed({ services: [web], peers: ["a"] });
    assert.deepEqual(bed.settled(), ["192.0.2.1/32 a"]);
    bed.routes.setPeers(["b", "c"]);
    assert.deepEqual(bed.settled(), ["192.0.2.1/32 b", "192.0.2.1/32 c"]);
    assert.deepEqual(bed.routes.peersOf(keyOf("web")), ["b", "c"]);
    bed.routes.setPeers([]);
    assert.deepEqual(bed.settled(), []);
  });
});
