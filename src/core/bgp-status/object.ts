/** The object that says which peers one node tells of one Service. */
import { hashName } from "#core/balance/name-hash";
import { type ObjectKey, objectKey, splitKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import type { Owner } from "#core/layer2-status/object";

/** One `ServiceBGPStatus` as it was read. */
export type SeenBgpStatus = {
  readonly name: string;
  readonly uid: string;
  /** `""` while nothing was reported yet: the object is made first, its status is written after. */
  readonly node: string;
  /** From the status, and from the labels while there is none. */
  readonly service: ObjectKey;
  /** Sorted. */
  readonly peers: readonly string[];
  /** The node that its label names. */
  readonly labelled: string;
};

/** What one node says of one Service. */
export type BgpAnnounced = {
  readonly service: ObjectKey;
  /** Of BGPPeers, by name; at least one. */
  readonly peers: readonly string[];
};

const LABELS = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;

/** Longest value of a label. */
const LONGEST_LABEL = 63;

/** Reads an object; `undefined` if it names no Service. */
export const readBgpStatus = (object: unknown): SeenBgpStatus | undefined => {
  const meta = metaOf(object, () => false);
  if (meta === undefined) return undefined;
  const status = fieldsOf(fieldsOf(object).status);
  const name = textOf(status.serviceName) || (meta.labels[LABELS.name] ?? "");
  const namespace = textOf(status.serviceNamespace) || (meta.labels[LABELS.namespace] ?? "");
  if (name === "" || namespace === "") return undefined;
  const peers = listOf(status.peers).map(textOf);
  return {
    name: meta.name,
    uid: meta.uid,
    node: textOf(status.node),
    service: objectKey({ namespace, name }),
    peers: peers.filter((each) => each !== "").sort(),
    labelled: meta.labels[LABELS.node] ?? "",
  };
};

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** The name of the object of this node and Service: the same whenever it is asked for. */
export const bgpStatusName = (node: string, service: ObjectKey): string => {
  const text = `${node} ${service}`;
  return `bgp-${hex(hashName(text, 1))}${hex(hashName(text, 2))}`;
};

/** The object without its status, as it is made. A name too long for a label is left out of the labels. */
export const bgpStatusObject = (options: {
  readonly node: string;
  readonly service: ObjectKey;
  /** MetalLB's namespace, or ours. */
  readonly namespace: string;
  /** The speaker's pod. */
  readonly owner: Owner | undefined;
}): Readonly<Record<string, unknown>> => {
  const { node, service, namespace, owner } = options;
  const of = splitKey(service);
  const labels = Object.entries({
    [LABELS.node]: node,
    [LABELS.name]: of.name,
    [LABELS.namespace]: of.namespace,
  }).filter(([, value]) => value.length <= LONGEST_LABEL);
  const ownerReferences = owner === undefined ? [] : [{ apiVersion: "v1", kind: "Pod", ...owner }];
  return {
    apiVersion: "metallb.io/v1beta1",
    kind: "ServiceBGPStatus",
    metadata: {
      name: bgpStatusName(node, service),
      namespace,
      labels: Object.fromEntries(labels),
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    },
  };
};

/** The status itself. */
export const bgpStatusBody = (
  node: string,
  { service, peers }: BgpAnnounced,
): Readonly<Record<string, unknown>> => {
  const of = splitKey(service);
  return {
    node,
    serviceName: of.name,
    serviceNamespace: of.namespace,
    peers: [...peers].sort(),
  };
};
