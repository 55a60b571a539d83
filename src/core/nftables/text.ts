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
  /** By name. */
  readonly sets: ReadonlyMap<string, { readonly kind: "map" | "set"; readonly dynamic: boolean }>;
};

/** What a table of this ruleset holds once it is loaded. */
export const contentsOf = (table: TableRuleset): TableContents => ({
  chains: new Set(table.chains.map((chain) => chain.name)),
  sets: new Map(table.sets.map(({ name, kind, dynamic }) => [name, { kind, dynamic }])),
});

/** What of ours is in the kernel; a table that is not there is `undefined`. */
export type KernelContents = Readonly<Record<TableFamily, TableContents | undefined>>;

const formatSet = (set: SetDeclaration): readonly string[] => [
  `  ${set.kind} ${set.name} {`,
  ...set.statements.map((statement) => `    ${statement}`),
  "  }",
];

const formatChain = (chain: ChainDeclaration): readonly string[] => [
  `  chain ${chain.name} {`,
  ...(chain.comment === undefined ? [] : [`    comment "${chain.comment}"`]),
  ...chain.rules.map((rule) => `    ${rule}`),
  "  }",
];

const formatElements = (family: TableFamily, table: TableRuleset): readonly string[] => {
  const rawSets = new Set(table.sets.filter((set) => set.raw).map((set) => set.name));
  const lines: string[] = [];
  for (const [name, elements] of table.elementsBySet) {
    if (elements.length === 0) continue;
    const raw = rawSets.has(name);
    const items = elements.map(({ key, data }) =>
      data === undefined ? formatKey(key, raw) : `${formatKey(key, raw)} : ${formatData(data)}`,
    );
    lines.push(`add element ${family} ${TABLE_NAME} ${name} {`, `  ${items.join(",\n  ")}`, "}");
  }
  return lines;
};

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
  ];
};

const formatTable = (
  family: TableFamily,
  table: TableRuleset,
  contents: TableContents | undefined,
): readonly string[] => [
  `table ${family} ${TABLE_NAME} {`,
  ...table.sets.filter((set) => !(contents?.sets.has(set.name) ?? false)).flatMap(formatSet),
  ...table.chains.flatMap(formatChain),
  "}",
  ...formatElements(family, table),
];

/**
 * The nft file that puts `ruleset` in the place of what `contents` says is there, atomically. Recorded flows of
 * servers that stay are kept.
 */
export const renderReplacement = (ruleset: Ruleset, contents: KernelContents): string =>
  [
    "# Written by steelyard. Changes made by hand are overwritten.",
    ...TABLES.flatMap((family) => [
      ...formatClearing(family, ruleset[family], contents[family]),
      ...formatTable(family, ruleset[family], contents[family]),
    ]),
    "",
  ].join("\n");

/** The nft file that loads `ruleset` from nothing, and away with whatever has our names. */
export const renderRuleset = (ruleset: Ruleset): string =>
  [
    "# Written by steelyard. Changes made by hand are overwritten.",
    ...TABLES.flatMap((family) => [
      `table ${family} ${TABLE_NAME}`,
      `delete table ${family} ${TABLE_NAME}`,
      ...formatTable(family, ruleset[family], undefined),
    ]),
    "",
  ].join("\n");

/** The nft file that removes everything of ours, whether it is there or not. */
export const REMOVAL = TABLES.flatMap((family) => [
  `table ${family} ${TABLE_NAME}`,
  `delete table ${family} ${TABLE_NAME}`,
  "",
]).join("\n");
