/** Which address shows whether a router spreads over nodes: one that several nodes which want traffic tell it of. */
import { type IpAddress, isIpv4, parseAddress } from "#base/address";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import { readNode } from "#core/node/read";
import type { BgpFacts } from "./bgp-status.ts";

/** What there is to be tried, and with whom. */
export type SpreadQuestion = {
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly address: IpAddress;
  /** A TCP port of it. */
  readonly port: number;
  /** Name of the BGPPeer, and where the router is. */
  readonly peer: string;
  readonly router: IpAddress;
  /** Nodes that tell the router of the address and want traffic, in order; two or more. */
  readonly nodes: readonly string[];
};

export type SpreadSources = {
  /** `ServiceBGPStatus`, Service, Node and BGPAdvertisement objects. */
  readonly statuses: readonly unknown[];
  readonly services: readonly unknown[];
  readonly nodes: readonly unknown[];
  readonly advertisements: readonly unknown[];
  readonly bgp: BgpFacts;
};

/** Nodes that routers are told to prefer, as far as the cluster says. A taint may have one leave. */
const willing = (nodes: readonly unknown[]): ReadonlySet<string> =>
  new Set(
    nodes.flatMap((object) => {
      const node = readNode(object);
      if (node === undefined || node.life !== "lasting" || node.scheduling !== "open") return [];
      return node.readiness.state === "ready" && node.taints.length === 0 ? [node.name] : [];
    }),
  );

/** Nodes by Service and peer, as `namespace/name peer`. */
const tellers = (
  statuses: readonly unknown[],
  fit: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, readonly string[]>();
  for (const object of statuses) {
    const { node, serviceName, serviceNamespace, peers } = fieldsOf(fieldsOf(object).status);
    const name = textOf(node);
    if (!fit.has(name)) continue;
    for (const peer of listOf(peers)) {
      const key = `${textOf(serviceNamespace)}/${textOf(serviceName)} ${textOf(peer)}`;
      found.set(key, [...new Set([...(found.get(key) ?? []), name])].sort());
    }
  }
  return found;
};

/** Address and port that can be tried: with `Local` nodes may be told to weigh differently, or serve nothing. */
const doorsOf = (service: unknown): readonly Pick<SpreadQuestion, "service" | "address" | "port">[] => {
  const { spec, status } = fieldsOf(service);
  const meta = metaOf(service);
  const { type, externalTrafficPolicy, ports } = fieldsOf(spec);
  if (meta === undefined || type !== "LoadBalancer" || externalTrafficPolicy === "Local") return [];
  const open = listOf(ports)
    .map(fieldsOf)
    .find(({ protocol }) => protocol === undefined || protocol === "TCP");
  if (typeof open?.port !== "number") return [];
  const { port } = open;
  return listOf(fieldsOf(fieldsOf(status).loadBalancer).ingress).flatMap((each) => {
    const address = parseAddress(textOf(fieldsOf(each).ip));
    return address === undefined || !isIpv4(address)
      ? []
      : [{ service: `${meta.namespace}/${meta.name}`, address, port }];
  });
};

/** The first one, by name; `undefined`: there is none, or nodes may have been given different preferences. */
export const spreadQuestion = (sources: SpreadSources): SpreadQuestion | undefined => {
  const { statuses, services, nodes, advertisements, bgp } = sources;
  const preferences = new Set(advertisements.map((object) => fieldsOf(fieldsOf(object).spec).localPref ?? 0));
  if (preferences.size > 1) return undefined;
  const told = tellers(statuses, willing(nodes));
  const doors = services
    .flatMap(doorsOf)
    .sort((left, right) => (left.service < right.service ? -1 : left.service > right.service ? 1 : 0));
  for (const door of doors)
    for (const { name, address, isEstablished } of bgp.peers) {
      const among = told.get(`${door.service} ${name}`) ?? [];
      const router = address === undefined ? undefined : parseAddress(address);
      if (!isEstablished || router === undefined || !isIpv4(router) || among.length < 2) continue;
      return { ...door, peer: name, router, nodes: among };
    }
  return undefined;
};
