/**
 * A large change in stages, each a plan of its own with some more servers as they are to be: one transaction for all would have
 * nft hold millions of elements, for each of which it takes more than a kilobyte.
 *
 * Servers do not depend on each other, so no packet meets half a server at any stage. Those that trade an address, protocol
 * and port between them change together.
 */
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";

/** Elements of rings that one stage may write, unless those of a single server are more. */
const ELEMENTS_AT_ONCE = 65_536;

type Pair = { readonly before: ServerPlan | undefined; readonly now: ServerPlan | undefined };

const byName = ({ servers }: ForwardingPlan): ReadonlyMap<string, ServerPlan> =>
  new Map(servers.map((server) => [server.name, server]));

/** Servers that differ, one that is there on one side only included. */
const differing = (before: ForwardingPlan, now: ForwardingPlan): ReadonlyMap<string, Pair> => {
  const [old, fresh] = [byName(before), byName(now)];
  const names = new Set([...old.keys(), ...fresh.keys()]);
  return new Map(
    [...names]
      .map((name): [string, Pair] => [name, { before: old.get(name), now: fresh.get(name) }])
      .filter(([, pair]) => pair.before !== pair.now),
  );
};

const placeOf = ({ address, protocol }: ServerPlan): string => `${address} ${protocol}`;

/** Names of servers that get what another one has had at their address. */
const trading = (pairs: ReadonlyMap<string, Pair>): ReadonlySet<string> => {
  const before = new Map<string, ServerPlan[]>();
  for (const { before: old } of pairs.values()) {
    if (old === undefined) continue;
    const there = before.get(placeOf(old));
    if (there === undefined) before.set(placeOf(old), [old]);
    else there.push(old);
  }
  const names = new Set<string>();
  for (const [name, { now }] of pairs) {
    if (now === undefined) continue;
    for (const old of before.get(placeOf(now)) ?? []) {
      const isApart = old.ports.last < now.ports.first || now.ports.last < old.ports.first;
      if (old.name === name || isApart) continue;
      names.add(name).add(old.name);
    }
  }
  return names;
};

const weightOf = ({ before, now }: Pair): number => (before?.slots.length ?? 0) + (now?.slots.length ?? 0);

/** Names that change together, stage by stage. */
const groupsOf = (pairs: ReadonlyMap<string, Pair>): readonly (readonly string[])[] => {
  const together = trading(pairs);
  const groups: string[][] = together.size === 0 ? [] : [[...together]];
  let weight = Number.POSITIVE_INFINITY;
  for (const [name, pair] of pairs) {
    if (together.has(name)) continue;
    weight += weightOf(pair);
    if (weight > ELEMENTS_AT_ONCE) {
      groups.push([]);
      weight = weightOf(pair);
    }
    groups.at(-1)?.push(name);
  }
  return groups;
};

/** The plans on the way from one to another; the last one is `now` itself. */
export function* stagesOf(before: ForwardingPlan, now: ForwardingPlan): Generator<ForwardingPlan> {
  const pairs = differing(before, now);
  const groups = groupsOf(pairs);
  const servers = new Map(byName(before));
  for (const group of groups.slice(0, -1)) {
    for (const name of group) {
      const server = pairs.get(name)?.now;
      if (server === undefined) servers.delete(name);
      else servers.set(name, server);
    }
    const sorted = [...servers.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
    yield { ...now, servers: sorted };
  }
  yield now;
}
