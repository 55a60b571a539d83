/** What a router has to be told, before it is written in any vendor's language. */
import type { IpAddress, IpFamily } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";

/** A node as the router sees it. */
export type NodeNeighbour = { readonly name: string; readonly address: IpAddress };

/** Whom the router talks to. */
export type Neighbours =
  | { readonly type: "nodes"; readonly nodes: readonly NodeNeighbour[] }
  /** Whoever connects from one of these networks, which are of one family. */
  | { readonly type: "ranges"; readonly ranges: readonly InterfaceAddress[] }
  /** Whoever is at the other end of a link; the nodes by name, where they are known. */
  | { readonly type: "links"; readonly nodes: readonly string[] };

/** BFD as the router is to have it: what we send is what it receives. */
export type RouterBfd = {
  /** In milliseconds. */
  readonly receive: number;
  /** In milliseconds. */
  readonly transmit: number;
  readonly multiplier: number;
  /** 1..254: of packets that came over several hops. */
  readonly minimumTtl: number;
};

/** Prefixes that are accepted: those of exactly this length that lie in the network. */
export type Accepted = { readonly network: InterfaceAddress; readonly length: number };

/** What one BGPPeer asks of the router. */
export type Session = {
  /** Name of the BGPPeer. */
  readonly peer: string;
  readonly neighbours: Neighbours;
  /** Number of the nodes' autonomous system: the router's `remote`. */
  readonly nodeAsn: number;
  /** Number of the router's: its `local`. */
  readonly routerAsn: number;
  /** Of the router, as the nodes know it; `undefined` where they know a link only. */
  readonly routerAddress: IpAddress | undefined;
  /** TCP port on which the router is expected to listen. */
  readonly port: number;
  /** In seconds; `undefined`: as the router likes. A hold time of 0 switches both off. */
  readonly timers: { readonly hold: number; readonly keepalive: number } | undefined;
  readonly authentication: "none" | "password";
  readonly bfd: RouterBfd | undefined;
  /** `neighbours-only`: both sides send with TTL 255 and drop what comes with less (RFC 5082). */
  readonly distance: "one-hop" | "neighbours-only" | "several-hops";
  readonly families: readonly IpFamily[];
  /** Whether routes are to outlive a restart of a speaker (RFC 4724). */
  readonly gracefulRestart: boolean;
  /** In order of family, network, length; without repetition. */
  readonly accepted: readonly Accepted[];
  /** What could not be said otherwise, as sentences. */
  readonly notes: readonly string[];
};

/** A router, and the sessions that it is to have. */
export type Router = {
  /** As the resources name it: an address, or the interfaces of nodes. */
  readonly name: string;
  readonly asn: number;
  readonly sessions: readonly Session[];
};

/** Whether both ends are in one autonomous system. */
export const kindOf = ({ nodeAsn, routerAsn }: Session): "internal" | "external" =>
  nodeAsn === routerAsn ? "internal" : "external";

/** Next hops that a router should use at once: all nodes, at least 16 of them, and no more than it can. */
export const pathsOf = ({ sessions }: Router, most: number): number => {
  const counts = sessions.map(({ neighbours }) =>
    neighbours.type === "ranges" ? 0 : neighbours.nodes.length,
  );
  return Math.min(most, Math.max(16, ...counts));
};

/** Whether the nodes are in several autonomous systems, so that paths of equal length differ in their numbers. */
export const hasSeveralAsns = ({ sessions }: Router): boolean =>
  new Set(sessions.map(({ nodeAsn }) => nodeAsn)).size > 1;

/** The families that any session carries, IPv4 first. */
export const familiesOf = ({ sessions }: Router): readonly IpFamily[] =>
  (["IPv4", "IPv6"] as const).filter((family) => sessions.some(({ families }) => families.includes(family)));
