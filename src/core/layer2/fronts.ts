/** The nodes that the even spread puts first for each address. */
import type { IpAddress } from "#base/address";
import type { Candidate } from "./candidate.ts";
import type { AddressEntry } from "./entry.ts";
import type { Holders } from "./holders.ts";
import type { Orderer } from "./order.ts";
import { type Leader, spreadLeaders } from "./spreading.ts";

const NONE: readonly string[] = [];

export class Fronts {
  readonly #addresses: ReadonlyMap<IpAddress, AddressEntry>;
  readonly #orderer: Orderer;
  #byLead: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(addresses: ReadonlyMap<IpAddress, AddressEntry>, orderer: Orderer) {
    this.#addresses = addresses;
    this.#orderer = orderer;
  }

  /** Puts nobody first. */
  clear(): void {
    this.#byLead = new Map();
  }

  /** Spreads all addresses anew. */
  spread(slack: number, holders: Holders): void {
    const leaders: Leader[] = [];
    for (const { address, claim } of this.#addresses.values()) {
      if (claim === undefined || claim.lead !== address) continue;
      this.#orderer.effort.steps += 1;
      leaders.push({ lead: address, ranking: claim.ranking, recorded: holders.of(claim.services) });
    }
    this.#byLead = spreadLeaders(leaders, slack, this.#orderer);
  }

  /** The nodes that come first for an address, or for the one that it is spread with. */
  of({ address, claim }: AddressEntry): readonly string[] {
    const lead = claim?.lead ?? address;
    return this.#byLead.get(this.#addresses.get(lead)?.claim?.lead ?? lead) ?? NONE;
  }

  /** Those of them that may answer for the address. */
  candidates(entry: AddressEntry): readonly Candidate[] {
    const { claim } = entry;
    if (claim === undefined) return [];
    const { first, set } = claim.ranking;
    return this.of(entry).flatMap(
      (node) =>
        first.find((candidate) => candidate.node === node) ??
        set.candidates.find((candidate) => candidate.node === node) ??
        [],
    );
  }
}
