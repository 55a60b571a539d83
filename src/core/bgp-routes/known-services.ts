/** What is known of Services, and which of them are to be judged again. */
import type { IpAddress } from "#base/address";
import { SlicesByService } from "#core/endpoint-slice/by-service";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import { type AddressedService, addressedService, isSameAddressed } from "#core/ipam/addressed-service";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { Choice } from "./choice.ts";
import { type Serving, servingFrom } from "./endpoints.ts";
import type { SilentReason } from "./reason.ts";
import type { Share } from "./shares.ts";

/** A Service of ours, and what was decided about it. */
export type ServiceEntry = {
  service: AddressedService;
  /** `undefined` while it was not judged. */
  choice: Choice | undefined;
  /** Why it is not announced; `undefined` if it is, or while it was not judged. */
  reason: SilentReason | undefined;
  /** Where it is announced, what it adds. */
  shares: readonly Share[];
  /** Endpoints on this node, as they were when it was judged. */
  here: number;
};

export class KnownServices {
  readonly #lbClass: string | undefined;
  readonly #entries = new Map<ObjectKey, ServiceEntry>();
  readonly #byAddress = new Map<IpAddress, Set<ObjectKey>>();
  readonly #endpoints: SlicesByService<Serving>;
  /** To be judged again. */
  readonly dirty = new Set<ObjectKey>();
  /** Shares of Services that are gone, to be taken away. */
  readonly #gone = new Map<ObjectKey, readonly Share[]>();

  constructor({ node, lbClass }: { readonly node: string; readonly lbClass: string | undefined }) {
    this.#lbClass = lbClass;
    this.#endpoints = new SlicesByService(servingFrom(node));
  }

  get(key: ObjectKey): ServiceEntry | undefined {
    return this.#entries.get(key);
  }

  serving(key: ObjectKey): Serving {
    return this.#endpoints.of(key);
  }

  /** Those that list an address, by name. */
  listing(address: IpAddress): readonly ObjectKey[] {
    return [...(this.#byAddress.get(address) ?? [])].sort();
  }

  /** What a Service that is gone had added, once. */
  takeGone(key: ObjectKey): readonly Share[] {
    const shares = this.#gone.get(key) ?? [];
    this.#gone.delete(key);
    return shares;
  }

  markAll(): void {
    for (const key of this.#entries.keys()) this.dirty.add(key);
  }

  set(service: Service): void {
    const key = objectKey(service.meta);
    if (service.type !== "LoadBalancer" || service.loadBalancerClass !== this.#lbClass) {
      this.remove(key);
      return;
    }
    const addressed = addressedService(service);
    const before = this.#entries.get(key);
    if (before !== undefined && isSameAddressed(before.service, addressed)) return;
    for (const address of before?.service.addresses ?? []) this.#unlist(address, key);
    for (const address of addressed.addresses) this.#list(address, key);
    this.dirty.add(key);
    if (before === undefined) {
      const shares = this.takeGone(key);
      this.#entries.set(key, { service: addressed, choice: undefined, reason: undefined, shares, here: 0 });
      return;
    }
    const hasSameAddresses =
      before.service.addresses.length === addressed.addresses.length &&
      before.service.addresses.every((address, index) => address === addressed.addresses[index]);
    before.service = addressed;
    if (!hasSameAddresses) before.choice = undefined;
  }

  remove(key: ObjectKey): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    for (const address of entry.service.addresses) this.#unlist(address, key);
    this.#gone.set(key, entry.shares);
    this.dirty.add(key);
  }

  setSlice(slice: EndpointSlice): void {
    for (const key of this.#endpoints.set(slice)) if (this.#entries.has(key)) this.dirty.add(key);
  }

  removeSlice(slice: ObjectKey): void {
    for (const key of this.#endpoints.remove(slice)) if (this.#entries.has(key)) this.dirty.add(key);
  }

  #list(address: IpAddress, key: ObjectKey): void {
    const listing = this.#byAddress.get(address);
    if (listing === undefined) this.#byAddress.set(address, new Set([key]));
    else listing.add(key);
  }

  #unlist(address: IpAddress, key: ObjectKey): void {
    const listing = this.#byAddress.get(address);
    listing?.delete(key);
    if (listing?.size === 0) this.#byAddress.delete(address);
  }
}
