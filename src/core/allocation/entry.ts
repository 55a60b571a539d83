/** What the machine remembers of one Service. */
import type { IpAddress } from "#base/address";
import { type Claim, claimOf } from "#core/ipam/claim";
import type { Current } from "#core/ipam/keep";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { Place } from "./waiting.ts";
import { addressesInStatus, conditionText, currentFromStatus, observedCondition } from "./wanted.ts";

export type Entry = {
  readonly key: ObjectKey;
  /** The order among Services: the older first, then by key. */
  readonly place: Place;
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
  told: string;
  /** The write that was asked for last, and on which version. */
  asked: { readonly resourceVersion: string; readonly text: string };
};

const NO_FLIGHT: Entry["flight"] = { resourceVersion: "", addresses: [] };

/** An entry for a Service that was not known. */
export const newEntry = (service: Service): Entry => ({
  key: objectKey(service.meta),
  place: `${String(service.meta.createdAt).padStart(12, "0")} ${objectKey(service.meta)}`,
  service,
  claim: claimOf(service),
  has: [],
  leaving: [],
  flight: NO_FLIGHT,
  wasOurs: false,
  told: conditionText(observedCondition(service)),
  asked: { resourceVersion: "", text: "" },
});

/** What a Service has: what it was given, else what its status says. */
export const currentOf = ({ has, service }: Entry): Current =>
  has.length > 0 ? { addresses: has, isReadable: true } : currentFromStatus(service);

/** The addresses that its status lists, or may come to list. */
const visible = ({ service, flight }: Entry): readonly IpAddress[] => {
  const listed = addressesInStatus(service);
  return flight.resourceVersion === service.meta.resourceVersion ? [...listed, ...flight.addresses] : listed;
};

/** The addresses that show, or may come to show, at a Service of ours that was not given them. */
export const leavingOf = (entry: Entry): readonly IpAddress[] => [
  ...new Set(visible(entry).filter((address) => !entry.has.includes(address))),
];

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
  const condition = conditionText(observedCondition(service));
  return (
    (condition === told || condition === "") &&
    service.ingress.every(({ hostname }) => hostname === undefined) &&
    addressesInStatus(service).every((address) => leaving.includes(address))
  );
};
