import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import type { RouteAttributes } from "#core/bgp/route";
import type { EdgeRoute } from "./route.ts";
import { AnnouncedRoutes, type RoutesNow, type ServerStanding } from "./standing.ts";

const ATTRIBUTES: RouteAttributes = {
  ...{ localPref: 100, med: undefined, communities: [], largeCommunities: [], linkBandwidth: undefined },
};

const route = (address: string, ...servers: readonly string[]): EdgeRoute => ({
  name: `${address}/32`,
  servers,
  route: {
    prefix: { address: parseAddress(address) as IpAddress, prefixLength: 32 },
    targets: [{ peers: ["tor"], attributes: ATTRIBUTES }],
  },
});

const ROUTES = [route("192.0.2.1", "a", "b"), route("192.0.2.2", "c")];

const said = ({ changed, removed }: RoutesNow): readonly string[] => [
  ...changed.map(({ prefix, targets }) => {
    const preference = targets.map(({ attributes }) => `${attributes.localPref} ${attributes.med}`);
    return `+ ${formatInterfaceAddress(prefix)} ${preference}`;
  }),
  ...removed.map((prefix) => `- ${formatInterfaceAddress(prefix)}`),
];

const bed = () => {
  const standings = new Map<string, ServerStanding>();
  const announced = new AnnouncedRoutes();
  return {
    standings,
    settle: (routes: readonly EdgeRoute[] = ROUTES) =>
      said(announced.settle(routes, (name) => standings.get(name) ?? "serving")),
  };
};

describe("AnnouncedRoutes", () => {
  it("announces what has a backend, and says nothing twice", () => {
    const { settle } = bed();
    assert.deepEqual(settle(), ["+ 192.0.2.1/32 100 undefined", "+ 192.0.2.2/32 100 undefined"]);
    assert.deepEqual(settle(), []);
  });

  it("withdraws a route once none of its servers has a backend", () => {
    const { settle, standings } = bed();
    settle();
    standings.set("a", "refusing");
    assert.deepEqual(settle(), []);
    standings.set("b", "refusing");
    assert.deepEqual(settle(), ["- 192.0.2.1/32"]);
    standings.set("b", "serving");
    assert.deepEqual(settle(), ["+ 192.0.2.1/32 100 undefined"]);
  });

  it("offers itself as the last resort while all backends are only pardoned", () => {
    const { settle, standings } = bed();
    settle();
    standings.set("c", "pardoned");
    assert.deepEqual(settle(), ["+ 192.0.2.2/32 0 4294967295"]);
    standings.set("c", "serving");
    assert.deepEqual(settle(), ["+ 192.0.2.2/32 100 undefined"]);
  });

  it("withdraws what the configuration does not have any more", () => {
    const { settle } = bed();
    settle();
    assert.deepEqual(settle([route("192.0.2.1", "a", "b")]), ["- 192.0.2.2/32"]);
  });
});
