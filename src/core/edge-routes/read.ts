/** From the routing resources among an edge's documents to its sessions and routes. */
import { familyOf, type Ipv4Address } from "#base/address";
import type { PeerWord } from "#core/bgp/desired";
import { planPeers } from "#core/bgp-peers/plan";
import { PEER_REMEDIES, type RefusedPeer } from "#core/bgp-peers/reason";
import { error, type Problem, show, warning } from "#core/config/problem";
import { isSection } from "#core/config/unknown-keys";
import { PoolIndex } from "#core/ipam/pool-index";
import { METALLB_GROUP } from "#core/metallb/kinds";
import type { Configuration } from "#core/metallb/model";
import { identify } from "#core/metallb/object";
import type { ObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import type { EdgeRoute, RoutedServer } from "./route.ts";
import { routesOf } from "./services.ts";

/** A document, and its place among all. */
export type RoutingDocument = {
  readonly document: number;
  readonly value: Readonly<Record<string, unknown>>;
};

/** Sessions and routes, as far as they could be read, and what is wrong. */
export type EdgeRouting = {
  /** In the order of their names. */
  readonly peers: readonly PeerWord[];
  /** In the order of their prefixes. */
  readonly routes: readonly EdgeRoute[];
  readonly problems: readonly Problem[];
};

/** What a peer without a `routerID` has until the machine has chosen one. */
export const UNCHOSEN_ROUTER_ID = "0.0.0.0" as Ipv4Address;

/** The kinds that an edge reads of MetalLB's. */
export const ROUTING_KINDS = [
  "BGPPeer",
  "BFDProfile",
  "IPAddressPool",
  "BGPAdvertisement",
  "Community",
] as const;

/** The pool of addresses that are in no other. */
const REST = "virtual-servers";

const NOWHERE: EdgeRouting = { peers: [], routes: [], problems: [] };

const isRoutingKind = (kind: unknown): boolean => ROUTING_KINDS.some((name) => name === kind);

/** Whether a document is of MetalLB's group, and so for this folder. */
export const isRoutingDocument = ({ apiVersion }: Readonly<Record<string, unknown>>): boolean =>
  typeof apiVersion === "string" && apiVersion.startsWith(`${METALLB_GROUP}/`);

const specOf = ({ value }: RoutingDocument): Readonly<Record<string, unknown>> =>
  isSection(value.spec) ? value.spec : {};

/** What resources may say in a cluster and not here. */
const misplaced = (routing: RoutingDocument): readonly Problem[] => {
  const { document, value } = routing;
  if (!isRoutingKind(value.kind)) {
    const hint = `Of MetalLB's kinds an edge reads ${ROUTING_KINDS.join(", ")}.`;
    return [{ ...error(["kind"], `${show(value.kind)} is not read by an edge`, hint), document }];
  }
  const spec = specOf(routing);
  const refusals = [
    ["nodeSelectors", "Remove it: each edge has a file of its own."],
    ["passwordSecret", "Write password, in a file that only root reads."],
    ["serviceAllocation", "Remove it: an edge gives no addresses."],
  ] as const;
  return refusals
    .filter(([key]) => spec[key] !== undefined)
    .map(([key, hint]) => ({ ...error(["spec", key], "is for clusters", hint), document }));
};

/** Addresses that no written pool has, as the object of one more. */
const restPool = (
  servers: readonly RoutedServer[],
  pools: Configuration["pools"],
): readonly Readonly<Record<string, unknown>>[] => {
  const index = new PoolIndex(pools);
  const addresses = new Set(
    servers
      .filter(({ address }) => index.of(address) === undefined)
      .map(({ address }) => `${address}/${familyOf(address) === "IPv4" ? 32 : 128}`),
  );
  if (addresses.size === 0) return [];
  const metadata = { name: REST };
  return [
    {
      ...{ apiVersion: `${METALLB_GROUP}/v1beta1`, kind: "IPAddressPool", metadata },
      spec: { addresses: [...addresses] },
    },
  ];
};

/** Says for each problem in which document it lies. */
const placeProblems = (
  documents: readonly RoutingDocument[],
  problems: readonly ObjectProblem[],
): readonly Problem[] => {
  const keyOf = ({ kind, object }: { readonly kind: string; readonly object: string }): string =>
    `${kind} ${object}`;
  const byKey = new Map(
    documents.map(({ document, value }, index) => [keyOf(identify(value, index).place), document]),
  );
  return problems.flatMap(({ kind, object, isTransient: _transient, ...finding }) => {
    const document = byKey.get(keyOf({ kind, object }));
    return document === undefined ? [] : [{ ...finding, document }];
  });
};

const documentOf = (documents: readonly RoutingDocument[], name: string): number =>
  documents.find(
    ({ value }) => value.kind === "BGPPeer" && isSection(value.metadata) && value.metadata.name === name,
  )?.document ?? 0;

const refusedProblem = (
  documents: readonly RoutingDocument[],
  { name, reason, text }: RefusedPeer,
): Problem => ({
  ...error(["spec"], text, `${PEER_REMEDIES[reason].replace(/^./, (letter) => letter.toUpperCase())}.`),
  document: documentOf(documents, name),
});

/** A session without routes, or routes that nobody hears of: allowed, and hardly meant. */
const idleProblems = (
  documents: readonly RoutingDocument[],
  { peers, routes }: Pick<EdgeRouting, "peers" | "routes">,
): readonly Problem[] => {
  const first = documents[0]?.document ?? 0;
  if (peers.length === 0)
    return [{ ...warning([], "no router is told of anything", "Write a BGPPeer."), document: first }];
  if (routes.length > 0) return [];
  const hint = "Write a BGPAdvertisement that means the address of a VirtualServer.";
  return [{ ...warning([], "routers are told of no VirtualServer", hint), document: first }];
};

/** Reads the routing resources; nothing wrong and nothing there without any. */
export const readEdgeRouting = (
  documents: readonly RoutingDocument[],
  { servers, isIncomplete }: { readonly servers: readonly RoutedServer[]; readonly isIncomplete: boolean },
): EdgeRouting => {
  if (documents.length === 0) return NOWHERE;
  const wrong = documents.flatMap(misplaced);
  if (wrong.length > 0) return { ...NOWHERE, problems: wrong };
  const written = documents.map(({ value }) => value);
  const read = (objects: readonly unknown[]) => readConfiguration({ objects, namespaces: new Map() });
  const alone = read(written);
  if (!alone.ok) return { ...NOWHERE, problems: placeProblems(documents, alone.problems) };
  const whole = read([...written, ...restPool(servers, alone.configuration.pools)]);
  const { configuration, warnings } = whole.ok ? whole : alone;
  const { peers: planned, refused } = planPeers({
    configuration,
    node: { name: "", labels: {}, internalIps: [] },
    secretOf: () => ({ type: "absent" }),
    listening: "yes",
  });
  const given = new Map(configuration.peers.map(({ name, routerId }) => [name, routerId]));
  const peers = planned.map(({ word }) =>
    given.get(word.name) === undefined ? { ...word, routerId: UNCHOSEN_ROUTER_ID } : word,
  );
  const routes = routesOf(servers, { configuration, peers: peers.map(({ name }) => name) });
  const problems = [
    ...placeProblems(documents, warnings),
    ...refused.map((one) => refusedProblem(documents, one)),
    ...(isIncomplete || refused.length > 0 ? [] : idleProblems(documents, { peers, routes })),
  ];
  return { peers, routes, problems };
};
