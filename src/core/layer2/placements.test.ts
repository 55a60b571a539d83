/** One test for each rule of MetalLB's, and what is said when. */
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

  it("are listed until eight of them are not known to be dead, each in its place, and eight of the dead at most", () => {
    const nodes = Array.from({ length: 30 }, (_, index) =>
      testNode(`n${index}`, { labels: index < 20 ? { rack: "1" } : {} }),
    );
    const preferredNodes = [{ weight: 1, selector: labelled({ rack: "1" }) }];
    const { placements } = testWorld({
      nodes,
      services: [web, testService("dual", ["10.0.0.2", "fc00::1"])],
      advertisements: [advertisement("all", { preferredNodes })],
    });
    placements.settle();
    const all = placements.candidates(WEB as IpAddress);
    const [first = "", second = ""] = all;
    placements.setDead(new Set([first, second, "elsewhere"]));
    placements.settle();
    assert.deepEqual(placements.get(WEB as IpAddress)?.candidates, all.slice(0, 10));
    placements.setDead(new Set(all.slice(0, 20)));
    assert.equal(placements.settle().placed.length, 3);
    assert.deepEqual(placements.get(WEB as IpAddress)?.candidates, [
      ...all.slice(0, 8),
      ...all.slice(20, 28),
    ]);
    placements.setDead(new Set(all.slice(0, 20).filter((node) => node !== all[12])));
    placements.settle();
    assert.deepEqual(placements.get(WEB as IpAddress)?.candidates, [
      ...[...all.slice(0, 8), ...all.slice(12, 13)],
      ...all.slice(20, 27),
    ]);
    // Who hears nobody any more.
    placements.setDead(new Set(all.slice(0, 29)));
    placements.settle();
    assert.deepEqual(placements.get(WEB as IpAddress)?.candidates, [...all.slice(0, 8), ...all.slice(29)]);
    assert.equal(placements.get(WEB as IpAddress)?.unlisted, "some");
    placements.setDead(new Set());
    placements.settle();
    assert.deepEqual(placements.get(WEB as IpAddress)?.candidates, all.slice(0, 8));
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

  it("comes in parts as well when others are dead", () => {
    const services = Array.from({ length: 10 }, (_, index) => testService(`s${index}`, [`10.0.1.${index}`]));
    const nodes = Array.from({ length: 12 }, (_, index) => testNode(`n${index}`));
    const { placements } = testWorld({ services, nodes });
    placements.settle();
    placements.setDead(new Set(["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"]));
    const parts = [1, 2, 3].map(() => placements.settle(4));
    assert.deepEqual(
      parts.map(({ placed, rest }) => [placed.length, rest]),
      [
        [4, "some"],
        [4, "some"],
        [2, "none"],
      ],
    );
  });
});
