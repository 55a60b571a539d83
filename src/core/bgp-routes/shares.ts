/** What a Service adds to prefixes. */
import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import { type PrefixKey, prefixKey } from "#core/bgp/rib-out/prefix-key";
import type { BgpAdvertisement } from "#core/metallb/model";
import { type Ads, prefixFor } from "./choice.ts";

/** A prefix, and the advertisements by which a Service is in it. */
export type Share = { readonly key: PrefixKey; readonly prefix: InterfaceAddress; readonly ads: Ads };

/** Each prefix once, however many of the addresses are in it. Lists with the same advertisements are the same list. */
export const sharesOf = (
  addresses: readonly IpAddress[],
  ads: Ads,
  lists: { readonly shared: (ads: Ads) => Ads },
): readonly Share[] => {
  const byKey = new Map<
    PrefixKey,
    { readonly prefix: InterfaceAddress; readonly ads: Set<BgpAdvertisement> }
  >();
  for (const address of addresses) {
    for (const ad of ads) {
      const prefix = prefixFor(address, ad);
      const key = prefixKey(prefix);
      const same = byKey.get(key);
      if (same === undefined) byKey.set(key, { prefix, ads: new Set([ad]) });
      else same.ads.add(ad);
    }
  }
  return [...byKey].map(([key, share]) => ({ key, prefix: share.prefix, ads: lists.shared([...share.ads]) }));
};
