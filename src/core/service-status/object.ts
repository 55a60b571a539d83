/** What the objects that say of one node and one Service have in common. */
import { hashName } from "#core/balance/name-hash";
import { type ObjectKey, objectKey, splitKey } from "#core/kubernetes/meta";
import { type Fields, fieldsOf, metaOf, textOf } from "#core/kubernetes/read";

/** One such object as it was read. */
export type SeenStatusObject = {
  readonly name: string;
  readonly uid: string;
  /** `""` while nothing was reported yet: the object is made first, its status is written after. */
  readonly node: string;
  /** From the status, and from the labels while there is none. */
  readonly service: ObjectKey;
  /** The node that its label names. */
  readonly labelled: string;
};

/** Who owns the objects, so that they go when the speaker's pod goes for good. */
export type Owner = { readonly name: string; readonly uid: string };

const LABELS = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;

/** Longest value of a label. */
const LONGEST_LABEL = 63;

/** Reads an object, and gives its status for the rest; `undefined` if it names no Service. */
export const readStatusObject = (
  object: unknown,
): { readonly seen: SeenStatusObject; readonly status: Fields } | undefined => {
  const meta = metaOf(object, () => false);
  if (meta === undefined) return undefined;
  const status = fieldsOf(fieldsOf(object).status);
  const name = textOf(status.serviceName) || (meta.labels[LABELS.name] ?? "");
  const namespace = textOf(status.serviceNamespace) || (meta.labels[LABELS.namespace] ?? "");
  if (name === "" || namespace === "") return undefined;
  const seen = {
    ...{ name: meta.name, uid: meta.uid, node: textOf(status.node) },
    ...{ service: objectKey({ namespace, name }), labelled: meta.labels[LABELS.node] ?? "" },
  };
  return { seen, status };
};

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** The name of the object of this node and Service: the same whenever it is asked for. */
export const statusObjectName = (prefix: string, node: string, service: ObjectKey): string => {
  const text = `${node} ${service}`;
  return `${prefix}-${hex(hashName(text, 1))}${hex(hashName(text, 2))}`;
};

/** An object without its status, as it is made. A name too long for a label is left out of the labels. */
export const statusObject = (options: {
  readonly kind: "ServiceL2Status" | "ServiceBGPStatus";
  readonly name: string;
  readonly node: string;
  readonly service: ObjectKey;
  /** MetalLB's namespace, or ours. */
  readonly namespace: string;
  /** The speaker's pod. */
  readonly owner: Owner | undefined;
}): Readonly<Record<string, unknown>> => {
  const { kind, name, node, service, namespace, owner } = options;
  const of = splitKey(service);
  const labels = Object.entries({
    [LABELS.node]: node,
    [LABELS.name]: of.name,
    [LABELS.namespace]: of.namespace,
  }).filter(([, value]) => value.length <= LONGEST_LABEL);
  const ownerReferences = owner === undefined ? [] : [{ apiVersion: "v1", kind: "Pod", ...owner }];
  return {
    apiVersion: "metallb.io/v1beta1",
    kind,
    metadata: {
      name,
      namespace,
      labels: Object.fromEntries(labels),
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    },
  };
};

/** Whom a status is about. */
export const statusSubject = (node: string, service: ObjectKey): Readonly<Record<string, unknown>> => {
  const of = splitKey(service);
  return { node, serviceName: of.name, serviceNamespace: of.namespace };
};
