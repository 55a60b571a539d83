/** The object that says where one Service is announced from one node. */
import { hashName } from "#core/balance/name-hash";
import type { ObjectKey } from "#core/kubernetes/meta";
import { objectKey, splitKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";

/** One `ServiceL2Status` as it was read. */
export type SeenStatus = {
  readonly name: string;
  readonly uid: string;
  /** `""` while nothing was reported yet: the object is made first, its status is written after. */
  readonly node: string;
  /** From the status, and from the labels while there is none. */
  readonly service: ObjectKey;
  /** Sorted; empty for all of them. */
  readonly interfaces: readonly string[];
  /** The node that its label names. */
  readonly labelled: string;
};

/** What one node says of one Service. */
export type Announced = {
  readonly service: ObjectKey;
  /** Empty when it answers on all of them. */
  readonly interfaces: readonly string[];
};

const LABELS = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;

/** Longest value of a label. */
const LONGEST_LABEL = 63;

/** Of most of them. */
const EVERYWHERE: readonly string[] = [];

/** Reads an object; `undefined` if it names no Service. */
export const readStatus = (object: unknown): SeenStatus | undefined => {
  const meta = metaOf(object);
  if (meta === undefined) return undefined;
  const status = fieldsOf(fieldsOf(object).status);
  const name = textOf(status.serviceName) || (meta.labels[LABELS.name] ?? "");
  const namespace = textOf(status.serviceNamespace) || (meta.labels[LABELS.namespace] ?? "");
  if (name === "" || namespace === "") return undefined;
  const interfaces = listOf(status.interfaces)
    .map((each) => textOf(fieldsOf(each).name))
    .filter((each) => each !== "");
  return {
    name: meta.name,
    uid: meta.uid,
    node: textOf(status.node),
    service: objectKey({ namespace, name }),
    interfaces: interfaces.length === 0 ? EVERYWHERE : interfaces.sort(),
    labelled: meta.labels[LABELS.node] ?? "",
  };
};

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** The name of the object of this node and Service: the same whenever it is asked for. */
export const statusName = (node: string, service: ObjectKey): string => {
  const text = `${node} ${service}`;
  return `l2-${hex(hashName(text, 1))}${hex(hashName(text, 2))}`;
};

/** Who owns the objects, so that they go when the speaker's pod goes for good. */
export type Owner = { readonly name: string; readonly uid: string };

/** The object without its status, as it is made. A name too long for a label is left out of the labels. */
export const statusObject = (options: {
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
    kind: "ServiceL2Status",
    metadata: {
      name: statusName(node, service),
      namespace,
      labels: Object.fromEntries(labels),
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    },
  };
};

/** The status itself. */
export const statusBody = (
  node: string,
  { service, interfaces }: Announced,
): Readonly<Record<string, unknown>> => {
  const of = splitKey(service);
  return {
    node,
    serviceName: of.name,
    serviceNamespace: of.namespace,
    interfaces: [...interfaces].sort().map((name) => ({ name })),
  };
};
