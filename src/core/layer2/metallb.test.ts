/** Against a model of MetalLB's speaker written for this test alone, from its rules and with another SHA-256. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { parseInterfaceAddress } from "#base/prefix";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import type { L2Advertisement } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";
import type { Fitness } from "./fitness.ts";
import { createPlacements, type Placements } from "./placements.ts";
import { DEFAULT_RULES, METALLB_RULES, type Rules } from "./rules.ts";
import {
  advertisement,
  keyOf,
  labelled,
  POOLS,
  testNode,
  testRecord,
  testService,
  testSlice,
} from "./test-world.ts";

/** Everything that there is, as an API server would hold it. */
type Cluster = {
  readonly nodes: Map<string, Node>;
  readonly services: Map<string, Service>;
  readonly slices: Map<string, EndpointSlice>;
  readonly fitness: Map<string, Fitness>;
  speakers: ReadonlySet<string>;
  advertisements: readonly L2Advertisement[];
};

const NODES = ["n1", "n2", "n3", "n4", "n5"] as const;
const SERVICES = ["s1", "s2", "s3", "s4"] as const;
const ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"] as const;
const COLOURS = ["red", "green"] as const;

const labelsOf = (random: Random) => (random() < 0.3 ? {} : { colour: pick(random, COLOURS) });
const selectorsOf = (random: Random) => (random() < 0.5 ? [] : [labelled({ colour: pick(random, COLOURS) })]);

const randomNode = (random: Random, name: string): Node =>
  testNode(name, {
    labels: {
      ...labelsOf(random),
      ...(random() < 0.1 ? { "node.kubernetes.io/exclude-from-external-load-balancers": "" } : {}),
    },
    network: { state: random() < 0.1 ? "unavailable" : "available", since: 0 },
    scheduling: random() < 0.2 ? "cordoned" : "open",
    readiness: { state: pick(random, ["ready", "ready", "not-ready", "unknown"]), since: 0 },
  });

const randomService = (random: Random, name: string): Service => {
  const addresses = ADDRESSES.filter(() => random() < 0.4).slice(0, 2);
  const annotations = random() < 0.2 ? { "metallb.io/allow-shared-ip": "key" } : {};
  return testService(name, random() < 0.05 ? ["nonsense"] : addresses, {
    meta: { annotations, labels: labelsOf(random) },
    externalTrafficPolicy: random() < 0.4 ? "Local" : "Cluster",
  });
};

const randomSlice = (random: Random, service: string, suffix: string): EndpointSlice =>
  testSlice(
    service,
    ["", ...NODES]
      .filter(() => random() < 0.4)
      .map((node) => ({
        node,
        ready: integerBetween(random, 0, 1),
        leaving: Number(random() < 0.2),
        silent: integerBetween(random, 0, 2),
      })),
    suffix,
  );

const NETWORKS = ["192.0.2.200/24", "192.0.2.1/31", "2001:db8::9/64", "198.51.100.7/24", "192.0.2.2/32"];

const randomFitness = (random: Random): Fitness => ({
  links: ["eth0", "eth1"]
    .filter(() => random() < 0.7)
    .map((name) => ({
      name,
      addresses: NETWORKS.filter(() => random() < 0.4).flatMap((text) => parseInterfaceAddress(text) ?? []),
    })),
});

const randomAdvertisement = (random: Random, name: string): L2Advertisement =>
  advertisement(name, {
    pools: random() < 0.1 ? ["spare"] : ["public"],
    nodeSelectors: selectorsOf(random),
    interfaces: random() < 0.7 ? undefined : [pick(random, ["eth0", "eth1", "eth2"])],
    serviceSelectors: random() < 0.7 ? [] : selectorsOf(random),
    preferredNodes: selectorsOf(random).map((selector) => ({
      weight: integerBetween(random, 1, 3),
      selector,
    })),
  });

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const means = (selectors: L2Advertisement["nodeSelectors"], labels: Readonly<Record<string, string>>) =>
  selectors.length === 0 ||
  selectors.some(({ matchLabels }) =>
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value),
  );

/** Which nodes' speakers want to announce a Service, the one that does first. */
const announcers = (cluster: Cluster, service: Service): readonly string[] => {
  const ips = service.ingress.map(({ ip }) => ip ?? "");
  const slices = [...cluster.slices.values()].filter(({ service: of }) => of === keyOf(service.meta.name));
  const endpoints = slices.flatMap(({ nodes }) => nodes).filter(({ ready, leaving }) => ready + leaving > 0);
  const isShared = "metallb.io/allow-shared-ip" in service.meta.annotations;
  const ads = cluster.advertisements.filter(
    ({ pools, serviceSelectors }) => pools.has("public") && means(serviceSelectors, service.meta.labels),
  );
  if (ips.length === 0 || ips.includes("nonsense") || endpoints.length === 0) return [];
  if (isShared && ads.some(({ serviceSelectors }) => serviceSelectors.length > 0)) return [];
  const score = new Map<string, number>();
  for (const name of cluster.speakers) {
    const node = cluster.nodes.get(name);
    if (node === undefined || node.network.state === "unavailable") continue;
    if ("node.kubernetes.io/exclude-from-external-load-balancers" in node.labels) continue;
    const mine = ads.filter(({ nodeSelectors }) => means(nodeSelectors, node.labels));
    if (mine.length === 0) continue;
    const isServed = endpoints.some((endpoint) => endpoint.node === name);
    if (service.externalTrafficPolicy === "Local" && !isServed) continue;
    const preferences = mine
      .flatMap(({ preferredNodes }) => preferredNodes)
      .filter(({ selector }) => means([selector], node.labels));
    score.set(
      name,
      preferences.reduce((sum, { weight }) => sum + weight, 0),
    );
  }
  const hash = (node: string): string => sha256(`${node}#${ips[0]}`);
  return [...score.keys()].sort(
    (left, right) => (score.get(right) ?? 0) - (score.get(left) ?? 0) || (hash(left) < hash(right) ? -1 : 1),
  );
};

/** Changes one thing, here and there. */
const change = (random: Random, cluster: Cluster, placements: Placements): void => {
  const name = pick(random, NODES);
  const service = pick(random, SERVICES);
  const suffix = pick(random, ["1", "2"]);
  switch (integerBetween(random, 0, 10)) {
    case 0: {
      cluster.nodes.delete(name);
      placements.removeNode(name);
      return;
    }
    case 1:
    case 2: {
      const node = randomNode(random, name);
      cluster.nodes.set(name, node);
      placements.setNode(node);
      return;
    }
    case 3: {
      cluster.services.delete(service);
      placements.removeService(keyOf(service));
      return;
    }
    case 4:
    case 5: {
      const changed = randomService(random, service);
      cluster.services.set(service, changed);
      placements.setService(changed);
      return;
    }
    case 6: {
      const slice = randomSlice(random, service, suffix);
      cluster.slices.set(slice.key, slice);
      placements.setSlice(slice);
      return;
    }
    case 7: {
      cluster.speakers = new Set(NODES.filter(() => random() < 0.9));
      placements.setSpeakers(cluster.speakers);
      return;
    }
    case 8: {
      const fitness = randomFitness(random);
      cluster.fitness.set(name, fitness);
      placements.setFitness(name, fitness);
      return;
    }
    case 9: {
      cluster.fitness.delete(name);
      placements.setFitness(name, undefined);
      return;
    }
    default: {
      cluster.advertisements = ["a", "b", "c"]
        .slice(integerBetween(random, 0, 2))
        .map((each) => randomAdvertisement(random, each));
      placements.configure({ pools: POOLS, l2Advertisements: cluster.advertisements });
    }
  }
};

const emptyCluster = (): Cluster => ({
  nodes: new Map(),
  services: new Map(),
  slices: new Map(),
  fitness: new Map(),
  speakers: new Set(NODES),
  advertisements: [],
});

const machine = (rules: Rules): Placements => {
  const placements = createPlacements({ lbClass: undefined, rules });
  placements.configure({ pools: POOLS, l2Advertisements: [] });
  placements.setSpeakers(new Set(NODES));
  return placements;
};

/** A machine that is told everything at once, in a random order. */
const machineFor = (cluster: Cluster, rules: Rules, random: Random): Placements => {
  const placements = machine(rules);
  const calls = [
    () => placements.setSpeakers(cluster.speakers),
    () => placements.configure({ pools: POOLS, l2Advertisements: cluster.advertisements }),
    ...[...cluster.nodes.values()].map((node) => () => placements.setNode(node)),
    ...[...cluster.services.values()].map((service) => () => placements.setService(service)),
    ...[...cluster.slices.values()].map((slice) => () => placements.setSlice(slice)),
    ...[...cluster.fitness].map(
      ([node, fitness]) =>
        () =>
          placements.setFitness(node, fitness),
    ),
  ];
  const inAnyOrder = calls
    .map((call) => ({ call, place: random() }))
    .sort((left, right) => left.place - right.place);
  for (const { call } of inAnyOrder) {
    call();
    if (random() < 0.2) placements.settle(integerBetween(random, 0, 2));
  }
  placements.settle();
  return placements;
};

describe("next to MetalLB", () => {
  it("chooses the node that MetalLB chooses, wherever MetalLB chooses one, through any history", () => {
    let compared = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = seededRandom(seed);
      const cluster = emptyCluster();
      const placements = machine(METALLB_RULES);
      for (let turn = 0; turn < 60; turn += 1) {
        change(random, cluster, placements);
        placements.settle();
        for (const address of ADDRESSES) {
          const listing = [...cluster.services.values()].filter(({ ingress }) =>
            ingress.some(({ ip }) => ip === address),
          );
          const orders = listing
            .map((service) => announcers(cluster, service))
            .filter(({ length }) => length > 0);
          const winners = new Set(orders.map(([winner]) => winner));
          const ours = placements.get(address as IpAddress)?.candidates ?? [];
          const where = `seed ${seed}, turn ${turn}, ${address}`;
          if (winners.size === 0) assert.deepEqual(ours, [], where);
          else if (winners.size === 1) assert.ok(winners.has(ours[0]), where);
          if (orders.length === 1) assert.deepEqual(ours, orders[0], where);
          compared += winners.size;
        }
      }
    }
    assert.ok(compared > 2_000, `${compared} winners`);
  });

  for (const [name, rules] of [
    ["MetalLB's rules", METALLB_RULES],
    ["ours", DEFAULT_RULES],
    ["the even spread", { ...DEFAULT_RULES, order: { type: "spread", slack: 1.25 } }],
  ] as const) {
    it(`says the same after any history as when told everything at once in any order, by ${name}`, () => {
      for (let seed = 1; seed <= 30; seed += 1) {
        const random = seededRandom(seed);
        const cluster = emptyCluster();
        const placements = machine(rules);
        const said = new Map<IpAddress, unknown>();
        for (let turn = 0; turn < 60; turn += 1) {
          change(random, cluster, placements);
          const { placed, withdrawn } = placements.settle();
          for (const address of withdrawn) assert.ok(said.delete(address));
          for (const placement of placed) {
            assert.notDeepEqual(said.get(placement.address), placement);
            said.set(placement.address, placement);
          }
          if (turn % 10 !== 9) continue;
          const anew = machineFor(cluster, rules, random);
          const sorted = (all: Iterable<{ readonly address: IpAddress }>) =>
            [...all].sort((left, right) => (left.address < right.address ? -1 : 1));
          assert.deepEqual(sorted(placements.all()), sorted(anew.all()), `seed ${seed}, turn ${turn}`);
          assert.deepEqual(new Map([...placements.all()].map((one) => [one.address, one])), said);
          for (const address of ADDRESSES)
            assert.deepEqual(placements.explain(address as IpAddress), anew.explain(address as IpAddress));
        }
      }
    });
  }

  it("does not look at recorded holders", () => {
    const placements = machine(DEFAULT_RULES);
    placements.setHolder(testRecord("s1", "n1"));
    assert.deepEqual(placements.settle(), { placed: [], withdrawn: [], rest: "none" });
  });
});
