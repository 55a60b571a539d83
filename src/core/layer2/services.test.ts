/** Services for which nobody answers, and those that share an address. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
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

const web = testService("web", [WEB]);
const local = testService("web", [WEB], { externalTrafficPolicy: "Local" });

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

  it("add up what they prefer, so that the first choice of each alone is that of all", () => {
    const prefers = (weight: number, name: string) => ({ weight, selector: labelled({ name }) });
    const forApp = (app: string, preferredNodes: ReturnType<typeof prefers>[]) =>
      advertisement(app, { serviceSelectors: [labelled({ app })], preferredNodes });
    const nodes = NODES.map((name) => testNode(name, { labels: { name } }));
    const listing = (app: string, first: string) =>
      testService(app, [first, "fc00::1"], { meta: { labels: { app } } });
    const world = testWorld({
      nodes,
      services: [listing("web", "10.0.0.2"), listing("mail", "10.0.0.1")],
      advertisements: [
        forApp("web", [prefers(2, "node-a"), prefers(2, "node-c")]),
        forApp("mail", [prefers(1, "node-c")]),
      ],
    });
    assert.equal(world.candidates("10.0.0.2")[0], "node-c");
    assert.equal(world.candidates("10.0.0.1")[0], "node-c");
    assert.deepEqual(world.candidates("fc00::1"), ["node-c", "node-a", "node-b"]);
  });

  it("stand in the order of the smallest first address", () => {
    const dual = testService("dual", ["10.0.0.2", "fc00::1"]);
    const single = testService("single", ["fc00::1"]);
    const { placements } = testWorld({ services: [single, dual] });
    placements.settle();
    assert.equal(placements.get("fc00::1" as IpAddress)?.lead, "10.0.0.2");
  });
});
