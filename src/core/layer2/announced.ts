/** What of a Service is to be announced. */
import type { IpAddress } from "#base/address";
import type { AddressedService } from "#core/ipam/addressed-service";
import type { PoolIndex } from "#core/ipam/pool-index";
import { matchesAny } from "#core/kubernetes/selector";
import type { L2Advertisement } from "#core/metallb/model";
import type { Serving } from "./endpoints.ts";
import type { SilentReason } from "./reason.ts";

/** Whether a Service is announced, and by which advertisements. */
export type Intent =
  | { readonly type: "announce"; readonly ads: readonly L2Advertisement[]; readonly lead: IpAddress }
  | { readonly type: "silent"; readonly reason: SilentReason };

const silent = (reason: SilentReason): Intent => ({ type: "silent", reason });

/** What is to become of a Service, asked in the order of `SILENT_REASONS`. */
export const intentOf = (
  service: AddressedService,
  {
    pools,
    advertisements,
    serving,
  }: {
    readonly pools: PoolIndex;
    readonly advertisements: readonly L2Advertisement[];
    readonly serving: Serving;
  },
): Intent => {
  // The first decides about the order of candidates for all of them.
  const [lead] = service.addresses;
  if (service.status === "unreadable") return silent("address-unreadable");
  if (lead === undefined) return silent("no-address");
  const pool = pools.ofAll(service.addresses);
  if (pool === undefined) return silent("address-outside-pools");
  const ads = advertisements.filter(
    (ad) =>
      ad.pools.has(pool) &&
      (ad.serviceSelectors.length === 0 || matchesAny(ad.serviceSelectors, service.labels)),
  );
  if (ads.length === 0) return silent("no-advertisement");
  if (service.sharing === "may-share" && ads.some(({ serviceSelectors }) => serviceSelectors.length > 0))
    return silent("shared-with-service-selector");
  if (serving.anywhere === "none") return silent("no-endpoints");
  return { type: "announce", ads, lead };
};
