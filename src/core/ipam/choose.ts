/** Which addresses a Service gets that has none to keep. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { matchesAny } from "#core/kubernetes/selector";
import type { Service } from "#core/service/service";
import type { Claim } from "./claim.ts";
import type { Ledger } from "./ledger.ts";
import type { Need } from "./need.ts";
import type { AddressPool } from "./pool.ts";
import {
  addressesInTwoPools,
  addressNotInNamedPool,
  addressRefusal,
  familiesDiffer,
  poolRefusal,
  poolsRefusal,
  type Refusal,
  requestRefusal,
  type Tried,
} from "./refusal.ts";
import type { Request } from "./request.ts";

/** Everything that a choice is made for. */
export type Ask = {
  readonly service: Service;
  readonly claim: Claim;
  readonly need: Need;
  readonly request: Request;
  /** Addresses that the Service would rather have, if the pool that is chosen has them: those it has now. */
  readonly wishes: readonly IpAddress[];
  /** A pool that is asked before the others of those that would be asked anyway. */
  readonly favourite: string | undefined;
};

/** By which rule addresses were chosen. */
export type How =
  | "kept" // it had them already
  | "completed" // it had one and got the other family from the same pool
  | "requested" // it asked for exactly these
  | "reserved" // a reservation is in its name
  | "named-pool" // it asked for the pool
  | "pinned-pool" // the pool admits it by its serviceAllocation
  | "automatic-pool"; // the pool gives addresses to everybody

export type Choice =
  | {
      readonly ok: true;
      /** IPv4 first. */
      readonly addresses: readonly IpAddress[];
      readonly pool: string;
      readonly how: How;
      /** Why it is one address and not two; `undefined` when nothing is missing. */
      readonly shortage: Tried | undefined;
      /** Pools that were asked before. */
      readonly tried: readonly Tried[];
    }
  | { readonly ok: false; readonly refusal: Refusal; readonly tried: readonly Tried[] };

const refused = (refusal: Refusal, tried: readonly Tried[] = []): Choice => ({ ok: false, refusal, tried });

/** Whether a pool may give the Service addresses at all. */
export const admits = ({ admission }: AddressPool, service: Service): boolean => {
  if (admission === undefined) return true;
  const { namespaces, serviceSelectors } = admission;
  if (namespaces !== undefined && !namespaces.has(service.meta.namespace)) return false;
  return serviceSelectors.length === 0 || matchesAny(serviceSelectors, service.meta.labels);
};

/** What one pool can give. */
type Offer = {
  readonly pool: string;
  readonly addresses: readonly IpAddress[];
  readonly missing: Tried | undefined;
};

/** Why a pool cannot give what is needed, `missing` of it. Says the same until it can, so that nothing is written meanwhile. */
const lack = (ledger: Ledger, pool: string, missing: readonly IpFamily[], need: Need): Tried => {
  const absent = missing.filter((family) => !ledger.hasFamily(pool, family));
  const taken = missing.filter((family) => !absent.includes(family));
  if (absent.length > 0 && (!need.oneWillDo || taken.length === 0))
    return { pool, reason: "without-family", families: absent };
  return need.families.length === 2 && !need.oneWillDo
    ? { pool, reason: "no-pair", families: need.families }
    : { pool, reason: "exhausted", families: taken };
};

/** What a pool can give of what is needed, without asking whether it admits the Service. */
export const offerOf = (ledger: Ledger, pool: string, { claim, need, wishes }: Ask): Offer => {
  const addresses: IpAddress[] = [];
  const missing: IpFamily[] = [];
  for (const family of ["IPv4", "IPv6"] as const) {
    if (!need.families.includes(family)) continue;
    const wish = wishes.find(
      (address) =>
        familyOf(address) === family &&
        ledger.poolOf(address)?.name === pool &&
        ledger.refusal(address, claim, "give") === undefined,
    );
    const address = wish ?? ledger.first(pool, family, claim);
    if (address === undefined) missing.push(family);
    else addresses.push(address);
  }
  return {
    pool,
    addresses,
    missing: missing.length === 0 ? undefined : lack(ledger, pool, missing, need),
  };
};

/**
 * The first pool that gives everything. If one of two families will do: else the first that gives the better one, else
 * the first that gives the other.
 */
const bestOffer = (
  ledger: Ledger,
  pools: readonly AddressPool[],
  ask: Ask,
  tried: Tried[],
): Offer | undefined => {
  let second: Offer | undefined;
  let third: Offer | undefined;
  for (const { name } of pools) {
    const offer = offerOf(ledger, name, ask);
    if (offer.missing === undefined) return offer;
    tried.push(offer.missing);
    const [only] = offer.addresses;
    if (!ask.need.oneWillDo || only === undefined) continue;
    if (familyOf(only) === ask.need.families[0]) second ??= offer;
    else third ??= offer;
  }
  return second ?? third;
};

const chosen = (offer: Offer, how: How, tried: readonly Tried[]): Choice => ({
  ok: true,
  addresses: offer.addresses,
  pool: offer.pool,
  how,
  shortage: offer.missing,
  tried: tried.filter(({ pool }) => pool !== offer.pool),
});

const chooseRequested = (ledger: Ledger, ask: Ask): Choice => {
  const { request, need, claim, service } = ask;
  const { addresses } = request;
  const families = addresses.map(familyOf);
  if (families.length !== need.families.length || !families.every((family) => need.families.includes(family)))
    return refused(familiesDiffer(addresses, need));
  let pool: AddressPool | undefined;
  for (const address of addresses) {
    const its = ledger.poolOf(address);
    if (its === undefined) return refused(addressRefusal(address, { reason: "outside-pools" }));
    if (pool !== undefined && pool !== its) return refused(addressesInTwoPools(addresses));
    if (request.pool !== undefined && request.pool !== its.name)
      return refused(addressNotInNamedPool(address, { named: request.pool, actual: its.name }));
    pool = its;
  }
  if (pool === undefined) return refused(familiesDiffer(addresses, need));
  if (!admits(pool, service))
    return refused(poolRefusal({ pool: pool.name, reason: "not-admitted", families: [] }, need));
  for (const address of addresses) {
    const problem = ledger.refusal(address, claim, "give");
    if (problem === undefined) continue;
    return refused({ ...addressRefusal(address, problem), waits: { addresses, pools: [] } });
  }
  return chosen({ pool: pool.name, addresses, missing: undefined }, "requested", []);
};

/** What the reservations for the Service give; `undefined` when there are none or none can be honoured. */
const chooseReserved = (ledger: Ledger, ask: Ask): Choice | undefined => {
  const reserved = ledger.reservedFor(ask.claim.service);
  if (reserved.length === 0) return undefined;
  const pools = new Set<AddressPool>();
  for (const address of reserved) {
    const pool = ledger.poolOf(address);
    if (pool === undefined || (ask.request.pool ?? pool.name) !== pool.name) continue;
    if (admits(pool, ask.service) && ledger.refusal(address, ask.claim, "give") === undefined)
      pools.add(pool);
  }
  const offer = bestOffer(ledger, [...pools], { ...ask, wishes: [...reserved, ...ask.wishes] }, []);
  if (offer === undefined || !offer.addresses.some((address) => reserved.includes(address))) return undefined;
  return chosen(offer, "reserved", []);
};

const chooseFromNamed = (ledger: Ledger, name: string, ask: Ask): Choice => {
  const pool = ledger.pool(name);
  if (pool === undefined)
    return refused(poolRefusal({ pool: name, reason: "unknown", families: [] }, ask.need));
  if (!admits(pool, ask.service))
    return refused(poolRefusal({ pool: name, reason: "not-admitted", families: [] }, ask.need));
  const tried: Tried[] = [];
  const offer = bestOffer(ledger, [pool], ask, tried);
  if (offer !== undefined) return chosen(offer, "named-pool", []);
  return refused(poolRefusal(tried[0] ?? lack(ledger, name, ask.need.families, ask.need), ask.need));
};

/** The pools that are not asked for an address for a Service that names none. */
const passedOver = (ledger: Ledger, service: Service): readonly Tried[] =>
  ledger.config.pools.flatMap((pool): readonly Tried[] => {
    const { name, autoAssign } = pool;
    if (!admits(pool, service)) return [{ pool: name, reason: "not-admitted", families: [] }];
    return autoAssign ? [] : [{ pool: name, reason: "not-automatic", families: [] }];
  });

const chooseFromAny = (ledger: Ledger, ask: Ask): Choice => {
  const tried: Tried[] = [];
  const pinned = ledger.pinned.filter((pool) => admits(pool, ask.service));
  const { automatic } = ledger;
  const favourite =
    ask.favourite === undefined ? [] : [...pinned, ...automatic].filter(({ name }) => name === ask.favourite);
  const whole = { ...ask, need: { ...ask.need, oneWillDo: false } };
  const first = bestOffer(ledger, favourite, whole, []);
  if (first !== undefined)
    return chosen(first, favourite[0]?.admission === undefined ? "automatic-pool" : "pinned-pool", []);
  const fromPinned = bestOffer(ledger, pinned, ask, tried);
  if (fromPinned !== undefined) return chosen(fromPinned, "pinned-pool", tried);
  const fromAutomatic = bestOffer(ledger, automatic, ask, tried);
  if (fromAutomatic !== undefined) return chosen(fromAutomatic, "automatic-pool", tried);
  const all = [...tried, ...passedOver(ledger, ask.service)];
  return refused(poolsRefusal(all, ask.need), all);
};

/** Chooses addresses: those asked for; those reserved; from the pool asked for; from the pools that apply, in their order. */
export const choose = (ledger: Ledger, ask: Ask): Choice => {
  const { request } = ask;
  if (request.problem !== undefined) return refused(requestRefusal(request.problem));
  if (request.addresses.length > 0) return chooseRequested(ledger, ask);
  const reserved = chooseReserved(ledger, ask);
  if (reserved !== undefined) return reserved;
  const choice =
    request.pool === undefined ? chooseFromAny(ledger, ask) : chooseFromNamed(ledger, request.pool, ask);
  const addresses = ledger.reservedFor(ask.claim.service);
  if (choice.ok || addresses.length === 0) return choice;
  const { refusal } = choice;
  return { ...choice, refusal: { ...refusal, waits: { ...refusal.waits, addresses } } };
};
