/** Objects for tests; each function takes what the test is about and fills in the rest. */
import { readWorld, type World } from "./world.ts";

/** A pool of these addresses; further fields of its spec in `more`. */
export const pool = (name: string, addresses: readonly string[], more: object = {}): object => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { namespace: "lb", name },
  spec: { addresses, ...more },
});

/** A Service of type LoadBalancer in namespace `shop` with these addresses in its status. */
export const service = (
  name: string,
  addresses: readonly string[] = [],
  { annotations = {}, labels = {}, spec = {} }: { annotations?: object; labels?: object; spec?: object } = {},
): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name, annotations, labels },
  spec: {
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.1"],
    ipFamilies: ["IPv4"],
    ports: [{ port: 80, protocol: "TCP" }],
    ...spec,
  },
  status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip, ipMode: "VIP" })) } },
});

/** A namespace with labels. */
export const namespace = (name: string, labels: object = {}): object => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels },
});

/** The world of these objects. */
export const world = (...objects: readonly object[]): World => readWorld(objects);
