/** What the machine remembers of one Service. */
import type { IpAddress } from "#base/address";
import { type Claim, claimOf, sameTerms } from "#core/ipam/claim";
import type { Current } from "#core/ipam/keep";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { ServiceWrite, WantedCondition } from "./outcome.ts";
import { addressesInStatus, currentFromStatus, observedCondition, sameCondition } from "./wanted.ts";

/** There is one for each Service of the cluster, so nothing is kept that is easily found again. */
export type Entry = {
  readonly key: ObjectKey;
  service: Service;
  claim: Claim;
  /** What it was given; empty when nothing was decided or it was refused. */
  has: readonly IpAddress[];
  /** What its status lists, or may come to list by a write that was asked for, although it was not given it. */
  leaving: readonly IpAddress[];
  /** The addresses of writes that were asked for on this version: they may land until another version is seen. */
  flight: { readonly resourceVersion: string; readonly addresses: readonly IpAddress[] };
  /** Whether something was decided for it that may still be visible, so that it must be cleared when it is not ours any more. */
  wasOurs: boolean;
  /** The condition about which events were raised. */
  told: WantedCondition | undefined;
  /** The write that was asked for last, and on which version; `undefined` when none is open. */
  asked: { readonly resourceVersion: string; readonly write: ServiceWrite } | undefined;
};

const NONE: readonly IpAddress[] = [];
const NO_FLIGHT: Entry["flight"] = { resourceVersion: "", addresses: NONE };

/** An entry for a Service that was not known. */
export const newEntry = (service: Service): Entry => {
  const key = objectKey(service.meta);
  return {
    key,
    service,
    claim: claimOf(service, key),
    has: NONE,
    leaving: NONE,
    flight: NO_FLIGHT,
    wasOurs: false,
    told: observedCondition(service),
    asked: undefined,
  };
};

/** Puts what was observed in place of the version before. */
export const noteVersion = (entry: Entry, service: Service): void => {
  entry.service = service;
  const claim = claimOf(service, entry.key);
  if (!sameTerms(claim, entry.claim)) entry.claim = claim;
  // Writes go out under the version that they were decided on: what was asked for before has landed, or never will.
  if (entry.flight.resourceVersion !== service.meta.resourceVersion) entry.flight = NO_FLIGHT;
  const observed = observedCondition(service);
  if (sameCondition(observed, entry.told)) entry.told = observed;
};

/** Takes note of what it was given. */
export const noteGiven = (entry: Entry, addresses: readonly IpAddress[]): void => {
  const isSame =
    addresses.length === entry.has.length &&
    addresses.every((address, index) => address === entry.has[index]);
  // A copy has no room for more.
  if (!isSame) entry.has = addresses.length === 0 ? NONE : addresses.slice();
  entry.leaving = leavingOf(entry);
};

/** What a Service has: what it was given, else what its status says. */
export const currentOf = ({ has, service }: Entry): Current =>
  has.length > 0 ? { addresses: has, isReadable: true } : currentFromStatus(service);

/** The addresses that its status lists, or may come to list. */
const visible = ({ service, flight }: Entry): readonly IpAddress[] => {
  const listed = addressesInStatus(service);
  return flight.resourceVersion === service.meta.resourceVersion ? [...listed, ...flight.addresses] : listed;
};

/** The addresses that show, or may come to show, at a Service of ours that was not given them. */
export const leavingOf = (entry: Entry): readonly IpAddress[] => {
  const leaving = visible(entry).filter((address) => !entry.has.includes(address));
  return leaving.length === 0 ? NONE : [...new Set(leaving)];
};

/** The addresses that we gave, at one time, to a Service that is not ours any more, and that still show or may do so. */
export const remainsOf = (entry: Entry): readonly IpAddress[] => {
  const given = new Set([...entry.has, ...entry.leaving]);
  return [...new Set(visible(entry).filter((address) => given.has(address)))];
};

/** Takes note that a write with these addresses is on its way. */
export const noteFlight = (entry: Entry, addresses: readonly IpAddress[]): void => {
  const { resourceVersion } = entry.service.meta;
  const others = entry.flight.resourceVersion === resourceVersion ? entry.flight.addresses : [];
  entry.flight = { resourceVersion, addresses: [...new Set([...others, ...addresses])] };
};

/** Takes note that no write that was asked for can land any more. */
export const forgetFlight = (entry: Entry): void => {
  entry.flight = NO_FLIGHT;
};

/** Whether a Service that is another allocator's by now still shows nothing but what we wrote. */
export const isAsWeLeftIt = (entry: Entry): boolean => {
  const { service, told, leaving } = entry;
  const condition = observedCondition(service);
  return (
    (condition === undefined || sameCondition(condition, told)) &&
    service.ingress.every(({ hostname }) => hostname === undefined) &&
    addressesInStatus(service).every((address) => leaving.includes(address))
  );
};
