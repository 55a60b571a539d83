/** Which families of addresses a Service needs: those of its cluster addresses. */
import { familyOf, type IpFamily } from "#base/address";
import type { Service } from "#core/service/service";

/** The families that a Service needs. */
export type Need = {
  /** One or two; with two, the one that the Service would rather have comes first. */
  readonly families: readonly IpFamily[];
  /** Whether one of two will do while there are not both (`PreferDualStack`). */
  readonly oneWillDo: boolean;
};

/** Why it cannot be told what a Service needs. */
export type NeedProblem =
  | "no-cluster-ips" // none is given yet, or there never will be one
  | "not-enough-cluster-ips" // RequireDualStack without an address of each family
  | "cluster-ips-unclear"; // two of one family, or more than two

/** What a Service needs, or why that cannot be told. */
export const needOf = (
  service: Service,
): { readonly ok: true; readonly need: Need } | { readonly ok: false; readonly reason: NeedProblem } => {
  const { clusterIps, ipFamilies, ipFamilyPolicy } = service;
  if (clusterIps.length === 0) return { ok: false, reason: "no-cluster-ips" };
  if (ipFamilyPolicy === "RequireDualStack" && clusterIps.length < 2)
    return { ok: false, reason: "not-enough-cluster-ips" };
  const found = new Set(clusterIps.map(familyOf));
  if (clusterIps.length > 2 || found.size !== clusterIps.length)
    return { ok: false, reason: "cluster-ips-unclear" };
  if (found.size === 1) return { ok: true, need: { families: [...found], oneWillDo: false } };
  const families: readonly IpFamily[] = ipFamilies[0] === "IPv6" ? ["IPv6", "IPv4"] : ["IPv4", "IPv6"];
  return { ok: true, need: { families, oneWillDo: ipFamilyPolicy === "PreferDualStack" } };
};
