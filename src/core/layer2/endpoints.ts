/** Where something serves, for each Service. */
import type { Summary } from "#core/endpoint-slice/by-service";
import { type EndpointSlice, serves } from "#core/endpoint-slice/endpoint-slice";

/** Where endpoints of a Service serve. */
export type Serving = {
  /** Whether any does, on whatever node or none. */
  readonly anywhere: "some" | "none";
  /** The nodes where one does, by name, each once. */
  readonly nodes: readonly string[];
};

const NOT_SERVING: Serving = { anywhere: "none", nodes: [] };
/** On no node that is known. */
const SERVING_NOWHERE: Serving = { anywhere: "some", nodes: [] };

const isSame = (left: Serving, right: Serving): boolean =>
  left.anywhere === right.anywhere &&
  left.nodes.length === right.nodes.length &&
  left.nodes.every((node, index) => node === right.nodes[index]);

const servingOf = (slices: Iterable<EndpointSlice>): Serving => {
  const nodes = new Set<string>();
  for (const slice of slices) for (const each of slice.nodes) if (serves(each)) nodes.add(each.node);
  if (nodes.size === 0) return NOT_SERVING;
  nodes.delete("");
  if (nodes.size === 0) return SERVING_NOWHERE;
  return { anywhere: "some", nodes: [...nodes].sort() };
};

/** Where something serves, as the sum over the slices of a Service. */
export const SERVING: Summary<Serving> = { none: NOT_SERVING, of: servingOf, isSame };
