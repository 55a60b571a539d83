/** Services that wait for an address, or for one of the family that they lack, and who of them is next when one becomes free. */
import type { IpAddress, IpFamily } from "#base/address";
import type { Claim } from "#core/ipam/claim";
import type { Ledger } from "#core/ipam/ledger";
import { MinimumSet } from "#core/ipam/minimum-set";
import type { Need } from "#core/ipam/need";
import type { Waits } from "#core/ipam/refusal";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";

/** Where a Service stands in the queue: smaller texts come first. */
export type Place = string;

/** The order among Services: the older first, then by key. */
export const placeOf = (key: ObjectKey, { meta }: Pick<Service, "meta">): Place =>
  `${String(meta.createdAt).padStart(12, "0")} ${key}`;

/** The key of the Service that stands at a place. */
export const keyAt = (place: Place): ObjectKey => place.slice(place.indexOf(" ") + 1) as ObjectKey;

/** Services that wait for the same pool and families on the same terms: what serves one of them serves all. */
type Queue = {
  readonly need: Need;
  /** Of any of them. */
  readonly claim: Claim;
  readonly places: MinimumSet<Place>;
};

const queueKey = ({ sharingKey, backendKey, ports }: Claim, { families, oneWillDo }: Need): string => {
  // Who shares with nobody needs a free address, whatever the ports.
  const terms = sharingKey === "" ? [] : [sharingKey, backendKey, ...ports.toSorted()];
  return JSON.stringify([families, oneWillDo, terms]);
};

const canServe = (ledger: Ledger, pool: string, { need, claim }: { need: Need; claim: Claim }): boolean => {
  const has = (family: IpFamily): boolean => ledger.first(pool, family, claim) !== undefined;
  return need.oneWillDo ? need.families.some(has) : need.families.every(has);
};

/** The smaller of two places. */
export const smaller = (left: Place | undefined, right: Place | undefined): Place | undefined =>
  left === undefined || (right !== undefined && right < left) ? right : left;

export class Waiting {
  readonly #byAddress = new Map<IpAddress, Set<Place>>();
  readonly #byPool = new Map<string, Map<string, Queue>>();
  readonly #waits = new Map<Place, { readonly claim: Claim; readonly waits: Waits }>();

  /** Notes what a Service waits for, instead of what it waited for before. */
  set(place: Place, claim: Claim, waits: Waits): void {
    this.delete(place);
    if (waits.addresses.length === 0 && waits.pools.length === 0) return;
    this.#waits.set(place, { claim, waits });
    for (const address of waits.addresses) {
      const waiting = this.#byAddress.get(address) ?? new Set<Place>();
      this.#byAddress.set(address, waiting.add(place));
    }
    for (const { pool, need } of waits.pools) this.#queue(pool, { claim, need }, place);
  }

  #queue(pool: string, { claim, need }: { claim: Claim; need: Need }, place: Place): void {
    const queues = this.#byPool.get(pool) ?? new Map<string, Queue>();
    this.#byPool.set(pool, queues);
    const key = queueKey(claim, need);
    const queue = queues.get(key) ?? { need, claim, places: new MinimumSet<Place>() };
    queues.set(key, queue);
    queue.places.add(place);
  }

  delete(place: Place): void {
    const known = this.#waits.get(place);
    if (known === undefined) return;
    this.#waits.delete(place);
    for (const address of known.waits.addresses) {
      const waiting = this.#byAddress.get(address);
      waiting?.delete(place);
      if (waiting?.size === 0) this.#byAddress.delete(address);
    }
    for (const { pool, need } of known.waits.pools) {
      const queues = this.#byPool.get(pool);
      const key = queueKey(known.claim, need);
      const queue = queues?.get(key);
      queue?.places.delete(place);
      if (queue?.places.size === 0) queues?.delete(key);
      if (queues?.size === 0) this.#byPool.delete(pool);
    }
  }

  /** Those who wait for a particular address. */
  at(address: IpAddress): Iterable<Place> {
    return this.#byAddress.get(address) ?? [];
  }

  /** The first Service that would gain by what became free in these pools, of those that were not asked already. */
  next(ledger: Ledger, pools: Iterable<string>, asked: ReadonlySet<Place>): Place | undefined {
    let first: Place | undefined;
    for (const pool of pools) {
      for (const queue of this.#byPool.get(pool)?.values() ?? []) {
        const place = queue.places.first();
        if (place === undefined || asked.has(place) || (first !== undefined && first <= place)) continue;
        if (canServe(ledger, pool, queue)) first = place;
      }
    }
    return first;
  }
}
