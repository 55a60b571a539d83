/** Which routes are told alike: each combination of targets is a class, with a number of its own. */

import { familyOf } from "#base/address";
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

/** The targets of a route without peers that are unknown, do not speak its family, or are told enough already. */
const targetsFor = (
  { prefix, targets }: RouteWord,
  peers: ReadonlyMap<string, AddressedPeer>,
  told: Map<string, number>,
): { readonly targets: RouteWord["targets"]; readonly overLimit: readonly string[] } => {
  const overLimit: string[] = [];
  const family = familyOf(prefix.address);
  const kept = targets.flatMap((target) => {
    const names = target.peers.filter((name) => {
      const peer = peers.get(name);
      if (peer === undefined || !peer.families.includes(family)) return false;
      const count = (told.get(name) ?? 0) + 1;
      if (count > peer.mostRoutes) {
        overLimit.push(name);
        return false;
      }
      told.set(name, count);
      return true;
    });
    return names.length === 0 ? [] : [{ ...target, peers: names }];
  });
  return { targets: kept, overLimit };
};

/** Every class that routes make, in the order of their tags; and how many routes each peer is not told because they are too many. */
export const classesOf = (
  routes: readonly RouteWord[],
  peers: ReadonlyMap<string, AddressedPeer>,
): { readonly classes: readonly RouteClass[]; readonly overLimit: ReadonlyMap<string, number> } => {
  const told = new Map<string, number>();
  const overLimit = new Map<string, number>();
  const byTargets = new Map<string, { targets: RouteWord["targets"]; prefixes: InterfaceAddress[] }>();
  const inOrder = routes.map((route) => ({ route, text: formatInterfaceAddress(route.prefix) })).sort(byText);
  for (const { route } of inOrder) {
    const found = targetsFor(route, peers, told);
    for (const name of found.overLimit) overLimit.set(name, (overLimit.get(name) ?? 0) + 1);
    if (found.targets.length === 0) continue;
    const key = JSON.stringify(found.targets);
    const before = byTargets.get(key) ?? { targets: found.targets, prefixes: [] };
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
  return { classes, overLimit };
};
