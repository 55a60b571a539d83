/** Address pools and reservations as the allocator sees them, however they were written. */
import type { IpAddress, IpFamily } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { LabelSelector } from "#core/kubernetes/selector";

/** Addresses from `first` to `last`, both included, as unsigned numbers of 32 or 128 bits. */
export type AddressBlock = { readonly family: IpFamily; readonly first: bigint; readonly last: bigint };

/** Which Services may draw from a pool without naming it, and which may draw from it at all. */
export type PoolAdmission = {
  /** Lower comes first; 0 comes last. */
  readonly priority: number;
  /** Names of namespaces, those that selectors found included; `undefined` admits all of them. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** One must match the Service's labels; none admits all Services. */
  readonly serviceSelectors: readonly LabelSelector[];
};

export type AddressPool = {
  readonly name: string;
  /** In the order in which they were written; they do not overlap, neither here nor with other pools. */
  readonly blocks: readonly AddressBlock[];
  /** Whether Services that name neither the pool nor an address may draw from it. */
  readonly autoAssign: boolean;
  /** Whether IPv4 addresses that end in .0 or .255 are left out. */
  readonly avoidBuggyIps: boolean;
  /** `undefined` admits every Service, after the pools that admit it by name. */
  readonly admission: PoolAdmission | undefined;
};

/** Addresses that are kept for one Service, or for nobody, whether or not a Service holds them now. */
export type AddressReservation = {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  /** Who gets them; `undefined` keeps them from every Service. */
  readonly service: ObjectKey | undefined;
};

/** An address for which a machine that is not ours was heard to answer. */
export type AddressConflict = {
  readonly address: IpAddress;
  /** Of the other machine, as it was heard; `undefined` when whoever reported it did not know. */
  readonly mac: string | undefined;
  /** The node, box or person that reported it. */
  readonly reportedBy: string;
};

/** Everything that decides about addresses, besides the Services. */
export type IpamConfig = {
  readonly pools: readonly AddressPool[];
  readonly reservations: readonly AddressReservation[];
  readonly conflicts: readonly AddressConflict[];
};
