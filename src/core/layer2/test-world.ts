/** Ready-made objects for the tests of placement; each function takes what a test is about and fills in the rest. */
import type { IpAddress } from "#base/address";
import type { L2Advertisement } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { keyOf, testNode, testSlice } from "#testing/cluster";
import { addressPool } from "#testing/services";
import { createPlacements, type Placements } from "./placements.ts";
import type { HolderRecord } from "./record.ts";
import { DEFAULT_RULES, type Rules } from "./rules.ts";

export { keyOf, labelled, testNode, testService, testSlice } from "#testing/cluster";

/** An advertisement of pool `public` from all nodes, on all interfaces, for all Services. */
export const advertisement = (
  name: string,
  overrides: Partial<Omit<L2Advertisement, "pools">> & { readonly pools?: readonly string[] } = {},
): L2Advertisement => {
  const { pools = ["public"], ...rest } = overrides;
  return {
    name,
    nodeSelectors: [],
    serviceSelectors: [],
    interfaces: undefined,
    preferredNodes: [],
    ...rest,
    pools: new Set(pools),
  };
};

/** That a node is recorded as holder of `default/NAME`. */
export const testRecord = (service: string, node: string): HolderRecord => ({
  key: keyOf(`l2-${service}-${node}`),
  service: keyOf(service),
  node,
});

export const POOLS = [
  addressPool("public", ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/64", "fc00::/64", "1000::/64"]),
  addressPool("spare", ["198.51.100.0/24"]),
];

export const NODES = ["node-a", "node-b", "node-c"] as const;

export type World = {
  readonly placements: Placements;
  readonly effort: { steps: number };
  /** The candidates of an address in order, after everything was settled. */
  candidates(address: string): readonly string[];
  /** Each left-out node with its reason: `node-a no-speaker`. */
  leftOut(address: string): readonly string[];
};

/**
 * A machine with some nodes, each with a speaker, and advertisements of `public`. Each Service given has an endpoint
 * somewhere, and those with `externalTrafficPolicy: Local` on every node.
 */
export const testWorld = ({
  nodes = NODES.map((name) => testNode(name)),
  speakers = new Set(nodes.map(({ name }) => name)),
  advertisements = [advertisement("all")],
  services = [],
  rules = DEFAULT_RULES,
}: {
  readonly nodes?: readonly Node[];
  readonly speakers?: ReadonlySet<string> | undefined;
  readonly advertisements?: readonly L2Advertisement[];
  readonly services?: readonly Service[];
  readonly rules?: Rules;
} = {}): World => {
  const effort = { steps: 0 };
  const placements = createPlacements({ lbClass: undefined, rules, effort });
  placements.configure({ pools: POOLS, l2Advertisements: advertisements });
  placements.setSpeakers(speakers);
  for (const node of nodes) placements.setNode(node);
  for (const service of services) {
    placements.setService(service);
    placements.setSlice(
      testSlice(
        service.meta.name,
        nodes.map(({ name }) => name),
      ),
    );
  }
  return {
    placements,
    effort,
    candidates: (address) => {
      placements.settle();
      return placements.candidates(address as IpAddress);
    },
    leftOut: (address) => {
      placements.settle();
      const explanation = placements.explain(address as IpAddress);
      return (explanation?.leftOut ?? []).map(({ node, reason }) => `${node} ${reason}`);
    },
  };
};
