/** Which BGPAdvertisements apply to a Service on this node, or why none does. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { addressBits, type InterfaceAddress, networkOf } from "#base/prefix";
import type { AddressedService } from "#core/ipam/addressed-service";
import type { PoolIndex } from "#core/ipam/pool-index";
import { matchesAny } from "#core/kubernetes/selector";
import type { BgpAdvertisement } from "#core/metallb/model";
import type { SilentReason } from "./reason.ts";

/** Advertisements in the order of their names. */
export type Ads = readonly BgpAdvertisement[];

export type Choice =
  | { readonly type: "advertised"; readonly ads: Ads }
  | { readonly type: "silent"; readonly reason: SilentReason };

const silent = (reason: SilentReason): Choice => ({ type: "silent", reason });

/** What an advertisement makes of an address: itself, or the prefix that covers it. */
export const prefixFor = (address: IpAddress, ad: BgpAdvertisement): InterfaceAddress => {
  const prefixLength = familyOf(address) === "IPv4" ? ad.aggregationLength : ad.aggregationLengthV6;
  const whole = { address, prefixLength };
  return prefixLength === addressBits(address) ? whole : networkOf(whole);
};

/** Whether two advertisements tell one peer of the same prefixes. */
const coincide = (
  left: BgpAdvertisement,
  right: BgpAdvertisement,
  families: ReadonlySet<IpFamily>,
): boolean => {
  const { peers } = right;
  const isSameLength =
    (families.has("IPv4") && left.aggregationLength === right.aggregationLength) ||
    (families.has("IPv6") && left.aggregationLengthV6 === right.aggregationLengthV6);
  if (!isSameLength) return false;
  return left.peers === undefined || peers === undefined || [...left.peers].some((peer) => peers.has(peer));
};

/** Whether advertisements ask for different local preferences of one prefix towards one peer. */
const areAtOdds = (ads: Ads, addresses: readonly IpAddress[]): boolean => {
  if (ads.every(({ localPref }) => localPref === ads[0]?.localPref)) return false;
  const families = new Set(addresses.map(familyOf));
  return ads.some((ad, index) =>
    ads.slice(0, index).some((other) => other.localPref !== ad.localPref && coincide(ad, other, families)),
  );
};

/** Chooses, asking in the order of `SILENT_REASONS`. `adsOf` gives the advertisements of a pool that mean this node. */
export const chooseAds = (
  service: AddressedService,
  { pools, adsOf }: { readonly pools: PoolIndex; readonly adsOf: (pool: string) => Ads },
): Choice => {
  if (service.status === "unreadable") return silent("addressUnreadable");
  if (service.addresses.length === 0) return silent("noAddress");
  const pool = pools.ofAll(service.addresses);
  if (pool === undefined) return silent("addressOutsidePools");
  const here = adsOf(pool);
  if (here.length === 0) return silent("notOwner");
  const ads = here.filter(
    ({ serviceSelectors }) => serviceSelectors.length === 0 || matchesAny(serviceSelectors, service.labels),
  );
  if (ads.length === 0) return silent("noMatchingAdvertisement");
  if (service.sharing === "may-share" && ads.some(({ serviceSelectors }) => serviceSelectors.length > 0))
    return silent("sharedIPWithServiceSelector");
  if (areAtOdds(ads, service.addresses)) return silent("conflictingAdvertisements");
  return { type: "advertised", ads: ads.length === here.length ? here : ads };
};
