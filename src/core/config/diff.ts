/** Which resources a reload touches: only those whose own values changed. */
import type { Desired } from "./desired.ts";

/** How one list of named resources differs from another. */
export type ListDiff<Resource> = {
  readonly added: readonly Resource[];
  readonly removed: readonly Resource[];
  readonly changed: readonly { readonly before: Resource; readonly after: Resource }[];
  readonly unchanged: readonly Resource[];
};

/** How one desired state differs from another, kind by kind. */
export type DesiredDiff = { readonly [List in keyof Desired]: ListDiff<Desired[List][number]> };

/** Whether two plain values are the same, in every key and at every position. */
const same = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const entries = Object.entries(left);
  const others = new Map(Object.entries(right));
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => others.has(key) && same(value, others.get(key)))
  );
};

const diffList = <Resource extends { readonly name: string }>(
  before: readonly Resource[],
  after: readonly Resource[],
): ListDiff<Resource> => {
  const beforeByName = new Map(before.map((resource) => [resource.name, resource]));
  const afterNames = new Set(after.map(({ name }) => name));
  const added: Resource[] = [];
  const changed: { readonly before: Resource; readonly after: Resource }[] = [];
  const unchanged: Resource[] = [];
  for (const resource of after) {
    const old = beforeByName.get(resource.name);
    if (old === undefined) added.push(resource);
    else if (same(old, resource)) unchanged.push(resource);
    else changed.push({ before: old, after: resource });
  }
  return { added, removed: before.filter(({ name }) => !afterNames.has(name)), changed, unchanged };
};

/** What a reload from `before` to `after` adds, removes, changes and leaves alone, each by name. */
export const diff = (before: Desired, after: Desired): DesiredDiff => ({
  routers: diffList(before.routers, after.routers),
  checks: diffList(before.checks, after.checks),
  servers: diffList(before.servers, after.servers),
  syncs: diffList(before.syncs, after.syncs),
  peers: diffList(before.peers, after.peers),
  routes: diffList(before.routes, after.routes),
});

/** Whether two desired states are the same, resource by resource, in whatever order. */
export const isSameDesired = (left: Desired, right: Desired): boolean =>
  Object.values(diff(left, right)).every(
    ({ added, removed, changed }) => added.length + removed.length + changed.length === 0,
  );
