/** Where something serves, for each Service, from its slices as they come and go. */
import { type EndpointSlice, serves } from "#core/endpoint-slice/endpoint-slice";
import type { ObjectKey } from "#core/kubernetes/meta";

/** Where endpoints of a Service serve. */
export type Serving = {
  /** Whether any does, on whatever node or none. */
  readonly anywhere: "some" | "none";
  /** The nodes where one does, by name, each once. */
  readonly nodes: readonly string[];
};

const NOT_SERVING: Serving = { anywhere: "none", nodes: [] };

const isSame = (left: Serving, right: Serving): boolean =>
  left.anywhere === right.anywhere &&
  left.nodes.length === right.nodes.length &&
  left.nodes.every((node, index) => node === right.nodes[index]);

const servingOf = (slices: Iterable<EndpointSlice>): Serving => {
  const nodes = new Set<string>();
  for (const slice of slices) for (const each of slice.nodes) if (serves(each)) nodes.add(each.node);
  if (nodes.size === 0) return NOT_SERVING;
  nodes.delete("");
  return { anywhere: "some", nodes: [...nodes].sort() };
};

type Entry = { readonly slices: Map<ObjectKey, EndpointSlice>; serving: Serving };

export class Endpoints {
  readonly #byService = new Map<ObjectKey, Entry>();
  /** A slice may come to name another Service. */
  readonly #serviceOf = new Map<ObjectKey, ObjectKey>();

  /** Where a Service's endpoints serve. */
  of(service: ObjectKey): Serving {
    return this.#byService.get(service)?.serving ?? NOT_SERVING;
  }

  /** Takes note of a slice; gives the Services for which something changed. */
  set(slice: EndpointSlice): readonly ObjectKey[] {
    const before = this.#serviceOf.get(slice.key);
    const left = before === undefined || before === slice.service ? [] : this.remove(slice.key);
    const entry = this.#byService.get(slice.service) ?? { slices: new Map(), serving: NOT_SERVING };
    this.#byService.set(slice.service, entry);
    this.#serviceOf.set(slice.key, slice.service);
    entry.slices.set(slice.key, slice);
    return [...left, ...this.#settle(slice.service, entry)];
  }

  /** Takes note that a slice is gone; gives the Services for which something changed. */
  remove(slice: ObjectKey): readonly ObjectKey[] {
    const service = this.#serviceOf.get(slice);
    const entry = service === undefined ? undefined : this.#byService.get(service);
    if (service === undefined || entry === undefined) return [];
    this.#serviceOf.delete(slice);
    entry.slices.delete(slice);
    if (entry.slices.size === 0) this.#byService.delete(service);
    return this.#settle(service, entry);
  }

  #settle(service: ObjectKey, entry: Entry): readonly ObjectKey[] {
    const serving = servingOf(entry.slices.values());
    if (isSame(serving, entry.serving)) return [];
    entry.serving = serving;
    return [service];
  }
}
