/** Which routes are told alike: each combination of targets is a class, with a number of its own. */

import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import type { RouteWord } from "#core/bgp/desired";
import { hashOf } from "./names.ts";
import type { AddressedPeer } from "./refusal.ts";

/** Routes that the same peers are told with the same attributes. */
export type RouteClass = {
  /** 1..2^32-1; the same for the same targets, whatever other classes there are, but for collisions of hashes. */
  readonly tag: number;
  readonly targets: RouteWord["targets"];
  readonly prefixes: readonly InterfaceAddress[];
};

const byText = (left: { readonly text: string }, right: { readonly text: string }): number =>
  left.text < right.text ? -1 : Number(left.text > right.text);

/** Routes of one peer. */
export type RouteCounts = {
  /** That it is told. */
  told: number;
  /** That it is not told because they are too many. */
  readonly overLimit: Record<IpFamily, number>;
};

const countsOf = (counts: Map<string, RouteCounts>, peer: string): RouteCounts => {
  const found = counts.get(peer) ?? { told: 0, overLimit: { IPv4: 0, IPv6: 0 } };
  counts.set(peer, found);
  return found;
};

/** The targets of a route without peers that are unknown, do not speak its family, or are told enough already. */
const targetsFor = (
  { prefix, targets }: RouteWord,
  peers: ReadonlyMap<string, AddressedPeer>,
  counts: Map<string, RouteCounts>,
): RouteWord["targets"] => {
  const family = familyOf(prefix.address);
  return targets.flatMap((target) => {
    const names = target.peers.filter((name) => {
      const peer = peers.get(name);
      if (peer === undefined || !peer.families.includes(family)) return false;
      const own = countsOf(counts, name);
      const isTold = own.told < peer.mostRoutes;
      if (isTold) own.told += 1;
      else own.overLimit[family] += 1;
      return isTold;
    });
    return names.length === 0 ? [] : [{ ...target, peers: names }];
  });
};

/** Every class that routes make, in the order of their targets; and how many routes each peer is told, by name. */
export const classesOf = (
  routes: readonly RouteWord[],
  peers: ReadonlyMap<string, AddressedPeer>,
): { readonly classes: readonly RouteClass[]; readonly counts: ReadonlyMap<string, RouteCounts> } => {
  const counts = new Map<string, RouteCounts>();
  const byTargets = new Map<string, { targets: RouteWord["targets"]; prefixes: InterfaceAddress[] }>();
  const inOrder = routes.map((route) => ({ route, text: formatInterfaceAddress(route.prefix) })).sort(byText);
  for (const { route } of inOrder) {
    const targets = targetsFor(route, peers, counts);
    if (targets.length === 0) continue;
    const key = JSON.stringify(targets);
    const before = byTargets.get(key) ?? { targets, prefixes: [] };
    before.prefixes.push(route.prefix);
    byTargets.set(key, before);
  }
  const taken = new Set<number>([0]);
  const classes = [...byTargets]
    .map(([text, rest]) => ({ text, ...rest }))
    .sort(byText)
    .map(({ text, targets, prefixes }): RouteClass => {
      let tag = hashOf(text);
      while (taken.has(tag)) tag = (tag + 1) >>> 0;
      taken.add(tag);
      return { tag, targets, prefixes };
    });
  return { classes, counts };
};
