/** What is known of Services, and which addresses they list. */
import type { IpAddress } from "#base/address";
import { SlicesByService } from "#core/endpoint-slice/by-service";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import { addressedService, isSameAddressed } from "#core/ipam/addressed-service";
import { PoolIndex } from "#core/ipam/pool-index";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Configuration, L2Advertisement } from "#core/metallb/model";
import type { Service } from "#core/service/service";
import { type Intent, intentOf } from "./announced.ts";
import { SERVING, type Serving } from "./endpoints.ts";
import {
  type AddressEntry,
  isSameIntent,
  isSameList,
  type ServiceEntry,
  withKey,
  withoutKey,
} from "./entry.ts";

/** What a configuration says about the local network. */
export type Layer2Configuration = Pick<Configuration, "pools" | "l2Advertisements">;

const UNDECIDED: Intent = { type: "silent", reason: "no-address" };
const NOBODY: readonly string[] = [];

/** Of the present configuration so many different lists of advertisements are kept once each. */
const MOST_LISTS = 64;

export class KnownServices {
  readonly addresses = new Map<IpAddress, AddressEntry>();
  /** Addresses to be decided about again. */
  readonly dirty = new Set<IpAddress>();
  readonly #lbClass: string | undefined;
  readonly #services = new Map<ObjectKey, ServiceEntry>();
  readonly #endpoints = new SlicesByService(SERVING);
  #pools = new PoolIndex([]);
  #advertisements: readonly L2Advertisement[] = [];
  #lists: (readonly L2Advertisement[])[] = [];

  constructor(lbClass: string | undefined) {
    this.#lbClass = lbClass;
  }

  get(key: ObjectKey): ServiceEntry | undefined {
    return this.#services.get(key);
  }

  serving(key: ObjectKey): Serving {
    return this.#endpoints.of(key);
  }

  configure({ pools, l2Advertisements }: Layer2Configuration): void {
    this.#pools = new PoolIndex(pools);
    this.#advertisements = l2Advertisements;
    this.#lists = [];
    for (const entry of this.#services.values()) this.#intend(entry);
  }

  set(service: Service): void {
    const key = objectKey(service.meta);
    if (service.type !== "LoadBalancer" || service.loadBalancerClass !== this.#lbClass) {
      this.remove(key);
      return;
    }
    const announced = addressedService(service);
    const before = this.#services.get(key);
    if (before !== undefined && isSameAddressed(before.announced, announced)) return;
    const hasSameAddresses =
      before !== undefined && isSameList(before.announced.addresses, announced.addresses);
    const entry: ServiceEntry = { announced, intent: hasSameAddresses ? before.intent : UNDECIDED };
    this.#services.set(key, entry);
    for (const address of before?.announced.addresses ?? []) this.#detach(address, key);
    for (const address of announced.addresses) this.#attach(address, key);
    this.#intend(entry);
  }

  remove(key: ObjectKey): void {
    const entry = this.#services.get(key);
    if (entry === undefined) return;
    this.#services.delete(key);
    for (const address of entry.announced.addresses) this.#detach(address, key);
  }

  setSlice(slice: EndpointSlice): void {
    this.#serve(this.#endpoints.set(slice));
  }

  removeSlice(slice: ObjectKey): void {
    this.#serve(this.#endpoints.remove(slice));
  }

  #attach(address: IpAddress, key: ObjectKey): void {
    this.dirty.add(address);
    const known = this.addresses.get(address);
    if (known !== undefined) {
      known.services = withKey(known.services, key);
      return;
    }
    this.addresses.set(address, {
      ...{ address, services: [key], networks: undefined, claim: undefined, placement: undefined },
      front: NOBODY,
    });
  }

  #detach(address: IpAddress, key: ObjectKey): void {
    const known = this.addresses.get(address);
    if (known !== undefined) known.services = withoutKey(known.services, key);
    this.dirty.add(address);
  }

  #serve(services: readonly ObjectKey[]): void {
    for (const key of services) {
      const entry = this.#services.get(key);
      if (entry === undefined) continue;
      this.#intend(entry);
      if (entry.announced.policy === "Local" && entry.intent.type === "announce")
        for (const address of entry.announced.addresses) this.dirty.add(address);
    }
  }

  /** The same with a list of advertisements that others have as well. */
  #lean(intent: Intent): Intent {
    if (intent.type === "silent") return intent;
    const known = this.#lists.find((list) => isSameList(list, intent.ads));
    if (known === undefined && this.#lists.length < MOST_LISTS) this.#lists.push(intent.ads);
    return known === undefined ? intent : { ...intent, ads: known };
  }

  /**
   * Decides anew what is to become of a Service. One whose pool is gone is announced as before until its addresses are taken
   * away: MetalLB's speakers refuse such a configuration until the controller has given it others, and traffic goes on.
   */
  #intend(entry: ServiceEntry): void {
    const { announced, intent: before } = entry;
    const serving = this.#endpoints.of(announced.key);
    const world = { pools: this.#pools, advertisements: this.#advertisements, serving };
    const intent = this.#lean(intentOf(announced, world));
    const isOrphan = intent.type === "silent" && intent.reason === "address-outside-pools";
    if (isOrphan && before.type === "announce" && serving.anywhere === "some") return;
    entry.intent = intent;
    if (!isSameIntent(before, intent)) for (const address of announced.addresses) this.dirty.add(address);
  }
}
