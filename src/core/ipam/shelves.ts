/** The addresses of one space that more Services could share, by key and by the ports in use. */
import type { Claim } from "./claim.ts";
import { type Holding, sharingRefusal } from "./holding.ts";
import { type Effort, MinimumSet } from "./minimum-set.ts";

/** Addresses with the same keys and the same ports in use: what is true of one of them is true of all. */
type Shelf = Map<number, MinimumSet<bigint>>;

const keyOf = ({ sharingKey, backendKey }: Pick<Claim, "sharingKey" | "backendKey">): string =>
  `${sharingKey.length} ${sharingKey}${backendKey}`;

/**
 * Addresses are put together by a sum over their ports, so a search looks at one address for each different set of ports
 * that Services with this key use, however many they are. Were two sets to have the same sum, a later address could be
 * chosen than necessary, never a wrong one: the rule itself is asked before an address is given.
 */
export class Shelves {
  readonly #shelves = new Map<string, Shelf>();
  readonly #effort: Effort;

  constructor(effort: Effort) {
    this.#effort = effort;
  }

  add(holding: Holding): void {
    const key = keyOf(holding);
    const shelf = this.#shelves.get(key) ?? new Map<number, MinimumSet<bigint>>();
    this.#shelves.set(key, shelf);
    const positions = shelf.get(holding.portSum) ?? new MinimumSet<bigint>(this.#effort);
    shelf.set(holding.portSum, positions);
    positions.add(holding.position);
  }

  remove(holding: Holding): void {
    const key = keyOf(holding);
    const shelf = this.#shelves.get(key);
    const positions = shelf?.get(holding.portSum);
    if (shelf === undefined || positions === undefined) return;
    positions.delete(holding.position);
    if (positions.size === 0) shelf.delete(holding.portSum);
    if (shelf.size === 0) this.#shelves.delete(key);
  }

  /** The smallest position at which the claim may join the holders. */
  first(claim: Claim, holdingAt: (position: bigint) => Holding | undefined): bigint | undefined {
    let smallest: bigint | undefined;
    for (const positions of this.#shelves.get(keyOf(claim))?.values() ?? []) {
      this.#effort.steps += 1;
      const position = positions.first();
      if (position === undefined || (smallest !== undefined && smallest <= position)) continue;
      const holding = holdingAt(position);
      if (holding !== undefined && sharingRefusal(holding, claim) === undefined) smallest = position;
    }
    return smallest;
  }
}
