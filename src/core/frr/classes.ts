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

/** The targets of routes of a family without peers that are unknown or do not speak it. */
const spokenTargets = (
  targets: RouteWord["targets"],
  family: IpFamily,
  peers: ReadonlyMap<string, AddressedPeer>,
): RouteWord["targets"] =>
  targets.flatMap((target) => {
    const names = target.peers.filter((name) => peers.get(name)?.families.includes(family) === true);
    return names.length === 0 ? [] : [{ ...target, peers: names }];
  });

/** Without peers that are told enough already; counts for all of them. */
const withinLimits = (
  targets: RouteWord["targets"],
  family: IpFamily,
  { peers, counts }: Tally,
): RouteWord["targets"] => {
  const full = new Set<string>();
  for (const name of targets.flatMap((target) => target.peers)) {
    const own = countsOf(counts, name);
    if (own.told < (peers.get(name)?.mostRoutes ?? 0)) own.told += 1;
    else {
      own.overLimit[family] += 1;
      full.add(name);
    }
  }
  if (full.size === 0) return targets;
  return targets.flatMap((target) => {
    const names = target.peers.filter((name) => !full.has(name));
    return names.length === 0 ? [] : [{ ...target, peers: names }];
  });
};

type Tally = {
  readonly peers: ReadonlyMap<string, AddressedPeer>;
  readonly counts: Map<string, RouteCounts>;
};

/** A function that is asked once for each text: thousands of routes have a few targets between them. */
const remembered = <Value>(make: () => Value, text: string, made: Map<string, Value>): Value => {
  const found = made.get(text) ?? make();
  made.set(text, found);
  return found;
};

/** Every class that routes make, in the order of their targets; and how many routes each peer is told, by name. */
export const classesOf = (
  routes: readonly RouteWord[],
  peers: ReadonlyMap<string, AddressedPeer>,
): { readonly classes: readonly RouteClass[]; readonly counts: ReadonlyMap<string, RouteCounts> } => {
  const counts = new Map<string, RouteCounts>();
  const spoken = new Map<string, RouteWord["targets"]>();
  const texts = new Map<RouteWord["targets"], string>();
  const byTargets = new Map<string, { targets: RouteWord["targets"]; prefixes: InterfaceAddress[] }>();
  const inOrder = routes.map((route) => ({ route, text: formatInterfaceAddress(route.prefix) })).sort(byText);
  for (const { route } of inOrder) {
    const family = familyOf(route.prefix.address);
    const asked = `${family} ${JSON.stringify(route.targets)}`;
    const own = remembered(() => spokenTargets(route.targets, family, peers), asked, spoken);
    const targets = withinLimits(own, family, { peers, counts });
    if (targets.length === 0) continue;
    const key = texts.get(targets) ?? JSON.stringify(targets);
    if (targets === own) texts.set(targets, key);
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
