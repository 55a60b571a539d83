/**
 * The nft file that leads from one plan's ruleset to another's and names only what differs, for when somebody adds, removes or
 * rebuilds a server among thousands: all others need not be written, read, parsed and compared again.
 *
 * It stands on what is in the kernel being the first ruleset, to the last chain: whoever is not sure of that replaces the whole.
 */
import type { ForwardingPlan } from "#core/balance/plan-model";
import {
  type ChainDeclaration,
  formatData,
  formatKey,
  keyIdentity,
  type Ruleset,
  type SetDeclaration,
  type SetElement,
  TABLE_NAME,
  TABLES,
  type TableFamily,
  type TableRuleset,
} from "./ruleset.ts";
import { renderServer, rulesetOf } from "./skeleton.ts";
import { formatChain, formatSet, TITLE } from "./text.ts";
import { mannerOf, sameManner } from "./traffic.ts";

/** A plan with its ruleset, so that the second of one revision can be the first of the next. */
export type Rendered = { readonly plan: ForwardingPlan; readonly ruleset: Ruleset };

export const rendered = (plan: ForwardingPlan): Rendered => ({ plan, ruleset: rulesetOf(plan) });

const textOf = ({ kind, statements }: SetDeclaration): string => `${kind} ${statements.join("\n")}`;
const typeOf = ({ rules: [first = ""] }: ChainDeclaration): string =>
  first.startsWith("type ") ? first : "";
const rulesOf = ({ rules }: ChainDeclaration): string => rules.join("\n");
const isInterval = ({ statements }: SetDeclaration): boolean =>
  statements.some((statement) => statement.startsWith("flags") && statement.includes("interval"));

const named = <Item extends { readonly name: string }>(items: readonly Item[]): ReadonlyMap<string, Item> =>
  new Map(items.map((item) => [item.name, item]));

/** Sets of servers that are the same in both plans, by table. */
const sameSets = (before: ForwardingPlan, now: ForwardingPlan, family: TableFamily): ReadonlySet<string> => {
  const known = new Set(before.servers);
  const manner = mannerOf(now);
  if (!sameManner(mannerOf(before), manner)) return new Set();
  return new Set(
    now.servers
      .filter((server) => known.has(server))
      .flatMap((server) => renderServer(server, manner)[family].sets.map(({ name }) => name)),
  );
};

type Sides = {
  readonly family: TableFamily;
  readonly before: TableRuleset;
  readonly now: TableRuleset;
  /** Sets whose elements need not be looked at. */
  readonly same: ReadonlySet<string>;
};

/** Whether a base chain would have to be another, which only a replacement of the whole makes it. */
const isStuck = ({ before, now }: Sides): boolean => {
  const chains = named(before.chains);
  return now.chains.some((chain) => {
    const old = chains.get(chain.name);
    return old !== undefined && typeOf(old) !== typeOf(chain);
  });
};

/** Sets that are made anew under their names. One that packets write to stays: rules say all that matters of it. */
const remadeSets = ({ before, now }: Sides): ReadonlySet<string> => {
  const sets = named(before.sets);
  return new Set(
    now.sets.flatMap((set) => {
      const old = sets.get(set.name);
      return old === undefined || set.dynamic || textOf(old) === textOf(set) ? [] : [set.name];
    }),
  );
};

const byIdentity = (elements: readonly SetElement[]): ReadonlyMap<string | number, SetElement> =>
  new Map(elements.map((element) => [keyIdentity(element.key), element]));

const sameData = (left: SetElement | undefined, right: SetElement | undefined): boolean =>
  left !== undefined &&
  right !== undefined &&
  (left.data === undefined ? "" : formatData(left.data)) ===
    (right.data === undefined ? "" : formatData(right.data));

const block = (words: string, items: readonly string[]): readonly string[] =>
  items.length === 0 ? [] : [`${words} {\n  ${items.join(",\n  ")}\n}`];

/** How the elements of one set change: what goes comes first, in all sets, since keys may move from server to server. */
type ElementLines = { readonly removing: readonly string[]; readonly adding: readonly string[] };

const elementLines = (set: SetDeclaration, { family, before, now }: Sides, isNew: boolean): ElementLines => {
  const old = byIdentity(isNew ? [] : (before.elementsBySet.get(set.name)?.() ?? []));
  const fresh = byIdentity(now.elementsBySet.get(set.name)?.() ?? []);
  const gone = [...old].filter(([identity, element]) => !sameData(element, fresh.get(identity)));
  const added = [...fresh].filter(([identity, element]) => !sameData(old.get(identity), element));
  if (gone.length === 0 && added.length === 0) return { removing: [], adding: [] };
  const where = `${family} ${TABLE_NAME} ${set.name}`;
  const written = ({ key, data }: SetElement): string =>
    data === undefined ? formatKey(key, set.raw) : `${formatKey(key, set.raw)} : ${formatData(data)}`;
  // Neighbours in a tree of intervals cannot come and go in one transaction.
  if (isInterval(set) || gone.length > old.size / 2) {
    return {
      removing: old.size === 0 ? [] : [`flush ${set.kind} ${where}`],
      adding: block(`add element ${where}`, [...fresh.values()].map(written)),
    };
  }
  const keys = gone.map(([, { key }]) => formatKey(key, set.raw));
  return {
    removing: block(`delete element ${where}`, keys),
    adding: block(
      `add element ${where}`,
      added.map(([, element]) => written(element)),
    ),
  };
};

/** Chains whose rules are others, or look into a set that is made anew. */
const changedChains = ({ before, now }: Sides, remade: ReadonlySet<string>): readonly ChainDeclaration[] => {
  const chains = named(before.chains);
  return now.chains.filter((chain) => {
    const old = chains.get(chain.name);
    if (old === undefined) return false;
    const looks = (set: string): boolean => old.rules.some((rule) => rule.includes(`@${set}`));
    return rulesOf(old) !== rulesOf(chain) || [...remade].some(looks);
  });
};

function* reviseTable(sides: Sides): Generator<string> {
  const { family, before, now, same } = sides;
  const where = `${family} ${TABLE_NAME}`;
  const remade = remadeSets(sides);
  const [oldSets, oldChains] = [named(before.sets), named(before.chains)];
  const [newSets, newChains] = [named(now.sets), named(now.chains)];
  const [oldCounters, newCounters] = [new Set(before.counters), new Set(now.counters)];
  const changed = changedChains(sides, remade);
  const removed = before.chains.filter(({ name }) => !newChains.has(name));
  const isNew = ({ name }: SetDeclaration): boolean => !oldSets.has(name) || remade.has(name);
  const lines = now.sets
    .filter(({ name, dynamic }) => !dynamic && !same.has(name))
    .map((set) => elementLines(set, sides, isNew(set)));
  for (const { name } of [...changed, ...removed]) yield `flush chain ${where} ${name}`;
  for (const { name, kind } of before.sets) if (remade.has(name)) yield `delete ${kind} ${where} ${name}`;
  yield `table ${where} {`;
  for (const counter of newCounters) if (!oldCounters.has(counter)) yield `  counter ${counter} {\n  }`;
  for (const set of now.sets) if (isNew(set)) yield* formatSet(set);
  const written = new Set([...changed, ...now.chains.filter(({ name }) => !oldChains.has(name))]);
  for (const chain of now.chains) if (written.has(chain)) yield* formatChain(chain);
  yield "}";
  for (const { removing } of lines) yield* removing;
  for (const { adding } of lines) yield* adding;
  for (const { name, kind } of before.sets) if (!newSets.has(name)) yield `delete ${kind} ${where} ${name}`;
  for (const { name } of removed) yield `delete chain ${where} ${name}`;
  for (const counter of oldCounters)
    if (!newCounters.has(counter)) yield `delete counter ${where} ${counter}`;
}

/** The file, in parts as those of `renderReplacement`, as often as it is asked for; `undefined` where only a replacement of the whole leads there. */
export const renderRevision = (before: Rendered, now: Rendered): Iterable<string> | undefined => {
  const sides = TABLES.map(
    (family): Sides => ({
      family,
      before: before.ruleset[family],
      now: now.ruleset[family],
      same: sameSets(before.plan, now.plan, family),
    }),
  );
  if (sides.some(isStuck)) return undefined;
  return {
    *[Symbol.iterator]() {
      yield TITLE;
      for (const each of sides) yield* reviseTable(each);
    },
  };
};
