/** Why a Service gets no address, in words: one constructor for each reason of the closed list. */
import type { IpAddress, IpFamily } from "#base/address";
import { unreachable } from "#base/assert";
import { ANNOTATIONS, annotationKey } from "./annotations.ts";
import { formatPort } from "./claim.ts";
import type { AddressRefusal, SharingProblem } from "./holding.ts";
import type { Need, NeedProblem } from "./need.ts";
import type { Request } from "./request.ts";

/** Why a pool gave nothing. */
export type PoolRefusal =
  | "unknown"
  | "not-admitted" // serviceAllocation names other namespaces or labels
  | "not-automatic" // autoAssign is false, and the Service did not name the pool
  | "without-family" // it has no addresses of a family that is needed
  | "exhausted" // none is free, and none can be shared
  | "no-pair"; // not both an IPv4 and an IPv6 address are free or can be shared

/** A pool that was asked and gave nothing, or not enough. */
export type Tried = {
  readonly pool: string;
  readonly reason: PoolRefusal;
  /** The families in question. Says the same as long as the pool cannot help, whichever of two is free meanwhile. */
  readonly families: readonly IpFamily[];
};

/** What would have to become free for the Service to gain by it. */
export type Waits = {
  readonly addresses: readonly IpAddress[];
  readonly pools: readonly { readonly pool: string; readonly need: Need }[];
};

/** Waits for nothing but a change of the configuration or of the Service itself. */
export const WAITS_FOR_NOTHING: Waits = { addresses: [], pools: [] };

/** Why a Service has no address; the `reason` of the condition is the same word in CamelCase. */
export const REFUSAL_REASONS = [
  "no-cluster-ips",
  "not-enough-cluster-ips",
  "cluster-ips-unclear",
  "asked-twice",
  "not-an-address",
  "too-many-addresses",
  "no-pools",
  "families-differ", // asked for addresses of other families than the Service has
  "addresses-in-two-pools",
  "address-not-in-named-pool",
  "address-outside-pools",
  "address-reserved",
  "address-in-conflict",
  "address-being-released",
  "address-held",
  "port-in-use",
  "pool-unknown",
  "pool-not-admitting",
  "pool-without-family",
  "pool-exhausted",
  "no-pool-applies",
  "pools-exhausted",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export type Refusal = {
  readonly reason: RefusalReason;
  /** A sentence without its full stop. */
  readonly message: string;
  /** What the operator can do, a sentence without its full stop. */
  readonly remedy: string;
  readonly waits: Waits;
};

const POOL = annotationKey(ANNOTATIONS.pool);
const ADDRESSES = annotationKey(ANNOTATIONS.addresses);
const SHARING = annotationKey(ANNOTATIONS.sharingKey);
/** How many of a list are written out. */
const SHOWN = 8;
/** Longest name or list item that is repeated in a message. */
const LONGEST = 253;

/** What somebody wrote, without what would command a terminal, and cut. */
const cut = (text: string): string => {
  const clean = text.replaceAll(/\p{Cc}/gu, "\ufffd");
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
};

/** `a, b and 3 more`. */
export const listText = (items: readonly string[], separator = ", "): string => {
  const shown = items.slice(0, SHOWN).map(cut).join(separator);
  return items.length > SHOWN ? `${shown} and ${items.length - SHOWN} more` : shown;
};

const refusal = (
  reason: RefusalReason,
  message: string,
  remedy: string,
  waits: Waits = WAITS_FOR_NOTHING,
): Refusal => ({ reason, message, remedy, waits });

/** It cannot be told which families the Service needs. */
export const needRefusal = (reason: NeedProblem): Refusal => {
  switch (reason) {
    case "no-cluster-ips":
      return refusal(reason, "the Service has no cluster address", "give it one: it must not be headless");
    case "not-enough-cluster-ips":
      return refusal(
        reason,
        "ipFamilyPolicy is RequireDualStack and the Service has less than two cluster addresses",
        "use PreferDualStack or SingleStack, or a cluster with both families",
      );
    case "cluster-ips-unclear":
      return refusal(
        reason,
        "the cluster addresses of the Service are not one of each family",
        "correct spec.clusterIPs",
      );
    default:
      return unreachable(reason);
  }
};

/** There is no pool at all. */
export const noPools = (): Refusal =>
  refusal("no-pools", "there is no address pool", "create an IPAddressPool");

/** What the Service asks for cannot be read. */
export const requestRefusal = ({ reason, text }: NonNullable<Request["problem"]>): Refusal => {
  switch (reason) {
    case "asked-twice":
      return refusal(
        reason,
        `addresses are asked for by the annotation ${ADDRESSES} and by spec.loadBalancerIP`,
        "use one of the two",
      );
    case "not-an-address":
      return refusal(
        reason,
        `${JSON.stringify(text)} is asked for and is no address`,
        `correct ${ADDRESSES} or spec.loadBalancerIP`,
      );
    case "too-many-addresses":
      return refusal(
        reason,
        `${JSON.stringify(text)} asks for more than one address of a family`,
        "ask for one address, or for one of each family",
      );
    default:
      return unreachable(reason);
  }
};

/** The addresses asked for are of other families than the Service's. */
export const familiesDiffer = (addresses: readonly IpAddress[], { families }: Need): Refusal =>
  refusal(
    "families-differ",
    `${listText(addresses)} asked for, and the Service has cluster addresses of ${listText(families)}`,
    "ask for one address of each family that the Service has",
  );

/** The two addresses asked for are in different pools. */
export const addressesInTwoPools = (addresses: readonly IpAddress[]): Refusal =>
  refusal(
    "addresses-in-two-pools",
    `${listText(addresses)} asked for, which are in different pools`,
    "ask for two addresses of one pool",
  );

/** An address asked for is in another pool than the one asked for. */
export const addressNotInNamedPool = (
  address: IpAddress,
  pools: { named: string; actual: string },
): Refusal =>
  refusal(
    "address-not-in-named-pool",
    `${address} is asked for and is in pool ${pools.actual}, not in ${cut(pools.named)}, which is asked for as well`,
    `correct or remove ${POOL}`,
  );

const SHARING_TEXT: Readonly<Record<SharingProblem, string>> = {
  "holder-shares-not": "which does not share it",
  "claimant-shares-not": "which shares it only with Services of the same sharing key",
  "keys-differ": "which shares it under another key",
  "backends-differ": "which has externalTrafficPolicy Local or other pods",
};

/** An address asked for cannot be had. */
export const addressRefusal = (address: IpAddress, problem: AddressRefusal): Refusal => {
  const waits = { addresses: [address], pools: [] };
  switch (problem.reason) {
    case "outside-pools":
      return refusal(
        "address-outside-pools",
        `${address} is in no pool`,
        "ask for another address, or add it to a pool",
      );
    case "reserved":
      return refusal(
        "address-reserved",
        `${address} is kept by the reservation ${problem.reservation}`,
        "ask for another address, or name this Service in the reservation",
        waits,
      );
    case "conflict":
      return refusal(
        "address-in-conflict",
        `another machine answers for ${address}${problem.conflict.mac === undefined ? "" : ` (${problem.conflict.mac})`}, as ${cut(problem.conflict.reportedBy)} reports`,
        "take the address away from that machine, or ask for another one",
        waits,
      );
    case "being-released":
      return refusal(
        "address-being-released",
        `the status of ${problem.by} still lists ${address}`,
        "wait until it has been written",
        waits,
      );
    case "held":
      return refusal(
        "address-held",
        `${address} is held by ${listText(problem.by)}, ${SHARING_TEXT[problem.because]}`,
        `ask for another address, or let both have the same ${SHARING}`,
        waits,
      );
    case "port-in-use":
      return refusal(
        "port-in-use",
        `port ${formatPort(problem.port)} of ${address} is used by ${problem.by}`,
        "use another port or another address",
        waits,
      );
    default:
      return unreachable(problem);
  }
};

const POOL_REMEDY: Readonly<Record<PoolRefusal, string>> = {
  unknown: `correct ${POOL}, or create the pool`,
  "not-admitted": "use another pool, or change spec.serviceAllocation of the pool",
  "not-automatic": `name the pool in ${POOL}, or set its autoAssign`,
  "without-family": "add addresses of that family to the pool, or use another pool",
  exhausted: "add addresses to the pool, or use another one",
  "no-pair": "add addresses to the pool, or use another one",
};

/** What is the matter with a pool: `pool a has no free IPv4 address`. */
export const triedText = ({ pool, reason, families }: Tried): string => {
  const name = cut(pool);
  switch (reason) {
    case "unknown":
      return `there is no pool ${name}`;
    case "not-admitted":
      return `pool ${name} does not admit this Service`;
    case "not-automatic":
      return `pool ${name} gives addresses only to Services that name it`;
    case "without-family":
      return `pool ${name} has no ${families.join(" and no ")} addresses`;
    case "exhausted":
      return `pool ${name} has no free ${families.join(" and no free ")} address`;
    case "no-pair":
      return `pool ${name} has not both an IPv4 and an IPv6 address free`;
    default:
      return unreachable(reason);
  }
};

/** Whether a pool can help once addresses become free. */
const isTemporary = ({ reason }: Tried): boolean => reason === "exhausted" || reason === "no-pair";

const POOL_REASON: Readonly<Record<PoolRefusal, RefusalReason>> = {
  unknown: "pool-unknown",
  "not-admitted": "pool-not-admitting",
  "not-automatic": "no-pool-applies",
  "without-family": "pool-without-family",
  exhausted: "pool-exhausted",
  "no-pair": "pool-exhausted",
};

/** The pool that the Service names, or that the address it asks for is in, gives nothing. */
export const poolRefusal = (tried: Tried, need: Need): Refusal =>
  refusal(
    POOL_REASON[tried.reason],
    triedText(tried),
    POOL_REMEDY[tried.reason],
    isTemporary(tried) ? { addresses: [], pools: [{ pool: tried.pool, need }] } : WAITS_FOR_NOTHING,
  );

/** Of all pools, none gave an address to a Service that names neither a pool nor an address. */
export const poolsRefusal = (tried: readonly Tried[], need: Need): Refusal => {
  const pools = tried.filter(isTemporary).map(({ pool }) => ({ pool, need }));
  const message = listText(tried.map(triedText), "; ");
  return pools.length === 0
    ? refusal("no-pool-applies", message, `add a pool for this Service, or name one in ${POOL}`)
    : refusal("pools-exhausted", message, "add addresses to a pool", { addresses: [], pools });
};
