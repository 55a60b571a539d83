/** The machine: what is observed goes in, what must be written comes out. */
import type { IpAddress } from "#base/address";
import { decide, keptAddresses } from "#core/ipam/decide";
import type { Current } from "#core/ipam/keep";
import { type AddressHolders, Ledger, type PoolCounts } from "#core/ipam/ledger";
import { MinimumSet } from "#core/ipam/minimum-set";
import type { IpamConfig } from "#core/ipam/pool";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import {
  currentOf,
  type Entry,
  forgetFlight,
  isAsWeLeftIt,
  leavingOf,
  newEntry,
  noteGiven,
  noteVersion,
  remainsOf,
} from "./entry.ts";
import { type Explanation, explain } from "./explain.ts";
import { type Cause, Outbox } from "./outbox.ts";
import type { Outcome } from "./outcome.ts";
import { keyAt, type Place, placeOf, smaller, Waiting } from "./waiting.ts";
import { hasMarks, NOTHING, sameCondition, writeFor } from "./wanted.ts";
import { conditionOf, eventsOf } from "./words.ts";

export type AllocationOptions = {
  /** The `loadBalancerClass` of the Services that are ours; `undefined`: those without a class. */
  readonly lbClass: string | undefined;
};

const placeIn = ({ key, service }: Entry): Place => placeOf(key, service);

const inOrder = (entries: Iterable<Entry>): readonly Entry[] =>
  [...entries]
    .map((entry) => ({ entry, place: placeIn(entry) }))
    .sort((left, right) => (left.place < right.place ? -1 : 1))
    .map(({ entry }) => entry);

/** Whether two versions are of the same Service, and not of one and another of its name. */
const isSameObject = (left: Service, right: Service): boolean =>
  left.meta.uid === right.meta.uid && left.meta.createdAt === right.meta.createdAt;

/** Decides for all Services. See the folder's `index.ts` for the rules that its caller keeps. */
export class Allocation {
  readonly #lbClass: string | undefined;
  readonly #entries = new Map<ObjectKey, Entry>();
  #ledger: Ledger | undefined;
  #waiting = new Waiting();
  readonly #outbox = new Outbox();
  #isSynced = false;

  constructor({ lbClass }: AllocationOptions) {
    this.#lbClass = lbClass;
  }

  /** Puts a configuration in force, in place of the one before. */
  configure(config: IpamConfig): readonly Outcome[] {
    this.#ledger = new Ledger(config);
    return this.#isSynced ? this.#decideAll(this.#ledger) : [];
  }

  /** Says that every Service has been observed. */
  synced(): readonly Outcome[] {
    if (this.#isSynced) return [];
    this.#isSynced = true;
    return this.#ledger === undefined ? [] : this.#decideAll(this.#ledger);
  }

  /** Takes note of a Service as it is now and decides about it. */
  observe(service: Service): readonly Outcome[] {
    const entry = this.#note(service);
    const ledger = this.#ready;
    if (ledger === undefined) return [];
    this.#settle(ledger, entry, "observed");
    return this.#finish(ledger);
  }

  /** Takes note that a Service is gone. */
  forget(key: ObjectKey): readonly Outcome[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    this.#drop(entry);
    return this.#ready === undefined ? [] : this.#finish(this.#ready);
  }

  /**
   * Takes note that none of the writes asked for on the version observed last can land any more: it was never sent, or was
   * refused for another reason than a conflict, or a read after its deadline found the same version still.
   */
  unwritten(key: ObjectKey): readonly Outcome[] {
    const entry = this.#entries.get(key);
    const ledger = this.#ready;
    if (entry === undefined || ledger === undefined) return [];
    forgetFlight(entry);
    entry.leaving = this.#isOurs(entry.service) ? leavingOf(entry) : remainsOf(entry);
    ledger.setLeaving(key, entry.leaving);
    return this.#finish(ledger);
  }

  /** Why a Service has what it has, decided once more without consequences; `undefined` for one that is not known. */
  explain(key: ObjectKey): Explanation | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    return explain(entry, { ledger: this.#ready, isOurs: this.#isOurs(entry.service) });
  }

  /** Counts of each pool, by name; none before there is a configuration. */
  pools(): readonly PoolCounts[] {
    return this.#ledger?.counts() ?? [];
  }

  /** How many Services hold an address, and how many an address of each pool. */
  holderCounts(): { readonly all: number; readonly byPool: ReadonlyMap<string, number> } {
    return { all: this.#ledger?.holderCount ?? 0, byPool: this.#ledger?.holderCounts() ?? new Map() };
  }

  /** Which Services hold which addresses. */
  holders(): readonly AddressHolders[] {
    return this.#ledger?.holders() ?? [];
  }

  /** The ledger, once decisions may be made. */
  get #ready(): Ledger | undefined {
    return this.#isSynced ? this.#ledger : undefined;
  }

  #isOurs({ type, loadBalancerClass }: Service): boolean {
    return type === "LoadBalancer" && loadBalancerClass === this.#lbClass;
  }

  #note(service: Service): Entry {
    const key = objectKey(service.meta);
    const known = this.#entries.get(key);
    if (known !== undefined && isSameObject(known.service, service)) {
      noteVersion(known, service);
      return known;
    }
    // The one before is gone, although nobody said so.
    if (known !== undefined) this.#drop(known);
    const entry = newEntry(service);
    this.#entries.set(entry.key, entry);
    return entry;
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#waiting.delete(placeIn(entry));
    this.#ledger?.release(entry.key);
    this.#ledger?.setLeaving(entry.key, []);
  }

  /**
   * Decides about everything: first every Service that may keep its addresses gets them, and no address that a status
   * lists can be given to others; only then are addresses given.
   */
  #decideAll(ledger: Ledger): readonly Outcome[] {
    this.#waiting = new Waiting();
    const entries = inOrder(this.#entries.values());
    const having: (readonly [Entry, Current])[] = [];
    const others: Entry[] = [];
    for (const entry of entries) {
      const { service, claim } = entry;
      if (!this.#isOurs(service)) {
        ledger.setLeaving(entry.key, remainsOf(entry));
        others.push(entry);
        continue;
      }
      const current = currentOf(entry);
      if (current.addresses.length > 0) having.push([entry, current]);
      else others.push(entry);
      this.#give(ledger, entry, keptAddresses(ledger, { service, claim, current }));
    }
    for (const [entry, current] of having) this.#decideOurs(ledger, entry, { cause: "again", current });
    for (const entry of others) this.#settle(ledger, entry, "again");
    return this.#finish(ledger);
  }

  #give(ledger: Ledger, entry: Entry, addresses: readonly IpAddress[]): void {
    noteGiven(entry, addresses);
    ledger.assign(entry.claim, entry.has);
    ledger.setLeaving(entry.key, entry.leaving);
  }

  #settle(ledger: Ledger, entry: Entry, cause: Cause): void {
    if (this.#isOurs(entry.service)) this.#decideOurs(ledger, entry, { cause, current: currentOf(entry) });
    else this.#clear(ledger, entry, cause);
  }

  #decideOurs(ledger: Ledger, entry: Entry, { cause, current }: { cause: Cause; current: Current }): void {
    const { service, claim } = entry;
    if (service.meta.isDeleting && current.addresses.length === 0) {
      this.#give(ledger, entry, []);
      this.#waiting.delete(placeIn(entry));
      return;
    }
    const decision = decide(ledger, { service, claim, current });
    const isAllocated = decision.outcome === "allocated";
    entry.wasOurs = true;
    this.#give(ledger, entry, isAllocated ? decision.addresses : []);
    this.#waiting.set(placeIn(entry), claim, decision.waits);
    const condition = conditionOf(decision);
    const isTold = sameCondition(entry.told, condition);
    const events = isTold ? [] : eventsOf(service, decision);
    if (!isTold) entry.told = condition;
    const pool = isAllocated ? decision.pool : undefined;
    this.#outbox.post(entry, { addresses: entry.has, pool, condition }, { decision, events, cause });
  }

  /** Takes back what we gave to a Service that is not ours any more, as far as it still shows. */
  #clear(ledger: Ledger, entry: Entry, cause: Cause): void {
    const { service } = entry;
    entry.leaving = remainsOf(entry);
    entry.has = [];
    this.#waiting.delete(placeIn(entry));
    ledger.release(entry.key);
    ledger.setLeaving(entry.key, entry.leaving);
    const isMarked = service.type !== "LoadBalancer" && this.#lbClass === undefined && hasMarks(service);
    const isOfOthers = service.type === "LoadBalancer" && !isAsWeLeftIt(entry);
    if (isOfOthers || (!entry.wasOurs && !isMarked) || writeFor(service, NOTHING) === undefined) {
      entry.wasOurs = false;
      entry.told = undefined;
      return;
    }
    this.#outbox.post(entry, NOTHING, { decision: undefined, events: [], cause });
  }

  /**
   * Lets those who wait have what became free, and hands over what follows from the call. Who waits for one address is
   * asked whenever something changes about it, since what it is told may name the holder.
   */
  #finish(ledger: Ledger): readonly Outcome[] {
    const pools = new Set<string>();
    const asked = new Set<Place>();
    const concerned = new MinimumSet<Place>();
    for (;;) {
      for (const { address, pool, isFreed } of ledger.drainTouched()) {
        if (isFreed) pools.add(pool);
        for (const place of this.#waiting.at(address)) concerned.add(place);
      }
      const place = smaller(this.#waiting.next(ledger, pools, asked), concerned.first());
      const entry = place === undefined ? undefined : this.#entryAt(place);
      if (place === undefined || entry === undefined) break;
      asked.add(place);
      concerned.delete(place);
      this.#settle(ledger, entry, "again");
    }
    return this.#outbox.empty();
  }

  #entryAt(place: Place): Entry | undefined {
    return this.#entries.get(keyAt(place));
  }
}

/** A machine that knows nothing yet. */
export const createAllocation = (options: AllocationOptions): Allocation => new Allocation(options);
