/** From an EndpointSlice as the API server or a file holds it to what we keep of it. */
import { objectKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textIn, wordOf } from "#core/kubernetes/read";
import type { EndpointSlice, EndpointsOnNode } from "./endpoint-slice.ts";

const SERVICE_LABEL = "kubernetes.io/service-name";
/** As many as the API server allows. */
const MOST_ENDPOINTS = 1_000;
/** Names of nodes are not longer; an endpoint that names something else is on no node that we know. */
const LONGEST_NAME = 253;

type Count = "ready" | "leaving" | "silent";

const countedAs = (conditions: unknown): Count => {
  const { ready, serving } = fieldsOf(conditions);
  if (ready !== false) return "ready";
  return serving === true ? "leaving" : "silent";
};

const nodesOf = (endpoints: unknown): readonly EndpointsOnNode[] => {
  const byNode = new Map<string, EndpointsOnNode>();
  for (const endpoint of listOf(endpoints).slice(0, MOST_ENDPOINTS)) {
    const { nodeName, conditions } = fieldsOf(endpoint);
    const name = textIn(nodeName) ?? "";
    const node = name.length > LONGEST_NAME ? "" : name;
    const before = byNode.get(node) ?? { node, ready: 0, leaving: 0, silent: 0 };
    const count = countedAs(conditions);
    byNode.set(node, { ...before, [count]: before[count] + 1 });
  }
  return [...byNode.values()].sort((left, right) => (left.node < right.node ? -1 : 1));
};

/** The slice in an object as parsed from JSON or YAML; `undefined` if it has no name or belongs to no Service. */
export const readEndpointSlice = (object: unknown): EndpointSlice | undefined => {
  const meta = metaOf(object, () => false);
  const service = meta === undefined ? undefined : textIn(meta.labels[SERVICE_LABEL]);
  if (meta === undefined || service === undefined) return undefined;
  const { addressType, endpoints } = fieldsOf(object);
  return {
    key: objectKey(meta),
    service: objectKey({ namespace: meta.namespace, name: service }),
    addressType: wordOf(addressType, ["IPv4", "IPv6", "FQDN"]),
    nodes: nodesOf(endpoints),
  };
};
