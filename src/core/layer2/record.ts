/** Who is recorded as the holder: a `ServiceL2Status`, written by the speaker that answers for a Service. */
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { fieldsOf, metaOf, textIn } from "#core/kubernetes/read";
import { isNodeName } from "#core/node/read";

/** That a node answers for a Service. For a while there may be several of one Service, from different nodes. */
export type HolderRecord = {
  /** Of the object itself. */
  readonly key: ObjectKey;
  readonly service: ObjectKey;
  readonly node: string;
};

/** No name in Kubernetes is longer. */
const LONGEST_NAME = 253;

/** The record in an object as parsed from JSON or YAML; `undefined` if it does not say which node and which Service. */
export const readHolderRecord = (object: unknown): HolderRecord | undefined => {
  const meta = metaOf(object, () => false);
  const status = fieldsOf(fieldsOf(object).status);
  const name = textIn(status.serviceName);
  const namespace = textIn(status.serviceNamespace);
  const node = textIn(status.node);
  if (meta === undefined || name === undefined || namespace === undefined || node === undefined)
    return undefined;
  if (!isNodeName(node) || name.length > LONGEST_NAME || namespace.length > LONGEST_NAME) return undefined;
  return { key: objectKey(meta), service: objectKey({ namespace, name }), node };
};
