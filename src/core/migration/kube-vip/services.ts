/** kube-vip's annotations at Services. */
import {
  type AnnotatedService,
  addressesIn,
  annotatedService,
  commandFor,
  noteClass,
  type Wanted,
  wantAddresses,
} from "../annotations.ts";
import type { Report } from "../report.ts";
import type { Section } from "../section.ts";

const PREFIX = "kube-vip.io/";

type Fate = readonly ["lost" | "needless", string];

const DHCP: Fate = ["lost", "is about addresses by DHCP; steelyard gives them from pools"];
const EGRESS: Fate = ["lost", "steelyard does not translate connections that leave the cluster"];
const WRITTEN: Fate = ["needless", "is written by kube-vip about what it does"];
const ROUTER: Fate = ["lost", "steelyard asks no home router to open ports"];
const LEASE: Fate = ["needless", "no Lease decides which node announces an address"];

/** What becomes of each annotation but the one that asks for addresses. */
const FATES: ReadonlyMap<string, Fate> = new Map([
  ["loadbalancerHostname", ["lost", "steelyard writes addresses into the status of a Service, no names"]],
  ["ignore", ["lost", "steelyard leaves out Services with a loadBalancerClass that it does not serve"]],
  [
    "serviceVLAN",
    ["lost", "steelyard makes no VLANs; announce on an interface that is there (L2Advertisement.interfaces)"],
  ],
  ["requestedIP", DHCP],
  ["hwaddr", DHCP],
  ["macvlanName", DHCP],
  ["dhcp-broadcast", DHCP],
  ["ddns", DHCP],
  ["flush-conntrack", ["lost", "steelyard leaves the connection tracking of nodes alone"]],
  ["rp_filter", ["lost", "steelyard leaves rp_filter of nodes alone; set it with sysctl"]],
  ["leaseName", LEASE],
  ["forcePerServiceElection", LEASE],
  [
    "allow-reconcile-without-endpoints",
    ["lost", "an address is given without endpoints as well, and announced once there are some"],
  ],
  ["ignore-service-security", ["needless", "loadBalancerSourceRanges are left to kube-proxy"]],
  ["forwardUPNP", ROUTER],
  ["upnp-lease-duration", ROUTER],
  ["vipHost", WRITTEN],
  ["active-endpoint", WRITTEN],
  ["active-endpoint-ipv6", WRITTEN],
]);

const fateOf = (name: string): Fate =>
  FATES.get(name) ??
  (name === "egress" || name.startsWith("egress-")
    ? EGRESS
    : ["lost", "is no annotation of kube-vip's that the importer knows"]);

const noteInterface = (
  { annotations, namespace }: AnnotatedService,
  interfaceByNamespace: ReadonlyMap<string, string>,
): void => {
  const key = `${PREFIX}serviceInterface`;
  const name = annotations.text(key);
  if (name === undefined) return;
  const usual = interfaceByNamespace.get(namespace) ?? interfaceByNamespace.get("global");
  if (name === usual) annotations.needless(key, "is the interface of its pool");
  else
    annotations.lost(
      key,
      "interfaces go by pools; give it a pool of its own with an L2Advertisement that names the interface",
    );
};

const wantedOf = (service: AnnotatedService): Wanted | undefined => {
  const key = `${PREFIX}loadbalancerIPs`;
  const text = service.annotations.text(key);
  if (text === undefined) return undefined;
  const addresses = addressesIn(text);
  if (addresses === undefined) {
    service.annotations.lost(key, `${JSON.stringify(text.slice(0, 60))} is no list of addresses`);
    return undefined;
  }
  if (addresses.some((address) => address === "0.0.0.0" || address === "::")) {
    service.annotations.lost(key, DHCP[1]);
    return undefined;
  }
  return wantAddresses(service, { key, addresses });
};

/** Reads a Service; gives the command that writes what its annotations become. */
export const readService = (
  section: Section,
  {
    report,
    interfaceByNamespace,
  }: {
    readonly report: Report;
    readonly interfaceByNamespace: ReadonlyMap<string, string>;
  },
): string | undefined => {
  const service = annotatedService(section);
  if (service === undefined) return undefined;
  const { annotations } = service;
  const wanted = wantedOf(service);
  noteInterface(service, interfaceByNamespace);
  for (const key of annotations.keys.filter((each) => each.startsWith(PREFIX))) {
    const name = key.slice(PREFIX.length);
    if (name === "loadbalancerIPs" || name === "serviceInterface") continue;
    const [fate, why] = fateOf(name);
    annotations[fate](key, why);
  }
  if (service.loadBalancerClass?.startsWith(PREFIX) === true) noteClass(service, report);
  return wanted === undefined ? undefined : commandFor(service, wanted);
};
