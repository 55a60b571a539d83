/** Reads what `nft -j -t list table` says of one of our tables. */
import type { ForwardingPlan } from "#core/balance/plan-model";
import { countsConnections } from "#core/nftables/names";
import { TABLES, type TableFamily } from "#core/nftables/ruleset";
import { rulesetOf } from "#core/nftables/skeleton";
import { contentsOf, type TableContents } from "#core/nftables/text";

/** Names and the number of rules. */
type TableReading = TableContents & { readonly rules: number };

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

/** The contents of a table from nft's JSON; `undefined` when the text is something else. */
export const parseTableListing = (text: string): TableReading | undefined => {
  let listing: unknown;
  try {
    listing = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(listing) || !Array.isArray(listing.nftables)) return undefined;
  const chains = new Set<string>();
  const counters = new Set<string>();
  const sets = new Map<string, { kind: "map" | "set"; dynamic: boolean }>();
  let rules = 0;
  for (const item of listing.nftables) {
    if (!isFields(item)) continue;
    if (isFields(item.rule)) rules += 1;
    if (isFields(item.chain) && typeof item.chain.name === "string") chains.add(item.chain.name);
    if (isFields(item.counter) && typeof item.counter.name === "string") counters.add(item.counter.name);
    for (const kind of ["map", "set"] as const) {
      const set = item[kind];
      if (!isFields(set) || typeof set.name !== "string") continue;
      // nft 1.0.6 leaves `dynamic` out of its JSON; of ours the dynamic ones have a timeout, or count connections.
      const dynamic = set.timeout !== undefined || countsConnections(set.name);
      sets.set(set.name, { kind, dynamic });
    }
  }
  return { chains, counters, sets, rules };
};

/** What is in our tables; a table that is not there is `undefined`. */
export type Readings = Readonly<Record<TableFamily, TableReading | undefined>>;

/** Whether both tables have every chain, set and rule of the plan. Elements are not compared. */
export const holds = (plan: ForwardingPlan, readings: Readings): boolean => {
  const ruleset = rulesetOf(plan);
  return TABLES.every((family) => {
    const [wanted, found] = [contentsOf(ruleset[family]), readings[family]];
    if (found === undefined) return false;
    const rules = ruleset[family].chains.reduce(
      (count, chain) => count + chain.rules.filter((rule) => !rule.startsWith("type ")).length,
      0,
    );
    return (
      found.rules === rules &&
      [...wanted.chains].every((name) => found.chains.has(name)) &&
      [...wanted.sets.keys()].every((name) => found.sets.has(name))
    );
  });
};
