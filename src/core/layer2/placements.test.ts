/** One row or test for each rule of MetalLB's, and for each of ours beyond it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import type { Node } from "#core/node/node";
import { METALLB_RULES } from "./rules.ts";
import {
  advertisement,
  keyOf,
  labelled,
  NODES,
  POOLS,
  testNode,
  testService,
  testSlice,
  testWorld,
} from "./test-world.ts";

const WEB = "10.0.0.1";
/** MetalLB's order for `WEB`. */
const ORDER = ["node-b", "node-a", "node-c"];

const nodesWith = (overrides: Readonly<Record<string, Partial<Node>>>): readonly Node[] =>
  NODES.map((name) => testNode(name, overrides[name]));

const web = testService("web", [WEB]);
const local = testService("web", [WEB], { externalTrafficPolicy: "Local" });

describe("the candidates for an address", () => {
  it("are all nodes with a speaker, in MetalLB's order", () => {
    assert.deepEqual(testWorld({ services: [web] }).candidates(WEB), ORDER);
  });

  it("are all nodes while it is not known where speakers run", () => {
    assert.deepEqual(testWorld({ services: [web], speakers: undefined }).candidates(WEB), ORDER);
  });

  it("are not those without a speaker, nor speakers on nodes that have no object", () => {
    const world = testWorld({ services: [web], speakers: new Set(["node-a", "node-c", "node-x"]) });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b no-speaker", "node-x node-unknown"]);
  });

  it("are not those whose network is unavailable", () => {
    const nodes = nodesWith({ "node-b": { network: { state: "unavailable", since: 1 } } });
    const world = testWorld({ services: [web], nodes });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b network-unavailable"]);
  });

  it("are not those labelled as excluded, whatever the value, unless the label is ignored", () => {
    const labels = { "node.kubernetes.io/exclude-from-external-load-balancers": "false" };
    const nodes = nodesWith({ "node-b": { labels } });
    const world = testWorld({ services: [web], nodes });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b excluded-by-label"]);
    const rules = { ...METALLB_RULES, excludeLabel: "ignored" as const };
    assert.deepEqual(testWorld({ services: [web], nodes, rules }).candidates(WEB), ORDER);
  });

  it("are those that one of the advertisements means", () => {
    const nodes = nodesWith({ "node-a": { labels: { rack: "1" } }, "node-b": { labels: { rack: "2" } } });
    const advertisements = [
      advertisement("one", { nodeSelectors: [labelled({ rack: "1" })] }),
      advertisement("two", { nodeSelectors: [labelled({ rack: "2" }), labelled({ rack: "9" })] }),
      advertisement("other-pool", { pools: ["spare"] }),
      advertisement("other-service", { serviceSelectors: [labelled({ app: "mail" })] }),
    ];
    const world = testWorld({ services: [web], nodes, advertisements });
    assert.deepEqual(world.candidates(WEB), ["node-b", "node-a"]);
    assert.deepEqual(world.leftOut(WEB), ["node-c no-advertisement"]);
  });

  it("are, with externalTrafficPolicy Local, those where an endpoint serves", () => {
    const world = testWorld({ services: [local] });
    world.placements.setSlice(
      testSlice("web", [
        { node: "node-a", ready: 0, leaving: 0, silent: 3 },
        { node: "node-b", ready: 0, leaving: 1, silent: 0 },
        "node-c",
        "node-elsewhere",
        "",
      ]),
    );
    assert.deepEqual(world.candidates(WEB), ["node-b", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-a no-local-endpoint"]);
  });

  it("follow the union of a Service's slices", () => {
    const world = testWorld({ services: [local] });
    world.placements.setSlice(testSlice("web", ["node-a"]));
    world.placements.setSlice(testSlice("web", ["node-c"], "2"));
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    world.placements.removeSlice(keyOf("web-1"));
    assert.deepEqual(world.candidates(WEB), ["node-c"]);
    world.placements.setSlice({ ...testSlice("web", ["node-c"], "2"), service: keyOf("other") });
    assert.deepEqual(world.candidates(WEB), []);
    assert.equal(world.placements.silence(keyOf("web")), "no-endpoints");
  });

  it("are, with externalTrafficPolicy Cluster, all nodes, wherever the only endpoint is", () => {
    const world = testWorld({ services: [web] });
    world.placements.setSlice(testSlice("web", [""]));
    assert.deepEqual(world.candidates(WEB), ORDER);
  });

  it("stand in the order of their preferences, which add up over selectors and advertisements", () => {
    const nodes = nodesWith({
      "node-a": { labels: { zone: "east" } },
      "node-c": { labels: { zone: "east", disk: "fast" } },
    });
    const east = { weight: 60, selector: labelled({ zone: "east" }) };
    const fast = { weight: 10, selector: labelled({ disk: "fast" }) };
    const slow = { weight: 100, selector: labelled({ disk: "slow" }) };
    const one = [advertisement("one", { preferredNodes: [east, slow] })];
    assert.deepEqual(testWorld({ services: [web], nodes, advertisements: one }).candidates(WEB), [
      "node-a",
      "node-c",
      "node-b",
    ]);
    const two = [...one, advertisement("two", { preferredNodes: [fast, east] })];
    assert.deepEqual(testWorld({ services: [web], nodes, advertisements: two }).candidates(WEB), [
      "node-c",
      "node-a",
      "node-b",
    ]);
  });

  it("gain nothing from the preferences of an advertisement that does not mean them", () => {
    const nodes = nodesWith({ "node-c": { labels: { zone: "east" } } });
    const preferredNodes = [{ weight: 100, selector: labelled({ zone: "east" }) }];
    const advertisements = [
      advertisement("all"),
      advertisement("west", { nodeSelectors: [labelled({ zone: "west" })], preferredNodes }),
      advertisement("mail", { serviceSelectors: [labelled({ app: "mail" })], preferredNodes }),
    ];
    assert.deepEqual(testWorld({ services: [web], nodes, advertisements }).candidates(WEB), ORDER);
  });

  it("answer on the interfaces of all advertisements that mean them, or on all of them", () => {
    const nodes = nodesWith({ "node-a": { labels: { rack: "1" } }, "node-c": { labels: { rack: "2" } } });
    const advertisements = [
      advertisement("one", { interfaces: ["eth1", "eth0"] }),
      advertisement("two", { interfaces: ["eth2"], nodeSelectors: [labelled({ rack: "1" })] }),
      advertisement("three", { nodeSelectors: [labelled({ rack: "2" })] }),
    ];
    const world = testWorld({ services: [web], nodes, advertisements });
    assert.deepEqual(world.candidates(WEB), ORDER);
    assert.deepEqual(world.placements.get(WEB as IpAddress)?.interfaces, [
      ["eth0", "eth1"],
      ["eth0", "eth1", "eth2"],
      "all",
    ]);
  });

  it("are, for both addresses of a Service, in the order of its first", () => {
    const dual = testService("web", [WEB, "fc00::1"]);
    const world = testWorld({ services: [dual] });
    assert.deepEqual(world.candidates("fc00::1"), ORDER);
    const turned = testService("web", ["fc00::1", WEB]);
    assert.deepEqual(testWorld({ services: [turned] }).candidates(WEB), ["node-b", "node-c", "node-a"]);
  });

  it("listed are at most eight, and all can be asked for", () => {
    const nodes = Array.from({ length: 30 }, (_, index) => testNode(`n${index}`));
    const { placements } = testWorld({ nodes, services: [web] });
    placements.settle();
    const placement = placements.get(WEB as IpAddress);
    assert.equal(placement?.candidates.length, 8);
    assert.equal(placement.unlisted, "some");
    const all = placements.candidates(WEB as IpAddress);
    assert.equal(all.length, 30);
    assert.deepEqual(all.slice(0, 8), placement.candidates);
  });
});

describe("nodes that something is the matter with", () => {
  const rows: readonly (readonly [string, Partial<Node>])[] = [
    ["cordoned", { scheduling: "cordoned" }],
    ["being deleted", { life: "ending" }],
    ["being shut down", { readiness: { state: "shutting-down", since: 1 } }],
    ["not ready", { readiness: { state: "not-ready", since: 1 } }],
  ];
  for (const [name, overrides] of rows) {
    it(`stand behind the others when they are ${name}, and where MetalLB has them under its rules`, () => {
      const nodes = nodesWith({ "node-b": overrides });
      assert.deepEqual(testWorld({ services: [web], nodes }).candidates(WEB), ["node-a", "node-c", "node-b"]);
      assert.deepEqual(testWorld({ services: [web], nodes, rules: METALLB_RULES }).candidates(WEB), ORDER);
    });
    it(`stand in MetalLB's order when all are ${name}`, () => {
      const nodes = nodesWith({ "node-a": overrides, "node-b": overrides, "node-c": overrides });
      assert.deepEqual(testWorld({ services: [web], nodes }).candidates(WEB), ORDER);
    });
  }

  it("keep their place when only their kubelet is silent", () => {
    const nodes = nodesWith({ "node-b": { readiness: { state: "unknown", since: 1 } } });
    assert.deepEqual(testWorld({ services: [web], nodes }).candidates(WEB), ORDER);
  });

  it("are out when they are out of service", () => {
    const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] as const;
    const nodes = nodesWith({ "node-b": { taints } });
    const world = testWorld({ services: [web], nodes });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b out-of-service"]);
    assert.deepEqual(testWorld({ services: [web], nodes, rules: METALLB_RULES }).candidates(WEB), ORDER);
  });

  it("stand behind even if they are preferred", () => {
    const nodes = nodesWith({ "node-b": { scheduling: "cordoned", labels: { zone: "east" } } });
    const preferredNodes = [{ weight: 100, selector: labelled({ zone: "east" }) }];
    const advertisements = [advertisement("all", { preferredNodes })];
    const world = testWorld({ services: [web], nodes, advertisements });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c", "node-b"]);
  });

  it("answer again once nothing is the matter, or are gone for good", () => {
    const world = testWorld({ services: [web] });
    world.placements.setNode(testNode("node-b", { scheduling: "cordoned" }));
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c", "node-b"]);
    world.placements.setNode(testNode("node-b"));
    assert.deepEqual(world.candidates(WEB), ORDER);
    world.placements.removeNode("node-b");
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b node-unknown"]);
    world.placements.setSpeakers(new Set(["node-a"]));
    assert.deepEqual(world.leftOut(WEB), ["node-c no-speaker"]);
  });
});

describe("nodes that cannot carry the address", () => {
  const networks = (...texts: readonly string[]) => ({
    links: [
      {
        name: "eth0",
        addresses: texts.map((text) => ({ address: text as IpAddress, prefixLength: 24 })),
      },
    ],
  });

  it("are out when they have no interface that can answer, or none that is advertised", () => {
    const advertisements = [advertisement("all", { interfaces: ["eth1"] })];
    const world = testWorld({ services: [web], advertisements });
    world.placements.setFitness("node-b", networks("10.0.0.9"));
    world.placements.setFitness("node-c", { links: [] });
    assert.deepEqual(world.candidates(WEB), ["node-a"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b interface-absent", "node-c no-usable-link"]);
  });

  it("are out when they are in another subnet and others are in that of the address", () => {
    const world = testWorld({ services: [web] });
    world.placements.setFitness("node-b", networks("192.168.7.9"));
    world.placements.setFitness("node-a", networks("10.0.0.9"));
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b other-subnet"]);
  });

  it("stay when no node is known to be in the subnet of the address: then it is routed there", () => {
    const world = testWorld({ services: [web] });
    for (const node of NODES) world.placements.setFitness(node, networks("192.168.7.9"));
    assert.deepEqual(world.candidates(WEB), ORDER);
  });

  it("stay when only they have endpoints, although others are in the subnet", () => {
    const world = testWorld({ services: [local] });
    world.placements.setSlice(testSlice("web", ["node-b"]));
    world.placements.setFitness("node-b", networks("192.168.7.9"));
    world.placements.setFitness("node-a", networks("10.0.0.9"));
    assert.deepEqual(world.candidates(WEB), ["node-b"]);
  });

  it("fit again when their report changes or goes, and stay under MetalLB's rules", () => {
    const world = testWorld({ services: [web] });
    world.placements.setFitness("node-b", { links: [] });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    world.placements.follow(METALLB_RULES);
    assert.deepEqual(world.candidates(WEB), ORDER);
    world.placements.setFitness("node-b", undefined);
    world.placements.follow({ ...METALLB_RULES, fitness: "respected" });
    assert.deepEqual(world.candidates(WEB), ORDER);
  });
});

describe("a Service for which nobody answers", () => {
  const rows: readonly (readonly [string, ReturnType<typeof testService>])[] = [
    ["no-address", testService("web", [])],
    ["address-unreadable", { ...web, ingress: [{ ip: undefined, hostname: "x", ipMode: undefined }] }],
    ["address-unreadable", testService("web", [WEB, "10.0.0.300"])],
    ["address-outside-pools", testService("web", ["203.0.113.1"])],
    ["address-outside-pools", testService("web", [WEB, "198.51.100.1"])],
    ["no-advertisement", testService("web", ["198.51.100.1"])],
  ];
  for (const [reason, service] of rows) {
    it(`is told ${reason} for ${JSON.stringify(service.ingress.map(({ ip }) => ip))}`, () => {
      const { placements } = testWorld({ services: [service] });
      assert.deepEqual(placements.settle().placed, []);
      assert.equal(placements.silence(keyOf("web")), reason);
    });
  }

  it("has no endpoint that serves", () => {
    const { placements } = testWorld({ services: [web] });
    placements.setSlice(testSlice("web", [{ node: "node-a", ready: 0, leaving: 0, silent: 2 }]));
    assert.deepEqual(placements.settle().placed, []);
    assert.equal(placements.silence(keyOf("web")), "no-endpoints");
  });

  it("is left without candidates, and the address stays known with the reasons", () => {
    const world = testWorld({ services: [web], speakers: new Set() });
    assert.deepEqual(world.candidates(WEB), []);
    assert.equal(world.placements.silence(keyOf("web")), "no-candidates");
    assert.deepEqual(
      world.leftOut(WEB),
      NODES.map((node) => `${node} no-speaker`),
    );
  });

  it("may share its address and is chosen by serviceSelectors", () => {
    const meta = { annotations: { "metallb.universe.tf/allow-shared-ip": "key" }, labels: { app: "web" } };
    const advertisements = [advertisement("web", { serviceSelectors: [labelled({ app: "web" })] })];
    const { placements } = testWorld({ services: [testService("web", [WEB], { meta })], advertisements });
    assert.equal(placements.silence(keyOf("web")), "shared-with-service-selector");
    placements.configure({
      pools: POOLS,
      l2Advertisements: [
        advertisement("all"),
        advertisement("mail", { serviceSelectors: [labelled({ app: "mail" })] }),
      ],
    });
    assert.deepEqual(placements.settle().placed.length, 1);
    assert.equal(placements.silence(keyOf("web")), undefined);
  });

  it("is of another class, or no load balancer any more", () => {
    const { placements } = testWorld({ services: [web] });
    assert.equal(placements.settle().placed.length, 1);
    placements.setService({ ...web, loadBalancerClass: "other.example/lb" });
    assert.deepEqual(placements.settle().withdrawn, [WEB]);
    placements.setService(web);
    assert.equal(placements.settle().placed.length, 1);
    placements.setService({ ...web, type: "ClusterIP" });
    assert.deepEqual(placements.settle().withdrawn, [WEB]);
    assert.equal(placements.silence(keyOf("web")), undefined);
  });

  it("is answered for as before while its pool is gone, until it has another address or no endpoint", () => {
    const world = testWorld({ services: [web, testService("mail", ["10.0.0.2"])] });
    world.candidates(WEB);
    world.placements.configure({ pools: [], l2Advertisements: [] });
    assert.deepEqual(world.candidates(WEB), ORDER);
    world.placements.setSlice(testSlice("web", []));
    world.placements.setService(testService("mail", ["10.0.0.3"]));
    assert.deepEqual(world.placements.settle().withdrawn.toSorted(), [WEB, "10.0.0.2"]);
    assert.equal(world.placements.silence(keyOf("mail")), "address-outside-pools");
  });
});

describe("Services that share an address", () => {
  it("are one placement, until none of them is announced", () => {
    const world = testWorld({ services: [web, testService("mail", [WEB])] });
    const { placements } = world;
    assert.deepEqual(placements.settle().placed[0]?.services, [keyOf("mail"), keyOf("web")]);
    placements.setSlice(testSlice("web", []));
    assert.deepEqual(placements.settle().placed[0]?.services, [keyOf("mail")]);
    assert.deepEqual(placements.explain(WEB as IpAddress)?.silent, [
      { service: keyOf("web"), reason: "no-endpoints", leftOut: [] },
    ]);
    placements.removeService(keyOf("mail"));
    assert.deepEqual(placements.settle(), { placed: [], withdrawn: [WEB], rest: "none" });
    placements.removeService(keyOf("web"));
    placements.settle();
    assert.equal(placements.explain(WEB as IpAddress), undefined);
  });

  it("prefer a node that can serve all of them to one that MetalLB would have chosen for one alone", () => {
    const mail = testService("mail", [WEB], { externalTrafficPolicy: "Local" });
    const world = testWorld({ services: [local, mail] });
    world.placements.setSlice(testSlice("web", ["node-b", "node-c"]));
    world.placements.setSlice(testSlice("mail", ["node-a", "node-c"]));
    assert.deepEqual(world.candidates(WEB), ["node-c", "node-b", "node-a"]);
    const lacking = world.placements.explain(WEB as IpAddress)?.candidates.map(({ lacks }) => lacks);
    assert.deepEqual(lacking, [0, 1, 1]);
  });

  it("stand in the order of the smallest first address", () => {
    const dual = testService("dual", ["10.0.0.2", "fc00::1"]);
    const single = testService("single", ["fc00::1"]);
    const { placements } = testWorld({ services: [single, dual] });
    placements.settle();
    assert.equal(placements.get("fc00::1" as IpAddress)?.lead, "10.0.0.2");
  });
});

describe("what is said", () => {
  it("is said once", () => {
    const { placements } = testWorld({ services: [web] });
    assert.equal(placements.settle().placed.length, 1);
    assert.deepEqual(placements.settle(), { placed: [], withdrawn: [], rest: "none" });
    placements.setService({ ...web, meta: { ...web.meta, resourceVersion: "2" } });
    placements.setNode(testNode("node-a", { labels: { any: "thing" } }));
    placements.setSlice(testSlice("web", ["node-c"]));
    placements.configure({ pools: POOLS, l2Advertisements: [advertisement("all")] });
    assert.deepEqual(placements.settle(), { placed: [], withdrawn: [], rest: "none" });
  });

  it("comes in parts as small as are asked for", () => {
    const services = Array.from({ length: 10 }, (_, index) => testService(`s${index}`, [`10.0.1.${index}`]));
    const { placements } = testWorld({ services });
    const said: string[] = [];
    let turns = 0;
    for (let rest = "some"; rest === "some"; turns += 1) {
      const changes = placements.settle(3);
      assert.ok(changes.placed.length <= 3);
      said.push(...changes.placed.map(({ address }) => address));
      rest = changes.rest;
    }
    assert.equal(turns, 4);
    assert.equal(new Set(said).size, 10);
    assert.equal([...placements.all()].length, 10);
  });
});
