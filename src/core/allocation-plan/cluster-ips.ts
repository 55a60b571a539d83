/**
 * Cluster addresses of Services that were written by hand.
 *
 * The API server gives each Service one, and its families decide which addresses it gets; a file that was never applied has
 * none. It is told what it would get, by the rules of the API server: the families that it names, else the cluster's.
 */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { assert } from "#base/assert";
import { parseServiceAddress } from "#core/ipam/block";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { fieldsOf } from "#core/kubernetes/read";
import type { Service } from "#core/service/service";

const addressOf = (text: string): IpAddress => {
  const address = parseServiceAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** Stand for the addresses that the API server would give; nobody sees them, and only their families count. */
const STAND_INS: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: addressOf("192.0.2.1"),
  IPv6: addressOf("2001:db8::1"),
};

/** The families of the cluster, its own first one first, as its Services show them. */
const familiesOf = (services: readonly Service[]): readonly IpFamily[] => {
  const counts = { IPv4: 0, IPv6: 0 };
  const seen = new Set<IpFamily>();
  for (const { clusterIps } of services) {
    const [first] = clusterIps;
    if (first !== undefined) counts[familyOf(first)] += 1;
    for (const address of clusterIps) seen.add(familyOf(address));
  }
  const primary: IpFamily = counts.IPv6 > counts.IPv4 ? "IPv6" : "IPv4";
  const other: IpFamily = primary === "IPv4" ? "IPv6" : "IPv4";
  return seen.has(other) ? [primary, other] : [primary];
};

const isHeadless = (raw: unknown): boolean => {
  const { clusterIP, clusterIPs } = fieldsOf(fieldsOf(raw).spec);
  return clusterIP === "None" || (Array.isArray(clusterIPs) && clusterIPs.includes("None"));
};

const wanted = (
  { ipFamilies, ipFamilyPolicy }: Service,
  cluster: readonly IpFamily[],
): readonly IpFamily[] => {
  const [first = "IPv4"] = ipFamilies.length > 0 ? ipFamilies : cluster;
  if (ipFamilyPolicy === "SingleStack") return [first];
  const both: readonly IpFamily[] = first === "IPv4" ? ["IPv4", "IPv6"] : ["IPv6", "IPv4"];
  // Prefer takes what the cluster has; for Require, and for a cluster of which nothing is known, what is asked for counts.
  return ipFamilyPolicy === "RequireDualStack" || cluster.length > 1 || ipFamilies.length > 1
    ? both
    : [first];
};

/** The Services, with cluster addresses for those of which `raws` shows that they were never given any. */
export const withClusterIps = (
  services: readonly Service[],
  raws: ReadonlyMap<ObjectKey, unknown>,
): readonly Service[] => {
  const isBare = (service: Service): boolean => {
    const raw = raws.get(objectKey(service.meta));
    return (
      raw !== undefined &&
      service.clusterIps.length === 0 &&
      service.type === "LoadBalancer" &&
      !isHeadless(raw)
    );
  };
  if (!services.some(isBare)) return services;
  const cluster = familiesOf(services);
  return services.map((service) => {
    if (!isBare(service)) return service;
    const families = wanted(service, cluster);
    return { ...service, ipFamilies: families, clusterIps: families.map((family) => STAND_INS[family]) };
  });
};
