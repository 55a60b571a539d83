/** The entries of all addresses, and what finds those that an event concerns. */
import type { IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import { Deadlines } from "./deadlines.ts";
import { isHeld } from "./machine.ts";
import type { Entry } from "./state.ts";

const NOBODY: readonly string[] = [];

const blockersOf = ({ state }: Entry): readonly string[] =>
  state.name === "standby" ? state.waitsFor : NOBODY;

const isWanted = ({ state }: Entry): boolean =>
  state.name === "claiming" || (state.name === "standby" && state.isFirst);

const put = (set: Set<IpAddress>, address: IpAddress, isIn: boolean): void => {
  if (isIn) set.add(address);
  else set.delete(address);
};

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
    const { address } = entry;
    const before = this.#entryByAddress.get(address);
    if (entry !== before) {
      this.#entryByAddress.set(address, entry);
      // Most of what thousands of addresses think anew when a node comes or goes leaves them where they are.
      if (before?.state !== entry.state) this.#index(before, entry);
    }
    this.#deadlines.set(address, this.#deadlineOf(entry));
  }

  /** Forgets an address. */
  remove(address: IpAddress): void {
    const entry = this.#entryByAddress.get(address);
    if (entry === undefined) return;
    this.#held.delete(address);
    this.#wanted.delete(address);
    for (const node of blockersOf(entry)) this.#unblock(address, node);
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

  #index(before: Entry | undefined, entry: Entry): void {
    const { address } = entry;
    put(this.#held, address, isHeld(entry));
    put(this.#wanted, address, isWanted(entry));
    const [old, now] = [before === undefined ? NOBODY : blockersOf(before), blockersOf(entry)];
    for (const node of old) if (!now.includes(node)) this.#unblock(address, node);
    for (const node of now) if (!old.includes(node)) this.#block(address, node);
  }

  #block(address: IpAddress, node: string): void {
    const addresses = this.#addressesByBlocker.get(node);
    if (addresses === undefined) this.#addressesByBlocker.set(node, new Set([address]));
    else addresses.add(address);
  }

  #unblock(address: IpAddress, node: string): void {
    const addresses = this.#addressesByBlocker.get(node);
    addresses?.delete(address);
    if (addresses?.size === 0) this.#addressesByBlocker.delete(node);
  }
}
