/** One address and everybody who has to do with it: its holders, and what keeps it from others. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Claim, PortId } from "./claim.ts";
import { Holders } from "./holders.ts";
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
  readonly holders: Holders;
  reservation: AddressReservation | undefined;
  conflict: AddressConflict | undefined;
  /** Services whose status lists the address although they do not hold it; `undefined` for none. */
  leaving: Set<ObjectKey> | undefined;
  /** A sum over the ports in use, equal for equal sets of ports; 0 where nobody shares. */
  portSum: number;
};

/** A holding without anybody. */
export const emptyHolding = ({
  address,
  space,
  position,
}: Pick<Holding, "address" | "space" | "position">): Holding => ({
  address,
  space,
  position,
  sharingKey: "",
  backendKey: "",
  holders: new Holders(),
  reservation: undefined,
  conflict: undefined,
  leaving: undefined,
  portSum: 0,
});

/** Whether nobody has anything to do with the address any more. */
export const isUntouched = (holding: Holding): boolean =>
  holding.holders.size === 0 &&
  holding.leaving === undefined &&
  holding.reservation === undefined &&
  holding.conflict === undefined;

/** Whether a Service without an address may join the holders, if keys and ports allow it. */
export const isShareable = (holding: Holding): boolean =>
  holding.holders.size > 0 &&
  holding.sharingKey !== "" &&
  holding.leaving === undefined &&
  holding.reservation === undefined &&
  holding.conflict === undefined;

const MODULUS = 2 ** 52;

/** Spreads a port over 52 bits. */
const spread = (port: PortId): number => {
  const high = Math.imul(port + 0x9e37, 0x85ebca6b) >>> 0;
  const low = Math.imul((port ^ 0x5bd1) + 0x2c1b, 0xc2b2ae35) >>> 0;
  return (((high ^ (high >>> 13)) >>> 0) & 0xf_ffff) * 0x1_0000_0000 + ((low ^ (low >>> 15)) >>> 0);
};

/** What a claim adds to the sum over the ports; nothing when the address is shared with nobody. */
const portSumOf = ({ sharingKey, ports }: Claim): number =>
  sharingKey === "" ? 0 : ports.reduce((sum, port) => (sum + spread(port)) % MODULUS, 0);

/** Lets a Service in, on the terms of its claim. */
export const addHolder = (holding: Holding, claim: Claim): void => {
  holding.sharingKey = claim.sharingKey;
  holding.backendKey = claim.backendKey;
  holding.holders.add(claim);
  holding.portSum = (holding.portSum + portSumOf(claim)) % MODULUS;
};

/** Lets a holder go. */
export const removeHolder = (holding: Holding, service: ObjectKey): void => {
  const claim = holding.holders.remove(service);
  if (claim !== undefined) holding.portSum = (holding.portSum + MODULUS - portSumOf(claim)) % MODULUS;
};

/** Takes note that the status of a Service lists the address although it does not hold it, or does so no more. */
export const setLeavingAt = (holding: Holding, service: ObjectKey, isLeaving: boolean): void => {
  const { leaving } = holding;
  if (isLeaving) holding.leaving = (leaving ?? new Set()).add(service);
  else if (leaving?.delete(service) && leaving.size === 0) holding.leaving = undefined;
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
    const by = holders.services().filter((key) => key !== claim.service);
    return { reason: "held", by, because };
  }
  for (const port of claim.ports) {
    const by = holders.at(port);
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
  const [by] = [...(leaving ?? [])].filter((key) => key !== service).sort();
  return by === undefined ? undefined : { reason: "being-released", by };
};
