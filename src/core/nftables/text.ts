/** Writes a ruleset as one nft file, which the kernel takes as one transaction. */
import {
  type ChainDeclaration,
  formatData,
  formatKey,
  type Ruleset,
  type SetDeclaration,
  TABLE_NAME,
  TABLES,
  type TableFamily,
  type TableRuleset,
} from "./ruleset.ts";

/** The names that one of our tables holds in the kernel now. */
export type TableContents = {
  readonly chains: ReadonlySet<string>;
  readonly counters: ReadonlySet<string>;
  /** By name. */
  readonly sets: ReadonlyMap<string, { readonly kind: "map" | "set"; readonly dynamic: boolean }>;
};

/** What a table of this ruleset holds once it is loaded. */
export const contentsOf = (table: TableRuleset): TableContents => ({
  chains: new Set(table.chains.map((chain) => chain.name)),
  counters: new Set(table.counters),
  sets: new Map(table.sets.map(({ name, kind, dynamic }) => [name, { kind, dynamic }])),
});

/** What of ours is in the kernel; a table that is not there is `undefined`. */
export type KernelContents = Readonly<Record<TableFamily, TableContents | undefined>>;

export const formatSet = (set: SetDeclaration): readonly string[] => [
  `  ${set.kind} ${set.name} {`,
  ...set.statements.map((statement) => `    ${statement}`),
  "  }",
];

export const formatChain = (chain: ChainDeclaration): readonly string[] => [
  `  chain ${chain.name} {`,
  ...(chain.comment === undefined ? [] : [`    comment "${chain.comment}"`]),
  ...chain.rules.map((rule) => `    ${rule}`),
  "  }",
];

/** One text for each set that has elements. */
function* formatElements(family: TableFamily, table: TableRuleset): Generator<string> {
  const rawSets = new Set(table.sets.filter((set) => set.raw).map((set) => set.name));
  for (const [name, make] of table.elementsBySet) {
    const raw = rawSets.has(name);
    const items = make().map(({ key, data }) =>
      data === undefined ? formatKey(key, raw) : `${formatKey(key, raw)} : ${formatData(data)}`,
    );
    if (items.length === 0) continue;
    yield `add element ${family} ${TABLE_NAME} ${name} {\n  ${items.join(",\n  ")}\n}`;
  }
}

/**
 * Lines that empty a table of ours but keep what must live on: chains of the same name, so that no hook is missing
 * for an instant, and what packets have recorded.
 */
const formatClearing = (
  family: TableFamily,
  table: TableRuleset,
  contents: TableContents | undefined,
): readonly string[] => {
  if (contents === undefined) return [];
  const wanted = new Set(table.chains.map((chain) => chain.name));
  const declared = new Set(table.sets.map((set) => set.name));
  const where = `${family} ${TABLE_NAME}`;
  const sets = [...contents.sets];
  return [
    `flush table ${where}`,
    ...sets.filter(([, { dynamic }]) => !dynamic).map(([name, { kind }]) => `flush ${kind} ${where} ${name}`),
    ...sets
      .filter(([name]) => !declared.has(name))
      .map(([name, { kind }]) => `delete ${kind} ${where} ${name}`),
    ...[...contents.chains]
      .filter((name) => !wanted.has(name))
      .map((name) => `delete chain ${where} ${name}`),
    ...[...contents.counters]
      .filter((name) => table.counters?.includes(name) !== true)
      .map((name) => `delete counter ${where} ${name}`),
  ];
};

function* formatTable(
  family: TableFamily,
  table: TableRuleset,
  contents: TableContents | undefined,
): Generator<string> {
  yield `table ${family} ${TABLE_NAME} {`;
  for (const counter of table.counters ?? []) yield `  counter ${counter} {\n  }`;
  for (const set of table.sets) if (contents?.sets.has(set.name) !== true) yield* formatSet(set);
  for (const chain of table.chains) yield* formatChain(chain);
  yield "}";
  yield* formatElements(family, table);
}

export const TITLE = "# Written by steelyard. Changes made by hand are overwritten.";

/**
 * The nft file that puts `ruleset` in the place of what `contents` says is there, atomically. Recorded flows of
 * servers that stay are kept. In parts to be written one after the other, each of whole lines without the last end.
 */
export function* renderReplacement(ruleset: Ruleset, contents: KernelContents): Generator<string> {
  yield TITLE;
  for (const family of TABLES) {
    yield* formatClearing(family, ruleset[family], contents[family]);
    yield* formatTable(family, ruleset[family], contents[family]);
  }
}

/** The nft file that loads `ruleset` from nothing, and away with whatever has our names; in parts as above. */
export function* renderRuleset(ruleset: Ruleset): Generator<string> {
  yield TITLE;
  for (const family of TABLES) {
    yield `table ${family} ${TABLE_NAME}\ndelete table ${family} ${TABLE_NAME}`;
    yield* formatTable(family, ruleset[family], undefined);
  }
}

/** The nft file that adds the elements of `ruleset` to sets that are there; in parts as above. */
export function* renderElements(ruleset: Ruleset): Generator<string> {
  for (const family of TABLES) yield* formatElements(family, ruleset[family]);
}

/** The nft file that removes everything of ours, whether it is there or not. */
export const REMOVAL = TABLES.flatMap((family) => [
  `table ${family} ${TABLE_NAME}`,
  `delete table ${family} ${TABLE_NAME}`,
  "",
]).join("\n");
