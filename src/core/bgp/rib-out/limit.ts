/** The upper bound of the routes that one peer is told, and which of them are within. */
import type { PrefixKey } from "./prefix-key.ts";

/** So many changes are put into the order one by one; with more, it is made anew. */
const FEW = 32;

/** The first place in a sorted list that does not come before `key`. */
const placeOf = (sorted: readonly PrefixKey[], key: PrefixKey): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? key) < key) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * Admits the routes that come first in the order of their keys, so that it depends on the routes alone which are left out, and not
 * on what came when. Costs nothing while there are no more than are allowed.
 */
export class Limit {
  #most: number;
  /** Whoever is greater is left out; `undefined` admits all. */
  #boundary: PrefixKey | undefined;
  /** All keys, while there are too many. */
  #sorted: PrefixKey[] | undefined;
  #notes: { readonly key: PrefixKey; readonly what: "came" | "went" }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get most(): number {
    return this.#most;
  }

  set most(most: number) {
    this.#most = most;
  }

  admits(key: PrefixKey): boolean {
    return this.#boundary === undefined || key <= this.#boundary;
  }

  /** Takes note of a key that came or went. */
  note(key: PrefixKey, what: "came" | "went"): void {
    if (this.#sorted !== undefined && this.#notes.length <= FEW) this.#notes.push({ key, what });
  }

  /** How many of the keys of both families are admitted, by family, if there are so many: IPv4 comes first. */
  shares({ IPv4, IPv6 }: { readonly IPv4: number; readonly IPv6: number }): {
    readonly IPv4: number;
    readonly IPv6: number;
  } {
    const first = Math.min(IPv4, this.#most);
    return { IPv4: first, IPv6: Math.min(IPv6, this.#most - first) };
  }

  /**
   * Where the boundary must be with these keys, and the keys that are admitted then and were not, or the other way round. `move` puts
   * it there.
   */
  plan(keys: ReadonlyMap<PrefixKey, unknown>): {
    readonly crossed: readonly PrefixKey[];
    readonly move: () => void;
  } {
    const before = this.#boundary;
    if (keys.size <= this.#most && before === undefined) return { crossed: [], move: () => undefined };
    const sorted = this.#renewed(keys);
    const isOver = sorted.length > this.#most;
    const after = isOver ? (sorted[this.#most - 1] ?? ("" as PrefixKey)) : undefined;
    const places = [before, after].map((key) =>
      key === undefined
        ? sorted.length
        : placeOf(sorted, key) + (sorted[placeOf(sorted, key)] === key ? 1 : 0),
    );
    this.#sorted = isOver ? sorted : undefined;
    return {
      crossed: sorted.slice(Math.min(...places), Math.max(...places)),
      move: () => {
        this.#boundary = after;
      },
    };
  }

  #renewed(keys: ReadonlyMap<PrefixKey, unknown>): PrefixKey[] {
    const notes = this.#notes;
    this.#notes = [];
    const sorted = this.#sorted;
    if (sorted === undefined || notes.length > FEW) return [...keys.keys()].sort();
    for (const { key, what } of notes) {
      const place = placeOf(sorted, key);
      if (what === "went") sorted.splice(place, 1);
      else sorted.splice(place, 0, key);
    }
    return sorted;
  }
}
