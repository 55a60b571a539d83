/** What the machine remembers of a Service and of an address. */
import type { IpAddress } from "#base/address";
import type { AddressedService } from "#core/ipam/addressed-service";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Intent } from "./announced.ts";
import type { Demand } from "./demand.ts";
import type { NetworkKey } from "./fitness.ts";
import type { Ranking } from "./order.ts";
import type { Placement } from "./placement.ts";

export type ServiceEntry = { readonly announced: AddressedService; intent: Intent };

export type AddressEntry = {
  readonly address: IpAddress;
  /** That list the address, whether or not they are announced, by name. */
  services: readonly ObjectKey[];
  /** Networks of nodes that the address lies in; `undefined` while that was not looked up. */
  networks: readonly NetworkKey[] | undefined;
  /** What follows from those that are announced; `undefined` if none is. */
  claim: Claim | undefined;
  /** As it was told last. */
  placement: Placement | undefined;
  /** The nodes that the even spread had put first when it was told last. */
  front: readonly string[];
};

/** What a Service asks for its address. */
export type Asking = { readonly service: ObjectKey; readonly lead: IpAddress; readonly demand: Demand };

/** What an address that is announced asks for, and who answers that. */
export type Claim = {
  readonly lead: IpAddress;
  /** Those that some node can serve; if there is no such Service, all. */
  readonly services: readonly ObjectKey[];
  /** What they ask for, without repetition. */
  readonly demands: readonly Demand[];
  /** Those that no node can serve, while others on the address can be served. */
  readonly unmet: readonly Asking[];
  readonly ranking: Ranking;
};

/** Every demand of a claim. */
export const demandsOf = ({ demands, unmet }: Claim): readonly Demand[] => [
  ...demands,
  ...unmet.map(({ demand }) => demand),
];

/** Whether two lists hold the same, in the same order. */
export const isSameList = (left: readonly unknown[], right: readonly unknown[]): boolean =>
  left.length === right.length && left.every((value, index) => value === right[index]);

/** Whether the same is to become of a Service. */
export const isSameIntent = (left: Intent, right: Intent): boolean => {
  if (left.type === "silent" || right.type === "silent")
    return left.type === "silent" && right.type === "silent" && left.reason === right.reason;
  return left.lead === right.lead && isSameList(left.ads, right.ads);
};

/** Demands without repetition, in the order of the Services. */
export const distinct = (demands: readonly Demand[]): readonly Demand[] => {
  const [only] = demands;
  // What most addresses ask is kept once.
  if (demands.length === 1 && only !== undefined && only === only.field.anywhere[0])
    return only.field.anywhere;
  return demands.filter(
    (demand, index) =>
      demands.findIndex(
        (other) =>
          other.field === demand.field &&
          (other.among === demand.among ||
            (other.among !== undefined &&
              demand.among !== undefined &&
              isSameList(other.among, demand.among))),
      ) === index,
  );
};

const placeIn = (keys: readonly ObjectKey[], key: ObjectKey): number => {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? key) < key) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Keys in order, with one more unless it is among them. */
export const withKey = (keys: readonly ObjectKey[], key: ObjectKey): readonly ObjectKey[] => {
  const place = placeIn(keys, key);
  return keys[place] === key ? keys : keys.toSpliced(place, 0, key);
};

/** Keys in order, without one of them. */
export const withoutKey = (keys: readonly ObjectKey[], key: ObjectKey): readonly ObjectKey[] => {
  const place = placeIn(keys, key);
  return keys[place] === key ? keys.toSpliced(place, 1) : keys;
};
