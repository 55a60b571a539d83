/**
 * What this node was told of the cluster: by an agent, by the next one after it, or by what an earlier run left on disk.
 *
 * An agent that has just started tells everything again. What is told a second time changes nothing, and what the new agent
 * does not tell any more is gone once it says that this was all.
 */
import type { IpAddress } from "#base/address";
import { SharedLists } from "#core/layer2/shared-lists";
import type { MemberWord, PlacementWord } from "../fast/desired.ts";
import { isSameWord } from "../words.ts";

/** What follows from what was told. */
export type Changes = { readonly changed: readonly PlacementWord[]; readonly removed: readonly IpAddress[] };

export class Knowledge {
  readonly #knownByAddress = new Map<IpAddress, PlacementWord>();
  readonly #lists = new SharedLists();
  /** Told of since the agent's first word, until it says that this was all. */
  readonly #told = new Set<IpAddress>();
  #isTelling = true;
  #members: readonly MemberWord[] | undefined;
  #membersText = "";

  /** `undefined` before anybody told. */
  get members(): readonly MemberWord[] | undefined {
    return this.#members;
  }

  /** All addresses, in the order in which they became known. */
  placements(): Iterable<PlacementWord> {
    return this.#knownByAddress.values();
  }

  /** A new agent begins to tell. */
  begin(): void {
    this.#isTelling = true;
    this.#told.clear();
  }

  /** The members are these; gives whether they were others before. */
  setMembers(members: readonly MemberWord[]): boolean {
    const text = JSON.stringify(members);
    if (text === this.#membersText) return false;
    this.#members = members;
    this.#membersText = text;
    return true;
  }

  /** Takes a part of the agent's placements; gives what is new in it. */
  place({ changed, removed }: Changes): Changes {
    if (this.#isTelling) {
      for (const { address } of changed) this.#told.add(address);
      for (const address of removed) this.#told.delete(address);
    }
    return {
      changed: this.#note(changed),
      removed: removed.filter((address) => this.#knownByAddress.delete(address)),
    };
  }

  /** Takes placements from disk; gives those of which nothing was known. */
  recall(placements: readonly PlacementWord[]): Changes {
    const unknown = placements.filter(({ address }) => !this.#knownByAddress.has(address));
    return { changed: this.#note(unknown), removed: [] };
  }

  /** The agent has told everything; gives what was known besides. */
  end(): readonly IpAddress[] {
    const others = [...this.#knownByAddress.keys()].filter((address) => !this.#told.has(address));
    for (const address of others) this.#knownByAddress.delete(address);
    this.#isTelling = false;
    this.#told.clear();
    return others;
  }

  /** Keeps what is new; gives it as it is kept. */
  #note(placements: readonly PlacementWord[]): readonly PlacementWord[] {
    const news: PlacementWord[] = [];
    for (const placement of placements) {
      const before = this.#knownByAddress.get(placement.address);
      if (before !== undefined && isSameWord(before, placement)) continue;
      const { address, candidates, interfaces } = placement;
      const kept: PlacementWord = {
        address,
        candidates: this.#lists.share(candidates),
        interfaces: interfaces === "all" ? interfaces : this.#lists.share(interfaces),
      };
      this.#knownByAddress.set(placement.address, kept);
      news.push(kept);
    }
    return news;
  }
}
