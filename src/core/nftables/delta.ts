/** What changes between two plans: nothing, elements of sets only, or the ruleset. */
import type { IpAddress } from "#base/address";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { formatData, keyIdentity, type SetElement, TABLES, type TableFamily } from "./ruleset.ts";
import { renderServer } from "./skeleton.ts";
import { sameStructure } from "./structure.ts";
import { type Manner, mannerOf, sameManner } from "./traffic.ts";

/** Elements that leave and enter one set, in this order. */
export type SetChange = {
  readonly family: TableFamily;
  readonly set: string;
  readonly remove: readonly SetElement[];
  readonly add: readonly SetElement[];
};

export type PlanDelta =
  | { readonly type: "none" }
  /**
   * The changes of one server after the other: those of one belong into one transaction, while servers do not depend on
   * each other. Worked out as they are asked for, once, since the elements of thousands of servers are many.
   */
  | { readonly type: "elements"; readonly batches: Iterable<readonly SetChange[]> }
  | { readonly type: "ruleset" };

const dataIdentity = ({ data }: SetElement): string => (data === undefined ? "" : formatData(data));

const diffElements = (
  before: readonly SetElement[],
  now: readonly SetElement[],
): Pick<SetChange, "remove" | "add"> => {
  const dataByKey = new Map(before.map((element) => [keyIdentity(element.key), dataIdentity(element)]));
  const kept = new Set<string | number>();
  const add: SetElement[] = [];
  for (const element of now) {
    const identity = keyIdentity(element.key);
    if (dataByKey.get(identity) === dataIdentity(element)) kept.add(identity);
    else add.push(element);
  }
  return { remove: before.filter((element) => !kept.has(keyIdentity(element.key))), add };
};

type Pair = { readonly before: ServerPlan; readonly now: ServerPlan };

const diffServer = ({ before, now }: Pair, manner: Manner): readonly SetChange[] => {
  const [old, fresh] = [renderServer(before, manner), renderServer(now, manner)];
  const changes: SetChange[] = [];
  for (const family of TABLES) {
    const names = new Set([...old[family].elementsBySet.keys(), ...fresh[family].elementsBySet.keys()]);
    for (const set of names) {
      const change = diffElements(
        old[family].elementsBySet.get(set)?.() ?? [],
        fresh[family].elementsBySet.get(set)?.() ?? [],
      );
      if (change.remove.length + change.add.length > 0) changes.push({ family, set, ...change });
    }
  }
  return changes;
};

function* batchesOf(pairs: readonly Pair[], manner: Manner): Generator<readonly SetChange[]> {
  for (const pair of pairs) {
    const changes = diffServer(pair, manner);
    if (changes.length > 0) yield changes;
  }
}

function* startingWith<Item>(first: Item, rest: Iterable<Item>): Generator<Item> {
  yield first;
  yield* rest;
}

const sameAddresses = (left: readonly IpAddress[] = [], right: readonly IpAddress[] = []): boolean =>
  left.length === right.length && left.every((address, index) => address === right[index]);

/** What must be done to get from a plan that runs to another one. */
export const diffPlans = (before: ForwardingPlan, now: ForwardingPlan): PlanDelta => {
  const manner = mannerOf(now);
  if (
    !sameManner(mannerOf(before), manner) ||
    before.servers.length !== now.servers.length ||
    !sameAddresses(before.unaccepted, now.unaccepted) ||
    before.ingress.length !== now.ingress.length ||
    before.ingress.some((device, index) => device !== now.ingress[index])
  ) {
    return { type: "ruleset" };
  }
  const pairs: Pair[] = [];
  for (const [index, server] of now.servers.entries()) {
    const old = before.servers[index];
    if (old === server) continue;
    if (old === undefined || old.name !== server.name || !sameStructure(old, server))
      return { type: "ruleset" };
    pairs.push({ before: old, now: server });
  }
  const batches = batchesOf(pairs, manner);
  const first = batches.next();
  if (first.done === true) return { type: "none" };
  return { type: "elements", batches: startingWith(first.value, batches) };
};
