/** Keeps lists of links once, of which thousands of addresses have the same. */

/** Lists that are remembered, so that others like them become the same; whoever has one keeps it anyway. */
const MOST = 256;

export class LinkLists<Item> {
  readonly #indexOf: (item: Item) => number;
  readonly #listByIndexes = new Map<string, readonly Item[]>();

  constructor(indexOf: (item: Item) => number) {
    this.#indexOf = indexOf;
  }

  /** A list of the same links in the same order. */
  share(list: readonly Item[]): readonly Item[] {
    const indexes = list.map(this.#indexOf).join(" ");
    const known = this.#listByIndexes.get(indexes);
    if (known !== undefined) return known;
    if (this.#listByIndexes.size === MOST) this.#listByIndexes.clear();
    this.#listByIndexes.set(indexes, list);
    return list;
  }

  /** Links are others from now on, though they may have the same numbers. */
  clear(): void {
    this.#listByIndexes.clear();
  }
}
