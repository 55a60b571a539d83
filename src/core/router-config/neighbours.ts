/** Who of the nodes a router talks to, and by which addresses. */
import { familyOf, type IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { TextMap } from "#core/kubernetes/meta";
import { matchesAny } from "#core/kubernetes/selector";
import type { BgpPeer } from "#core/metallb/model";
import type { Neighbours, NodeNeighbour } from "./model.ts";

/** A node, as far as it is known. */
export type KnownNode = {
  readonly name: string;
  /** `undefined` where only its address is known, so that it is taken to be meant by every selector. */
  readonly labels: TextMap | undefined;
  readonly addresses: readonly IpAddress[];
};

/** Where the router finds the nodes. */
export type NodeSource =
  | { readonly type: "nodes"; readonly nodes: readonly KnownNode[] }
  | { readonly type: "ranges"; readonly ranges: readonly InterfaceAddress[] };

/** Whom the router talks to for a peer, and what has to be said about it; or why that is not known. */
export type Found =
  | { readonly ok: true; readonly neighbours: Neighbours; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problem: string };

const isMeant = ({ nodeSelectors }: BgpPeer, { labels }: KnownNode): boolean =>
  nodeSelectors.length === 0 || labels === undefined || matchesAny(nodeSelectors, labels);

const selectorNotes = ({ nodeSelectors }: BgpPeer, nodes: readonly KnownNode[]): readonly string[] =>
  nodeSelectors.length > 0 && nodes.some(({ labels }) => labels === undefined)
    ? ["The BGPPeer has nodeSelectors; nodes whose labels are not known are all here."]
    : [];

const fromRanges = ({ name }: BgpPeer, address: IpAddress, ranges: readonly InterfaceAddress[]): Found => {
  const fitting = ranges.filter((range) => familyOf(range.address) === familyOf(address));
  if (fitting.length === 0) {
    return { ok: false, problem: `BGPPeer ${name}: no network given with --nodes is ${familyOf(address)}.` };
  }
  return { ok: true, neighbours: { type: "ranges", ranges: fitting }, notes: [] };
};

const fromNodes = (peer: BgpPeer, address: IpAddress, known: readonly KnownNode[]): Found => {
  const meant = known.filter((node) => isMeant(peer, node));
  const family = familyOf(address);
  const found = meant.flatMap(({ name, addresses }): readonly NodeNeighbour[] => {
    const own = addresses.find((each) => familyOf(each) === family);
    return own === undefined ? [] : [{ name, address: own }];
  });
  const source = peer.sourceAddress;
  const nodes =
    source === undefined ? found : found.slice(0, 1).map((node) => ({ ...node, address: source }));
  if (nodes.length === 0) {
    const why =
      meant.length === 0 ? "its nodeSelectors match no node" : `none of its nodes has an ${family} address`;
    return { ok: false, problem: `BGPPeer ${peer.name}: ${known.length === 0 ? "no node is known" : why}.` };
  }
  const lacking = meant.filter(({ name }) => !found.some((node) => node.name === name));
  const notes = [
    ...selectorNotes(peer, known),
    ...lacking.map(({ name }) => `Node ${name} has no ${family} address and is left out.`),
    ...(source !== undefined && found.length > 1
      ? [`The BGPPeer has one sourceAddress for ${found.length} nodes; only one of them can have it.`]
      : []),
  ];
  return { ok: true, neighbours: { type: "nodes", nodes }, notes };
};

/** Whom the router of a peer talks to. */
export const neighboursOf = (peer: BgpPeer, source: NodeSource): Found => {
  if (peer.neighbor.type === "interface") {
    const nodes =
      source.type === "nodes"
        ? source.nodes.filter((node) => isMeant(peer, node)).map(({ name }) => name)
        : [];
    const notes = source.type === "nodes" ? selectorNotes(peer, source.nodes) : [];
    return { ok: true, neighbours: { type: "links", nodes }, notes };
  }
  const { address } = peer.neighbor;
  return source.type === "ranges"
    ? fromRanges(peer, address, source.ranges)
    : fromNodes(peer, address, source.nodes);
};
