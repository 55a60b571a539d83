/** Ready-made advertisements, and a machine with a node, for the tests of what routers are told. */
import { formatInterfaceAddress } from "#base/prefix";
import { type Instant, instant } from "#base/time";
import type { RouteAttributes } from "#core/bgp/route";
import { type Community, parseCommunity } from "#core/metallb/community";
import type { BgpAdvertisement } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { testNode, testSlice } from "#testing/cluster";
import { addressPool } from "#testing/services";
import { BgpRoutes, type RouteChanges } from "./bgp-routes.ts";
import { DEFAULT_RULES, type Rules } from "./rules.ts";
import { attributesText } from "./words.ts";

export const SELF = "node-a";
export const START = instant(5_000_000);

export const POOLS = [
  addressPool("public", ["192.0.2.0/24", "2001:db8::/64"]),
  addressPool("spare", ["198.51.100.0/24"]),
];

/** The communities that texts spell. */
const communities = (...texts: readonly string[]): readonly Community[] =>
  texts.flatMap((text) => {
    const parsed = parseCommunity(text);
    return parsed.type === "community" ? [parsed.community] : [];
  });

type AdOverrides = Partial<Omit<BgpAdvertisement, "pools" | "peers" | "communities">> & {
  readonly pools?: readonly string[];
  readonly peers?: readonly string[];
  readonly communities?: readonly string[];
};

/** An advertisement of pool `public` from all nodes, to all peers, for all Services, without aggregation. */
export const advertisement = (name: string, overrides: AdOverrides = {}): BgpAdvertisement => {
  const { pools = ["public"], peers, communities: texts = [], ...rest } = overrides;
  return {
    name,
    nodeSelectors: [],
    serviceSelectors: [],
    aggregationLength: 32,
    aggregationLengthV6: 128,
    localPref: 0,
    ...rest,
    communities: communities(...texts),
    pools: new Set(pools),
    peers: peers === undefined ? undefined : new Set(peers),
  };
};

/** `192.0.2.1/32 a (localPref 5)`: a prefix and a peer that is told of it. */
export const told = (routes: BgpRoutes): readonly string[] =>
  [...routes.all()]
    .flatMap(({ prefix, targets }) =>
      targets.flatMap(({ peers, attributes }) =>
        peers.map((peer) => `${formatInterfaceAddress(prefix)} ${peer}${inBrackets(attributes)}`),
      ),
    )
    .sort();

const inBrackets = (attributes: RouteAttributes): string => {
  const text = attributesText(attributes);
  return text === "" ? "" : ` (${text})`;
};

export type Bed = {
  readonly routes: BgpRoutes;
  readonly effort: { steps: number };
  /** Settles, and gives what is told then. */
  settled(now?: Instant): readonly string[];
  settle(now?: Instant): RouteChanges;
};

/** A machine on `SELF` with peers `a` and `b`. Each Service given has an endpoint on this node and on another one. */
export const testBed = ({
  node = testNode(SELF),
  peers = ["a", "b"],
  ads = [advertisement("all")],
  services = [],
  rules = DEFAULT_RULES,
  lbClass,
}: {
  readonly node?: Node | undefined;
  readonly peers?: readonly string[];
  readonly ads?: readonly BgpAdvertisement[];
  readonly services?: readonly Service[];
  readonly rules?: Rules;
  readonly lbClass?: string;
} = {}): Bed => {
  const effort = { steps: 0 };
  const routes = new BgpRoutes({ node: SELF, lbClass, rules, effort });
  routes.setNode(node);
  routes.setPeers(peers);
  routes.configure({ pools: POOLS, bgpAdvertisements: ads });
  for (const service of services) {
    routes.setService(service);
    routes.setSlice(testSlice(service.meta.name, [SELF, "node-b"]));
  }
  return {
    routes,
    effort,
    settle: (now = START) => routes.settle(now),
    settled: (now = START) => {
      routes.settle(now);
      return told(routes);
    },
  };
};
