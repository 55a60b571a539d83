/** What is kept of a Service, and what of it is to be announced. */
import type { IpAddress } from "#base/address";
import { ANNOTATIONS, annotation } from "#core/ipam/annotations";
import { parseServiceAddress } from "#core/ipam/block";
import { type ObjectKey, objectKey, type TextMap } from "#core/kubernetes/meta";
import { matchesAny } from "#core/kubernetes/selector";
import type { L2Advertisement } from "#core/metallb/model";
import type { Service } from "#core/service/service";
import type { Serving } from "./endpoints.ts";
import { isSameList } from "./entry.ts";
import type { PoolIndex } from "./pools.ts";
import type { SilentReason } from "./reason.ts";

/** A Service that has or may get addresses of ours. */
export type Announced = {
  readonly key: ObjectKey;
  readonly labels: TextMap;
  readonly policy: "Cluster" | "Local";
  readonly sharing: "may-share" | "alone";
  /** As its status lists them, each once. The first decides about the order of candidates for all of them. */
  readonly addresses: readonly IpAddress[];
  /** Whether the status lists something else besides. */
  readonly status: "readable" | "unreadable";
};

/** What is kept of a Service. */
export const announcedOf = (service: Service): Announced => {
  const parsed = service.ingress.map(({ ip }) => parseServiceAddress(ip ?? ""));
  const addresses = [...new Set(parsed.filter((address) => address !== undefined))];
  return {
    key: objectKey(service.meta),
    labels: service.meta.labels,
    policy: service.externalTrafficPolicy,
    sharing: (annotation(service, ANNOTATIONS.sharingKey) ?? "") === "" ? "alone" : "may-share",
    addresses,
    status: parsed.includes(undefined) ? "unreadable" : "readable",
  };
};

const isSameMap = (left: TextMap, right: TextMap): boolean => {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
};

/** Whether two versions of a Service are the same for announcing. */
export const isSameAnnounced = (left: Announced, right: Announced): boolean =>
  left.policy === right.policy &&
  left.sharing === right.sharing &&
  left.status === right.status &&
  isSameList(left.addresses, right.addresses) &&
  isSameMap(left.labels, right.labels);

/** Whether a Service is announced, and by which advertisements. */
export type Intent =
  | { readonly type: "announce"; readonly ads: readonly L2Advertisement[]; readonly lead: IpAddress }
  | { readonly type: "silent"; readonly reason: SilentReason };

const silent = (reason: SilentReason): Intent => ({ type: "silent", reason });

/** What is to become of a Service, asked in the order of `SILENT_REASONS`. */
export const intentOf = (
  service: Announced,
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
