/** Ready-made nodes, Services and slices as announcing looks at them, for tests. */
import type { EndpointSlice, EndpointsOnNode } from "#core/endpoint-slice/endpoint-slice";
import type { ObjectKey, TextMap } from "#core/kubernetes/meta";
import type { LabelSelector } from "#core/kubernetes/selector";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { ingressOf, loadBalancer } from "./services.ts";

/** A node with which nothing is the matter. */
export const testNode = (name: string, overrides: Partial<Node> = {}): Node => ({
  name,
  labels: {},
  internalIps: [],
  scheduling: "open",
  readiness: { state: "ready", since: 0 },
  network: { state: "available", since: 0 },
  taints: [],
  life: "lasting",
  ...overrides,
});

/** A selector of labels that must be there. */
export const labelled = (matchLabels: TextMap): LabelSelector => ({ matchLabels, matchExpressions: [] });

/** The Service `default/NAME` with addresses in its status. */
export const testService = (
  name: string,
  addresses: readonly string[],
  overrides: Parameters<typeof loadBalancer>[1] = {},
): Service => loadBalancer(name, { ingress: ingressOf(...addresses), ...overrides });

/** A key of an object in `default`. */
export const keyOf = (name: string): ObjectKey => `default/${name}` as ObjectKey;

/** The one slice of the Service `default/NAME`, with one ready endpoint on each of the nodes, or as said. */
export const testSlice = (
  service: string,
  nodes: readonly (string | EndpointsOnNode)[],
  suffix = "1",
): EndpointSlice => ({
  key: keyOf(`${service}-${suffix}`),
  service: keyOf(service),
  addressType: "IPv4",
  nodes: nodes.map((node) => (typeof node === "string" ? { node, ready: 1, leaving: 0, silent: 0 } : node)),
});
