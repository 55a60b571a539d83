/**
 * A large ruleset in three steps, for when nothing of ours is in the kernel: first everything but elements, then the
 * elements of rings and numbers, set by set, and last those that lead packets to servers. Until the last step no
 * packet comes near any of it, so the steps need not be one transaction; and no program has to hold millions of
 * elements in memory at once, for which nft takes more than a kilobyte each.
 */
import type { SetChange } from "./delta.ts";
import { type Ruleset, type SetElement, TABLES, type TableRuleset } from "./ruleset.ts";

export type Filling = {
  /** The ruleset without any element. */
  readonly frame: Ruleset;
  /** What goes into sets that no packet is led to yet, one set after the other, made as it is asked for. */
  readonly contents: Iterable<SetChange>;
  /** With the elements alone by which packets find servers. */
  readonly entrances: Ruleset;
};

const isEntrance = (elements: readonly SetElement[]): boolean => elements[0]?.key.type !== "number";

const withElements = (ruleset: Ruleset, change: (table: TableRuleset) => Partial<TableRuleset>): Ruleset => ({
  inet: { ...ruleset.inet, ...change(ruleset.inet) },
  netdev: { ...ruleset.netdev, ...change(ruleset.netdev) },
});

function* contentsOf(ruleset: Ruleset): Generator<SetChange> {
  for (const family of TABLES) {
    for (const [set, make] of ruleset[family].elementsBySet) {
      const add = make();
      if (add.length > 0 && !isEntrance(add)) yield { family, set, remove: [], add };
    }
  }
}

/** The steps to a whole ruleset. */
export const fillingOf = (ruleset: Ruleset): Filling => ({
  frame: withElements(ruleset, () => ({ elementsBySet: new Map() })),
  contents: contentsOf(ruleset),
  entrances: withElements(ruleset, ({ elementsBySet }) => ({
    elementsBySet: new Map([...elementsBySet].filter(([, make]) => isEntrance(make()))),
  })),
});
