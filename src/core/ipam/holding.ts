/** One address and everybody who has to do with it: its holders, and what keeps it from others. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Claim, PortId } from "./claim.ts";
import type { AddressConflict, AddressReservation } from "./pool.ts";
import type { Space } from "./space.ts";

/** Why a Service may not have an address. */
export type AddressRefusal =
  | { readonly reason: "outside-pools" }
  | { readonly reason: "reserved"; readonly reservation: string }
  | { readonly reason: "conflict"; readonly conflict: AddressConflict }
  /** The status of a Service that must give it up still lists it. */
  | { readonly reason: "being-released"; readonly by: ObjectKey }
  | { readonly reason: "held"; readonly by: readonly ObjectKey[]; readonly because: SharingProblem }
  | { readonly reason: "port-in-use"; readonly by: ObjectKey; readonly port: PortId };

/** Why two Services may not share an address. */
export type SharingProblem =
  | "holder-shares-not"
  | "claimant-shares-not"
  | "keys-differ" // the values of allow-shared-ip
  | "backends-differ"; // the selectors, with externalTrafficPolicy: Local

export type Holding = {
  readonly address: IpAddress;
  readonly space: Space;
  readonly position: bigint;
  /** Those of the holders, which all have the same; meaningless without holders. */
  sharingKey: string;
  backendKey: string;
  /** The holders and the ports of each. */
  readonly holders: Map<ObjectKey, readonly PortId[]>;
  readonly holderByPort: Map<PortId, ObjectKey>;
  reservation: AddressReservation | undefined;
  conflict: AddressConflict | undefined;
  /** Services whose status lists the address although they do not hold it. */
  readonly leaving: Set<ObjectKey>;
  /** A sum over the ports in use, equal for equal sets of ports. */
  portSum: number;
};

/** A holding without anybody. */
export const emptyHolding = (place: Pick<Holding, "address" | "space" | "position">): Holding => ({
  ...place,
  sharingKey: "",
  backendKey: "",
  holders: new Map(),
  holderByPort: new Map(),
  reservation: undefined,
  conflict: undefined,
  leaving: new Set(),
  portSum: 0,
});

/** Whether nobody has anything to do with the address any more. */
export const isUntouched = (holding: Holding): boolean =>
  holding.holders.size === 0 &&
  holding.leaving.size === 0 &&
  holding.reservation === undefined &&
  holding.conflict === undefined;

/** Whether a Service without an address may join the holders, if keys and ports allow it. */
export const isShareable = (holding: Holding): boolean =>
  holding.holders.size > 0 &&
  holding.sharingKey !== "" &&
  holding.leaving.size === 0 &&
  holding.reservation === undefined &&
  holding.conflict === undefined;

const MODULUS = 2 ** 52;

/** Spreads a port over 52 bits. */
const spread = (port: PortId): number => {
  const high = Math.imul(port + 0x9e37, 0x85ebca6b) >>> 0;
  const low = Math.imul((port ^ 0x5bd1) + 0x2c1b, 0xc2b2ae35) >>> 0;
  return (((high ^ (high >>> 13)) >>> 0) & 0xf_ffff) * 0x1_0000_0000 + ((low ^ (low >>> 15)) >>> 0);
};

/** Lets a Service in, on the terms of its claim. */
export const addHolder = (holding: Holding, claim: Claim): void => {
  holding.sharingKey = claim.sharingKey;
  holding.backendKey = claim.backendKey;
  holding.holders.set(claim.service, claim.ports);
  for (const port of claim.ports) {
    holding.holderByPort.set(port, claim.service);
    holding.portSum = (holding.portSum + spread(port)) % MODULUS;
  }
};

/** Lets a holder go. */
export const removeHolder = (holding: Holding, service: ObjectKey): void => {
  for (const port of holding.holders.get(service) ?? []) {
    holding.holderByPort.delete(port);
    holding.portSum = (holding.portSum + MODULUS - spread(port)) % MODULUS;
  }
  holding.holders.delete(service);
};

const sharingProblem = (holding: Holding, claim: Claim): SharingProblem | undefined => {
  if (holding.sharingKey === "") return "holder-shares-not";
  if (claim.sharingKey === "") return "claimant-shares-not";
  if (holding.sharingKey !== claim.sharingKey) return "keys-differ";
  return holding.backendKey === claim.backendKey ? undefined : "backends-differ";
};

/** Whether the holders leave room for a claim. The only holder of an address may change its own terms. */
export const sharingRefusal = (holding: Holding, claim: Claim): AddressRefusal | undefined => {
  const { holders } = holding;
  if (holders.size === 0 || (holders.size === 1 && holders.has(claim.service))) return undefined;
  const because = sharingProblem(holding, claim);
  if (because !== undefined) {
    const by = [...holders.keys()].filter((key) => key !== claim.service).sort();
    return { reason: "held", by, because };
  }
  for (const port of claim.ports) {
    const by = holding.holderByPort.get(port);
    if (by !== undefined && by !== claim.service) return { reason: "port-in-use", by, port };
  }
  return undefined;
};

/** What keeps an address from a Service that neither holds it nor has it in its status. */
export const exclusion = (holding: Holding, service: ObjectKey): AddressRefusal | undefined => {
  const { reservation, conflict, leaving } = holding;
  if (reservation !== undefined && reservation.service !== service)
    return { reason: "reserved", reservation: reservation.name };
  if (conflict !== undefined) return { reason: "conflict", conflict };
  const [by] = [...leaving].filter((key) => key !== service).sort();
  return by === undefined ? undefined : { reason: "being-released", by };
};
