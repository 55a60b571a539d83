/** Next to a model that knows no history: it looks at everything there is, each time, in the plainest way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { contains, formatInterfaceAddress, networkOf, parseInterfaceAddress } from "#base/prefix";
import { after, seconds } from "#base/time";
import type { RouteWord } from "#core/bgp/desired";
import { prefixKey } from "#core/bgp/rib-out/prefix-key";
import { type EndpointSlice, serves } from "#core/endpoint-slice/endpoint-slice";
import { matchesAny } from "#core/kubernetes/selector";
import { formatCommunity } from "#core/metallb/community";
import type { BgpAdvertisement } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { keyOf, labelled, testNode, testService, testSlice } from "#testing/cluster";
import { address } from "#testing/values";
import { BgpRoutes } from "./bgp-routes.ts";
import { DEFAULT_RULES } from "./rules.ts";
import { advertisement, POOLS, SELF, START, told } from "./test-bed.ts";

const SERVICES = ["s1", "s2", "s3", "s4"] as const;
const ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.129", "2001:db8::1", "198.51.100.1", "203.0.113.1"];
/** What the status of a Service lists; most of it can be announced. */
const LISTS: readonly (readonly string[])[] = [
  ["192.0.2.1"],
  ["192.0.2.2"],
  ["192.0.2.129"],
  ["192.0.2.1", "2001:db8::1"],
  ["2001:db8::1", "192.0.2.129", "192.0.2.2"],
  ["198.51.100.1"],
  ["192.0.2.1", "198.51.100.1"],
  ["203.0.113.1"],
  [],
];
const COLOURS = ["red", "green"] as const;

const selectors = fc.option(
  fc.constantFrom(...COLOURS).map((colour) => [labelled({ colour })]),
  { nil: [] },
);
const labels = fc.option(
  fc.constantFrom(...COLOURS).map((colour) => ({ colour })),
  { nil: {} },
);
const some = <T>(...values: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });

const node: fc.Arbitrary<Node> = fc
  .record({
    labels,
    isExcluded: fc.nat({ max: 5 }),
    network: fc.constantFrom("available", "available", "available", "unavailable" as const),
  })
  .map((each) =>
    testNode(SELF, {
      labels: {
        ...each.labels,
        ...(each.isExcluded === 0 ? { "node.kubernetes.io/exclude-from-external-load-balancers": "" } : {}),
      },
      network: { state: each.network as "available" | "unavailable", since: 0 },
    }),
  );

const service = (name: string): fc.Arbitrary<Service> =>
  fc
    .record({
      addresses: fc.constantFrom(...LISTS),
      labels,
      policy: fc.constantFrom("Cluster" as const, "Local" as const),
      isSharing: fc.boolean(),
    })
    .map((each) =>
      testService(name, each.addresses, {
        externalTrafficPolicy: each.policy,
        meta: {
          labels: each.labels,
          annotations: each.isSharing ? { "metallb.io/allow-shared-ip": "key" } : {},
        },
      }),
    );

const slice = (name: string): fc.Arbitrary<EndpointSlice> =>
  fc
    .uniqueArray(fc.constantFrom(SELF, "node-b", ""), { maxLength: 3 })
    .chain((nodes) =>
      fc.tuple(
        ...nodes.map((each) =>
          fc.record({
            node: fc.constant(each),
            ready: fc.nat({ max: 1 }),
            leaving: fc.nat({ max: 1 }),
            silent: fc.nat({ max: 1 }),
          }),
        ),
      ),
    )
    .map((nodes) => testSlice(name, nodes));

const ad = (name: string): fc.Arbitrary<BgpAdvertisement> =>
  fc
    .record({
      pools: some("public", "spare"),
      nodeSelectors: selectors,
      serviceSelectors: selectors,
      aggregationLength: fc.constantFrom(32, 32, 24),
      aggregationLengthV6: fc.constantFrom(128, 64),
      localPref: fc.constantFrom(0, 0, 5),
      communities: some("64500:1", "64500:2", "large:1:2:3"),
      peers: fc.option(some("a", "b", "c"), { nil: undefined }),
    })
    .map(({ peers, ...rest }) => advertisement(name, peers === undefined ? rest : { ...rest, peers }));

/** Everything that there is, as an API server would hold it. */
type Cluster = {
  node: Node | undefined;
  peers: readonly string[];
  ads: readonly BgpAdvertisement[];
  readonly services: Map<string, Service>;
  readonly slices: Map<string, EndpointSlice>;
};

type Step = (cluster: Cluster, routes: BgpRoutes) => void;

const named = <T>(make: (name: string) => fc.Arbitrary<T>): fc.Arbitrary<readonly [string, T | undefined]> =>
  fc
    .constantFrom(...SERVICES)
    .chain((name) => fc.tuple(fc.constant(name), fc.option(make(name), { nil: undefined, freq: 4 })));

const serviceStep = named(service).map(
  ([name, value]): Step =>
    (cluster, routes) => {
      if (value === undefined) cluster.services.delete(name);
      else cluster.services.set(name, value);
      if (value === undefined) routes.removeService(keyOf(name));
      else routes.setService(value);
    },
);

const sliceStep = named(slice).map(
  ([name, value]): Step =>
    (cluster, routes) => {
      if (value === undefined) cluster.slices.delete(name);
      else cluster.slices.set(name, value);
      if (value === undefined) routes.removeSlice(keyOf(`${name}-1`));
      else routes.setSlice(value);
    },
);

const nodeStep = fc.option(node, { nil: undefined, freq: 8 }).map(
  (value): Step =>
    (cluster, routes) => {
      cluster.node = value;
      if (value === undefined) routes.removeNode(SELF);
      else routes.setNode(value);
    },
);

const peersStep = fc.uniqueArray(fc.constantFrom("a", "b", "c")).map(
  (names): Step =>
    (cluster, routes) => {
      cluster.peers = names;
      routes.setPeers(names);
    },
);

const adsStep = fc
  .tuple(ad("x"), ad("y"), ad("z"))
  .chain((all) => fc.subarray(all, { minLength: 1 }))
  .map(
    (ads): Step =>
      (cluster, routes) => {
        cluster.ads = ads;
        routes.configure({ pools: POOLS, bgpAdvertisements: ads });
      },
  );

/** Something that changes. */
const change: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: serviceStep },
  { weight: 4, arbitrary: sliceStep },
  { weight: 1, arbitrary: nodeStep },
  { weight: 1, arbitrary: peersStep },
  { weight: 3, arbitrary: adsStep },
);

/** Something that changes, or a part of the work. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: change },
  {
    weight: 1,
    arbitrary: fc.nat({ max: 3 }).map(
      (most): Step =>
        (_, routes) => {
          routes.settle(START, most);
        },
    ),
  },
);

const POOL_OF = new Map([
  ...ADDRESSES.slice(0, 4).map((each) => [each, "public"] as const),
  ["198.51.100.1", "spare"],
]);

const isAtOdds = (ads: readonly BgpAdvertisement[], { ingress }: Service): boolean =>
  ads.some((one) =>
    ads.some((other) =>
      ["a", "b", "c", "d"].some(
        (peer) =>
          one.localPref !== other.localPref &&
          [one, other].every(({ peers }) => peers === undefined || peers.has(peer)) &&
          ingress.some(({ ip = "" }) =>
            ip.includes(":")
              ? one.aggregationLengthV6 === other.aggregationLengthV6
              : one.aggregationLength === other.aggregationLength,
          ),
      ),
    ),
  );

/** The advertisements by which a Service is announced. */
const announcing = (cluster: Cluster, each: Service): readonly BgpAdvertisement[] => {
  const self = cluster.node;
  const addresses = each.ingress.map(({ ip = "" }) => ip);
  const pools = new Set(addresses.map((text) => POOL_OF.get(text)));
  const [pool] = pools;
  if (self === undefined || pools.size !== 1 || pool === undefined) return [];
  if (self.network.state === "unavailable") return [];
  if ("node.kubernetes.io/exclude-from-external-load-balancers" in self.labels) return [];
  const nodes = cluster.slices.get(each.meta.name)?.nodes ?? [];
  const serving = nodes.filter(serves).map((one) => one.node);
  if (each.externalTrafficPolicy === "Local" ? !serving.includes(SELF) : serving.length === 0) return [];
  const ads = cluster.ads.filter(
    (one) =>
      one.pools.has(pool) &&
      (one.nodeSelectors.length === 0 || matchesAny(one.nodeSelectors, self.labels)) &&
      (one.serviceSelectors.length === 0 || matchesAny(one.serviceSelectors, each.meta.labels)),
  );
  const isSharing = Object.keys(each.meta.annotations).length > 0;
  if (isSharing && ads.some(({ serviceSelectors }) => serviceSelectors.length > 0)) return [];
  return isAtOdds(ads, each) ? [] : ads;
};

type Said = { localPref: number; readonly communities: Set<string> };

/** Prefix and peer, and what is said there. */
const expected = (cluster: Cluster): ReadonlyMap<string, Said> => {
  const all = new Map<string, Said>();
  for (const each of cluster.services.values()) {
    for (const one of announcing(cluster, each)) {
      for (const { ip = "" } of each.ingress) {
        const length = ip.includes(":") ? one.aggregationLengthV6 : one.aggregationLength;
        const prefix = formatInterfaceAddress(networkOf({ address: address(ip), prefixLength: length }));
        for (const peer of cluster.peers) {
          if (one.peers !== undefined && !one.peers.has(peer)) continue;
          const said = all.get(`${prefix} ${peer}`) ?? { localPref: 0, communities: new Set() };
          said.localPref = Math.max(said.localPref, one.localPref);
          for (const community of one.communities) said.communities.add(formatCommunity(community));
          all.set(`${prefix} ${peer}`, said);
        }
      }
    }
  }
  return all;
};

const textOf = (all: ReadonlyMap<string, Said>): readonly string[] =>
  [...all]
    .map(([where, { localPref, communities }]) => {
      const texts = [...communities].sort();
      const parts = [
        ...(localPref === 0 ? [] : [`localPref ${localPref}`]),
        ...(texts.length === 0
          ? []
          : [`${texts.length === 1 ? "community" : "communities"} ${texts.join(" ")}`]),
      ];
      return parts.length === 0 ? where : `${where} (${parts.join(", ")})`;
    })
    .sort();

const emptyCluster = (): Cluster => ({
  node: undefined,
  peers: [],
  ads: [],
  services: new Map(),
  slices: new Map(),
});

const machine = (): BgpRoutes => {
  const routes = new BgpRoutes({ node: SELF, lbClass: undefined, rules: DEFAULT_RULES });
  routes.configure({ pools: POOLS, bgpAdvertisements: [] });
  return routes;
};

/** Everything that was said, one change after the other. */
class Listener {
  readonly words = new Map<string, RouteWord>();

  hear(routes: BgpRoutes, most = Number.POSITIVE_INFINITY): void {
    for (let rest = "some"; rest === "some"; ) {
      const changes = routes.settle(START, most);
      for (const prefix of changes.removed) assert.ok(this.words.delete(prefixKey(prefix)));
      for (const word of changes.changed) {
        assert.notDeepEqual(this.words.get(prefixKey(word.prefix)), word);
        this.words.set(prefixKey(word.prefix), word);
      }
      rest = changes.rest;
    }
  }
}

/** A machine that is told everything at once, in the order that `places` give. */
const machineFor = (cluster: Cluster, places: readonly number[]): BgpRoutes => {
  const routes = machine();
  const calls = [
    () => cluster.node !== undefined && routes.setNode(cluster.node),
    () => routes.setPeers(cluster.peers),
    () => routes.configure({ pools: POOLS, bgpAdvertisements: cluster.ads }),
    ...[...cluster.services.values()].map((each) => () => routes.setService(each)),
    ...[...cluster.slices.values()].map((each) => () => routes.setSlice(each)),
  ];
  const inOrder = calls
    .map((call, index) => ({ call, place: places[index] ?? 0 }))
    .sort((left, right) => left.place - right.place);
  for (const { call, place } of inOrder) {
    call();
    if (place % 3 === 0) routes.settle(START, place % 4);
  }
  routes.settle(START);
  return routes;
};

/** A node with peers, an advertisement and endpoints, so that most of what happens then matters. */
const setup = (cluster: Cluster, routes: BgpRoutes): void => {
  cluster.node = testNode(SELF);
  routes.setNode(cluster.node);
  cluster.peers = ["a", "b"];
  routes.setPeers(cluster.peers);
  cluster.ads = [advertisement("x", { pools: ["public", "spare"] })];
  routes.configure({ pools: POOLS, bgpAdvertisements: cluster.ads });
  for (const name of SERVICES) {
    const endpoints = testSlice(name, [SELF, "node-b"]);
    cluster.slices.set(name, endpoints);
    routes.setSlice(endpoints);
    const web = testService(name, ["192.0.2.1"]);
    cluster.services.set(name, web);
    routes.setService(web);
  }
};

const byPrefix = (words: Iterable<RouteWord>): readonly RouteWord[] =>
  [...words].sort((left, right) => (prefixKey(left.prefix) < prefixKey(right.prefix) ? -1 : 1));

describe("what routers are told", () => {
  it("is what the rules say, after any history, and is what was said one change after the other", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(change, fc.integer({ min: 1, max: 4 })), { minLength: 10, maxLength: 40 }),
        (steps) => {
          const cluster = emptyCluster();
          const routes = machine();
          const listener = new Listener();
          setup(cluster, routes);
          for (const [each, most] of steps) {
            each(cluster, routes);
            listener.hear(routes, most);
            assert.deepEqual(told(routes), textOf(expected(cluster)));
            assert.deepEqual(byPrefix(listener.words.values()), byPrefix(routes.all()));
            compared += listener.words.size;
          }
          assert.deepEqual(routes.settle(after(START, seconds(1))), {
            changed: [],
            removed: [],
            rest: "none",
          });
        },
      ),
      { numRuns: 400 },
    );
    assert.ok(compared > 2_000, `${compared} prefixes`);
  });

  it("does not depend on the order in which things came to be known", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.nat({ max: 1_000 }), { minLength: 12, maxLength: 12 }),
        (steps, places) => {
          const cluster = emptyCluster();
          const routes = machine();
          setup(cluster, routes);
          for (const each of steps) each(cluster, routes);
          routes.settle(START);
          const anew = machineFor(cluster, places);
          assert.deepEqual(told(routes), told(anew));
          for (const text of ADDRESSES)
            assert.deepEqual(routes.explain(address(text)), anew.explain(address(text)));
          for (const name of SERVICES) {
            assert.equal(routes.silence(keyOf(name)), anew.silence(keyOf(name)));
            assert.deepEqual(routes.peersOf(keyOf(name)), anew.peersOf(keyOf(name)));
            const entry = cluster.services.get(name);
            const isAnnounced = entry !== undefined && announcing(cluster, entry).length > 0;
            const hasPeers = routes.peersOf(keyOf(name)).length > 0;
            assert.equal(hasPeers, isAnnounced && routes.silence(keyOf(name)) === undefined);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("is, for every address and peer, every route that covers it, or a reason", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const cluster = emptyCluster();
        const routes = machine();
        setup(cluster, routes);
        for (const each of steps) each(cluster, routes);
        routes.settle(START);
        for (const text of ADDRESSES) {
          const explanation = routes.explain(address(text));
          if (explanation === undefined) continue;
          assert.deepEqual(
            explanation.peers.map(({ peer }) => peer),
            [...cluster.peers].sort(),
          );
          for (const standing of explanation.peers) {
            const covering = [...routes.all()].filter(
              ({ prefix, targets }) =>
                contains(prefix, address(text)) && targets.some(({ peers }) => peers.includes(standing.peer)),
            );
            const shown = standing.type === "told" ? standing.routes.map(({ prefix }) => prefix) : [];
            assert.deepEqual(
              new Set(shown.map(formatInterfaceAddress)),
              new Set(covering.map(({ prefix }) => formatInterfaceAddress(prefix))),
            );
          }
        }
        for (const { prefix } of routes.all())
          assert.deepEqual(prefix, parseInterfaceAddress(formatInterfaceAddress(networkOf(prefix))));
      }),
      { numRuns: 200 },
    );
  });
});
