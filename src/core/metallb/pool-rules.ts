/** What is checked of pools, and what they become. */
import type { IpFamily } from "#base/address";
import { error, type Finding, show, warning } from "#core/config/problem";
import { formatBlock, sizeOf } from "#core/ipam/block";
import type { AddressBlock, AddressPool, PoolAdmission } from "#core/ipam/pool";
import type { TextMap } from "#core/kubernetes/meta";
import { matchesAny } from "#core/kubernetes/selector";
import { type ObjectProblem, type Placed, problemIn } from "./problem.ts";
import type { PoolSpec } from "./schema-pool.ts";
import { repeatedNames, selectorFindings, selectorsOf } from "./selector-rules.ts";

/** Labels of each namespace, by its name. */
export type Namespaces = ReadonlyMap<string, TextMap>;

/** What is wrong with a pool by itself, its own overlaps excepted. */
export const poolFindings = (spec: PoolSpec): readonly Finding[] => {
  const allocation = spec.serviceAllocation;
  return [
    ...(spec.addresses.length === 0
      ? [error(["spec", "addresses"], "is empty", "Give at least one prefix or range.")]
      : []),
    ...repeatedNames(["spec", "serviceAllocation", "namespaces"], allocation?.namespaces),
    ...selectorFindings(["spec", "serviceAllocation", "namespaceSelectors"], allocation?.namespaceSelectors),
    ...selectorFindings(["spec", "serviceAllocation", "serviceSelectors"], allocation?.serviceSelectors),
  ];
};

const admissionOf = ({ serviceAllocation }: PoolSpec, namespaces: Namespaces): PoolAdmission | undefined => {
  if (serviceAllocation === undefined) return undefined;
  const { priority = 0, namespaces: named = [], namespaceSelectors = [] } = serviceAllocation;
  const selectors = selectorsOf(namespaceSelectors);
  const selected = [...namespaces]
    .filter(([, labels]) => matchesAny(selectors, labels))
    .map(([name]) => name);
  const isLimited = named.length > 0 || selectors.length > 0;
  return {
    priority,
    namespaces: isLimited ? new Set([...named, ...selected]) : undefined,
    serviceSelectors: selectorsOf(serviceAllocation.serviceSelectors),
  };
};

/** The pool that a checked spec describes. */
export const poolOf = ({ place, spec }: Placed<PoolSpec>, namespaces: Namespaces): AddressPool => ({
  name: place.name,
  blocks: spec.addresses.flatMap(({ blocks }) => blocks),
  autoAssign: spec.autoAssign,
  avoidBuggyIps: spec.avoidBuggyIPs,
  admission: admissionOf(spec, namespaces),
});

/** A warning for a pool whose selectors match no namespace, so that it admits no Service. */
export const admissionFindings = (spec: PoolSpec, namespaces: Namespaces): readonly Finding[] => {
  if (admissionOf(spec, namespaces)?.namespaces?.size !== 0) return [];
  const path = ["spec", "serviceAllocation", "namespaceSelectors"];
  return [warning(path, "match no namespace, so no Service may draw from the pool", "Label a namespace.")];
};

/** A block, and where it was written. */
type PlacedBlock = {
  readonly block: AddressBlock;
  readonly pool: Placed<PoolSpec>;
  readonly entry: number;
  /** Position among all blocks, in the order of the pools. */
  readonly order: number;
};

const blocksOf = (pools: readonly Placed<PoolSpec>[]): readonly PlacedBlock[] => {
  let order = 0;
  return pools.flatMap((pool) =>
    pool.spec.addresses.flatMap(({ blocks }, entry) =>
      blocks.map((block) => ({ block, pool, entry, order: order++ })),
    ),
  );
};

const byAddress = (left: PlacedBlock, right: PlacedBlock): number => {
  if (left.block.family !== right.block.family) return left.block.family < right.block.family ? -1 : 1;
  if (left.block.first !== right.block.first) return left.block.first < right.block.first ? -1 : 1;
  return left.order - right.order;
};

const overlapOf = (one: PlacedBlock, other: PlacedBlock): ObjectProblem => {
  const [earlier, later] = one.order < other.order ? [one, other] : [other, one];
  const whose = earlier.pool === later.pool ? "of the same pool" : `of pool ${show(earlier.pool.place.name)}`;
  const finding = error(
    ["spec", "addresses", later.entry],
    `${formatBlock(later.block)} overlaps with ${formatBlock(earlier.block)} ${whose}`,
    "Give each address to one pool, once.",
  );
  return problemIn(later.pool.place, finding);
};

/**
 * An error for each block that shares addresses with one that begins before it, inside a pool or between pools.
 *
 * Sorting takes longest: n log n for n blocks. Told of the later one in the order of the pools.
 */
export const overlapProblems = (pools: readonly Placed<PoolSpec>[]): readonly ObjectProblem[] => {
  const sorted = blocksOf(pools).toSorted(byAddress);
  const problems: ObjectProblem[] = [];
  let furthest: PlacedBlock | undefined;
  for (const each of sorted) {
    if (furthest === undefined || furthest.block.family !== each.block.family) {
      furthest = each;
      continue;
    }
    if (each.block.first <= furthest.block.last) problems.push(overlapOf(furthest, each));
    if (each.block.last > furthest.block.last) furthest = each;
  }
  return problems;
};

const BITS: Readonly<Record<IpFamily, number>> = { IPv4: 32, IPv6: 128 };

/** The length of the widest prefix that lies in a block. */
const widestPrefix = (block: AddressBlock): number => {
  const bits = BITS[block.family];
  for (let host = sizeOf(block).toString(2).length - 1; host > 0; host -= 1) {
    const size = 1n << BigInt(host);
    const start = ((block.first + size - 1n) / size) * size;
    if (start + size - 1n <= block.last) return bits - host;
  }
  return bits;
};

/** The entry of a pool that limits how short an announced prefix may be. */
export type Narrowest = { readonly text: string; readonly length: number };

/** For each family that a pool has: the entry whose widest prefix is the longest. */
export const narrowestEntries = (spec: PoolSpec): ReadonlyMap<IpFamily, Narrowest> => {
  const found = new Map<IpFamily, Narrowest>();
  for (const { text, blocks } of spec.addresses) {
    for (const block of blocks) {
      const length = widestPrefix(block);
      const before = found.get(block.family);
      if (before === undefined || length > before.length) found.set(block.family, { text, length });
    }
  }
  return found;
};
