/** The kinds of objects that a speaker reads and writes. */
import type { Resource } from "#drivers/kubernetes/port";

const namespaced = (group: string, version: string, plural: string): Resource => ({
  group,
  version,
  plural,
  namespaced: true,
});

export const SERVICES = namespaced("", "v1", "services");
export const PODS = namespaced("", "v1", "pods");
export const NODES: Resource = { group: "", version: "v1", plural: "nodes", namespaced: false };
export const ENDPOINT_SLICES = namespaced("discovery.k8s.io", "v1", "endpointslices");
export const L2_STATUSES = namespaced("metallb.io", "v1beta1", "servicel2statuses");
export const CONFIGURATION_STATES = namespaced("metallb.io", "v1beta1", "configurationstates");
