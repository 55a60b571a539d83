/** The kinds of objects that our programs in a cluster read and write. */
import type { Resource } from "#drivers/kubernetes/port";

const namespaced = (group: string, version: string, plural: string): Resource => ({
  group,
  version,
  plural,
  namespaced: true,
});

export const SERVICES = namespaced("", "v1", "services");
export const EVENTS = namespaced("", "v1", "events");
export const SECRETS = namespaced("", "v1", "secrets");
export const PODS = namespaced("", "v1", "pods");
export const ENDPOINT_SLICES = namespaced("discovery.k8s.io", "v1", "endpointslices");
export const DAEMON_SETS = namespaced("apps", "v1", "daemonsets");
export const NAMESPACES: Resource = { group: "", version: "v1", plural: "namespaces", namespaced: false };
export const NODES: Resource = { group: "", version: "v1", plural: "nodes", namespaced: false };
export const POOLS = namespaced("metallb.io", "v1beta1", "ipaddresspools");
export const L2_STATUSES = namespaced("metallb.io", "v1beta1", "servicel2statuses");
export const BGP_STATUSES = namespaced("metallb.io", "v1beta1", "servicebgpstatuses");
export const CONFIGURATION_STATES = namespaced("metallb.io", "v1beta1", "configurationstates");

/** What the configuration is read from, by kind. */
export const CONFIGURATION_KINDS: ReadonlyMap<string, Resource> = new Map([
  ["IPAddressPool", POOLS],
  ["L2Advertisement", namespaced("metallb.io", "v1beta1", "l2advertisements")],
  ["BGPAdvertisement", namespaced("metallb.io", "v1beta1", "bgpadvertisements")],
  ["BGPPeer", namespaced("metallb.io", "v1beta2", "bgppeers")],
  ["BFDProfile", namespaced("metallb.io", "v1beta1", "bfdprofiles")],
  ["Community", namespaced("metallb.io", "v1beta1", "communities")],
  ["AddressReservation", namespaced("steelyard.dev", "v1alpha1", "addressreservations")],
  ["AddressConflict", namespaced("steelyard.dev", "v1alpha1", "addressconflicts")],
]);
