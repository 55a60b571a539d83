/** Whether a Service is served anywhere, and by how many endpoints on this node. */
import type { Summary } from "#core/endpoint-slice/by-service";
import { type EndpointSlice, serves } from "#core/endpoint-slice/endpoint-slice";

export type Serving = {
  /** Whether any endpoint serves, on whatever node or none. */
  readonly anywhere: "some" | "none";
  /** Endpoints on this node that traffic goes to: ready ones, or if there is none, those that are being terminated and still serve. */
  readonly here: number;
};

const NOT_SERVING: Serving = { anywhere: "none", here: 0 };

const servingOn = (node: string, slices: Iterable<EndpointSlice>): Serving => {
  let anywhere: Serving["anywhere"] = "none";
  // A dual-stack pod is in a slice of each family, and is one endpoint all the same.
  const ready = { IPv4: 0, IPv6: 0, FQDN: 0 };
  const leaving = { IPv4: 0, IPv6: 0, FQDN: 0 };
  for (const { addressType, nodes } of slices) {
    for (const each of nodes) {
      if (serves(each)) anywhere = "some";
      if (each.node !== node) continue;
      ready[addressType] += each.ready;
      leaving[addressType] += each.leaving;
    }
  }
  const most = (counts: Readonly<Record<"IPv4" | "IPv6" | "FQDN", number>>): number =>
    Math.max(...Object.values(counts));
  return { anywhere, here: most(ready) > 0 ? most(ready) : most(leaving) };
};

/** The sum over the slices of a Service, seen from a node. */
export const servingFrom = (node: string): Summary<Serving> => ({
  none: NOT_SERVING,
  of: (slices) => servingOn(node, slices),
  isSame: (left, right) => left.anywhere === right.anywhere && left.here === right.here,
});
