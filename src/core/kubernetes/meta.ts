/** What every Kubernetes object has: a name, labels, annotations, versions. */

declare const keyBrand: unique symbol;

/** `namespace/name`, or `name` of what lies in no namespace: unique among objects of one kind. */
export type ObjectKey = string & { readonly [keyBrand]: true };

/** Text by name, as labels and annotations are. */
export type TextMap = Readonly<Record<string, string>>;

/** The metadata that we keep of an object. */
export type ObjectMeta = {
  /** `""` for what lies in no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Opaque: to be compared for equality and given back, never ordered. */
  readonly resourceVersion: string;
  /** Counts changes of `spec`; `0` where the kind does not count. */
  readonly generation: number;
  /** Seconds since 1970, as the API server stamped it; `0` when absent. */
  readonly createdAt: number;
  /** Whether the object is being deleted. */
  readonly isDeleting: boolean;
  readonly labels: TextMap;
  readonly annotations: TextMap;
};

/**
 * The key of an object. Joined, and not put together with a template: that would be kept as a tree of its parts, which takes
 * three times as much memory for as long as the key is kept.
 */
export const objectKey = ({ namespace, name }: Pick<ObjectMeta, "namespace" | "name">): ObjectKey =>
  (namespace === "" ? name : [namespace, name].join("/")) as ObjectKey;

/** The namespace and name of a key. */
export const splitKey = (key: ObjectKey): { readonly namespace: string; readonly name: string } => {
  const slash = key.indexOf("/");
  return slash < 0
    ? { namespace: "", name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
};
