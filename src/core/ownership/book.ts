/** The entries of all addresses, and what finds those that an event concerns. */
import type { IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import { Deadlines } from "./deadlines.ts";
import { isHeld } from "./machine.ts";
import type { Entry } from "./state.ts";

/** All entries of a node, by what they depend on. */
export class Book {
  readonly #entryByAddress = new Map<IpAddress, Entry>();
  readonly #deadlines = new Deadlines<IpAddress>();
  readonly #addressesByBlocker = new Map<string, Set<IpAddress>>();
  readonly #held = new Set<IpAddress>();
  readonly #wanted = new Set<IpAddress>();
  readonly #deadlineOf: (entry: Entry) => Instant | undefined;

  constructor(deadlineOf: (entry: Entry) => Instant | undefined) {
    this.#deadlineOf = deadlineOf;
  }

  get(address: IpAddress): Entry | undefined {
    return this.#entryByAddress.get(address);
  }

  all(): Iterable<Entry> {
    return this.#entryByAddress.values();
  }

  /** Whether the address is answered for. */
  holds(address: IpAddress): boolean {
    return this.#held.has(address);
  }

  /** Addresses that are answered for. */
  get held(): ReadonlySet<IpAddress> {
    return this.#held;
  }

  /** Addresses that are being claimed, or would be if something of this node's own were different. */
  get wanted(): ReadonlySet<IpAddress> {
    return this.#wanted;
  }

  /** Addresses that wait for a change of this node's standing. */
  blockedBy(node: string): ReadonlySet<IpAddress> {
    return this.#addressesByBlocker.get(node) ?? new Set();
  }

  /** Entries as they are when it is their turn; what is kept meanwhile does not disturb. */
  *each(addresses: Iterable<IpAddress>): Generator<Entry> {
    for (const address of [...addresses]) {
      const entry = this.#entryByAddress.get(address);
      if (entry !== undefined) yield entry;
    }
  }

  /** Keeps an entry in the place of what was there. */
  keep(entry: Entry): void {
    const { address, state } = entry;
    const before = this.#entryByAddress.get(address);
    if (entry !== before) {
      if (before !== undefined) this.#leaveIndexes(before);
      this.#entryByAddress.set(address, entry);
      if (isHeld(entry)) this.#held.add(address);
      if (state.name === "claiming" || (state.name === "standby" && state.isFirst)) this.#wanted.add(address);
      if (state.name === "standby") for (const node of state.waitsFor) this.#block(address, node);
    }
    this.#deadlines.set(address, this.#deadlineOf(entry));
  }

  /** Forgets an address. */
  remove(address: IpAddress): void {
    const entry = this.#entryByAddress.get(address);
    if (entry === undefined) return;
    this.#leaveIndexes(entry);
    this.#entryByAddress.delete(address);
    this.#deadlines.set(address, undefined);
  }

  /** When the next entry is due. */
  nextDue(): Instant | undefined {
    return this.#deadlines.next();
  }

  /** The addresses that are due, so many at most; each must be kept again. */
  takeDue(now: Instant, most: number): readonly IpAddress[] {
    return this.#deadlines.takeDue(now, most);
  }

  #block(address: IpAddress, node: string): void {
    const addresses = this.#addressesByBlocker.get(node);
    if (addresses === undefined) this.#addressesByBlocker.set(node, new Set([address]));
    else addresses.add(address);
  }

  #leaveIndexes({ address, state }: Entry): void {
    this.#held.delete(address);
    this.#wanted.delete(address);
    if (state.name !== "standby") return;
    for (const node of state.waitsFor) {
      const addresses = this.#addressesByBlocker.get(node);
      addresses?.delete(address);
      if (addresses?.size === 0) this.#addressesByBlocker.delete(node);
    }
  }
}
