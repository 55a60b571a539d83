/** Virtual servers in the words of Kubernetes, so that the rules of `#core/bgp-routes` apply to them as they are. */
import { contains, formatInterfaceAddress } from "#base/prefix";
import { instant } from "#base/time";
import type { RouteWord } from "#core/bgp/desired";
import { BgpRoutes } from "#core/bgp-routes/bgp-routes";
import { DEFAULT_RULES } from "#core/bgp-routes/rules";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import { type ObjectMeta, objectKey } from "#core/kubernetes/meta";
import type { Configuration } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import type { EdgeRoute, RoutedServer } from "./route.ts";

const EDGE = "edge";

const THIS_EDGE: Node = {
  ...{ name: EDGE, labels: {}, internalIps: [], taints: [] },
  scheduling: "open",
  readiness: { state: "ready", since: 0 },
  network: { state: "available", since: 0 },
  life: "lasting",
};

const metaOf = ({ name, labels }: RoutedServer): ObjectMeta => ({
  ...{ name, labels, namespace: "", uid: name, resourceVersion: "", annotations: {} },
  ...{ generation: 0, createdAt: 0, isDeleting: false },
});

const serviceOf = (server: RoutedServer): Service => ({
  meta: metaOf(server),
  type: "LoadBalancer",
  ...{ loadBalancerClass: undefined, loadBalancerIp: undefined, clusterIps: [], ipFamilies: [] },
  ...{ ipFamilyPolicy: "SingleStack", externalTrafficPolicy: "Cluster", healthCheckNodePort: 0 },
  ...{ selector: {}, ports: [], conditions: [] },
  ingress: [{ ip: server.address, hostname: undefined, ipMode: "VIP" }],
});

/** As if it had a backend: whether it has one is asked when it is announced. */
const sliceOf = (server: RoutedServer): EndpointSlice => ({
  key: objectKey(metaOf(server)),
  service: objectKey(metaOf(server)),
  addressType: "IPv4",
  nodes: [{ node: EDGE, ready: 1, leaving: 0, silent: 0 }],
});

/** The routes of all servers, as if each had a backend; by prefix. */
export const routesOf = (
  servers: readonly RoutedServer[],
  { configuration, peers }: { readonly configuration: Configuration; readonly peers: readonly string[] },
): readonly EdgeRoute[] => {
  const routes = new BgpRoutes({ node: EDGE, lbClass: undefined, rules: DEFAULT_RULES });
  routes.configure(configuration);
  routes.setPeers(peers);
  routes.setNode(THIS_EDGE);
  for (const server of servers) {
    routes.setService(serviceOf(server));
    routes.setSlice(sliceOf(server));
  }
  return routes
    .settle(instant(0))
    .changed.map((route) => ({
      ...{ name: formatInterfaceAddress(route.prefix), route },
      servers: serversIn(route, servers),
    }))
    .sort(({ name: left }, { name: right }) => (left < right ? -1 : Number(left > right)));
};

const serversIn = ({ prefix }: RouteWord, servers: readonly RoutedServer[]): readonly string[] =>
  servers.filter(({ address }) => contains(prefix, address)).map(({ name }) => name);
