/**
 * Where everything is in a cluster in the lab.
 *
 * ```
 *  far ── up ── gw ┐            ┌ n1 ── cni0 ── n1-a, n1-b …      pods, 10.244.1.0/24
 *                  ├──── sw ────┤ n2 ── cni0 ── n2-a …            10.244.2.0/24
 *              cl ─┘            └ n3 …
 *                       cp ── mg ── the second interface of every node
 * ```
 *
 * The LAN of switch `sw` is 10.2.0.0/24 and fd02::/64: gateway .1, client .2, nodes from .21 on; from .100 (and ::100) on
 * addresses are free for Services. The control plane `cp` is on a network of its own (10.9.0.0/24), or on the LAN as .10.
 */
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { macFromBytes } from "#base/mac";
import { type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import type { HostRole, LabHost, LabInterface, LabRoute, Topology } from "#lab/topology";

/** Where the nodes find the API server. */
export type ApiNetwork = "lan" | "management";

export type PlanOptions = {
  /** 1 to 9, default 3. */
  readonly nodes?: number;
  /** How many pods each node has room for; 1 to 9, default 2. */
  readonly pods?: number;
  /** Default `management`. */
  readonly api?: ApiNetwork;
  /** The number of its first node, where another cluster has those before; default 1. */
  readonly first?: number;
  /** The host of its control plane, and the number of that; default `cp` and 10. */
  readonly control?: { readonly name: string; readonly number: number };
  /** The switch of its nodes; default `sw`. Another one has the same network, for somebody to join the two. */
  readonly lan?: "sw" | "sx";
};

/** Room for one pod: a network namespace behind a node. */
export type PodPlace = { readonly host: string; readonly addresses: readonly [IpAddress, IpAddress] };

export type NodePlan = {
  /** Of the host in the lab and of the Node. */
  readonly name: string;
  /** On the LAN, IPv4 and IPv6. */
  readonly addresses: readonly [IpAddress, IpAddress];
  readonly mac: string;
  readonly podCidrs: readonly [string, string];
  readonly places: readonly PodPlace[];
};

export type Plan = {
  readonly topology: Topology;
  readonly nodes: readonly NodePlan[];
  /** Of the API server, as nodes reach it. */
  readonly apiAddress: IpAddress;
  /** The host of the control plane. */
  readonly control: string;
};

/** Of all pods, as kube-proxy is told. */
export const POD_CIDRS = "10.244.0.0/16,fd00:244::/32";

/** An address as text, checked. */
export const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "not an address", { text });
  return parsed;
};

const prefixed = (text: string): InterfaceAddress => {
  const parsed = parseInterfaceAddress(text);
  assert(parsed !== undefined, "not an address with a prefix length", { text });
  return parsed;
};

const NETWORKS = { up: 1, sw: 2, sx: 2, mg: 9 } as const;
type Network = keyof typeof NETWORKS;

/** A cable into a network's switch, for its host of that number. */
export const port = (network: Network, host: number, name: string): LabInterface => {
  const n = NETWORKS[network];
  return {
    name,
    switch: network,
    mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, n, host)),
    addresses: [prefixed(`10.${n}.0.${host}/24`), prefixed(`fd0${n}::${host}/64`)],
  };
};

/** A host that has nothing but what is given. */
export const host = (name: string, role: HostRole, rest: Partial<LabHost>): LabHost => ({
  name,
  role,
  interfaces: [],
  loopback: [],
  gateways: [],
  sysctls: {},
  ...rest,
});

const FORWARDING = { "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1" };
const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

const gatewayOf = (network: Network): readonly IpAddress[] => {
  const n = NETWORKS[network];
  return [address(`10.${n}.0.1`), address(`fd0${n}::1`)];
};

const planNode = (n: number, pods: number): NodePlan => ({
  name: `n${n}`,
  addresses: [address(`10.2.0.${20 + n}`), address(`fd02::${20 + n}`)],
  mac: port("sw", 20 + n, "eth0").mac,
  podCidrs: [`10.244.${n}.0/24`, `fd00:244:${n}::/64`],
  places: numbered(pods).map((p) => ({
    host: `n${n}-${String.fromCharCode(96 + p)}`,
    addresses: [address(`10.244.${n}.${1 + p}`), address(`fd00:244:${n}::${1 + p}`)],
  })),
});

/** The ways to the pods of all other nodes, as a network plugin without tunnels makes them. */
const routesOf = (node: NodePlan, nodes: readonly NodePlan[]): readonly LabRoute[] =>
  nodes
    .filter((other) => other !== node)
    .flatMap(({ podCidrs: [v4, v6], addresses: [via4, via6] }) => [
      { to: prefixed(v4), via: via4 },
      { to: prefixed(v6), via: via6 },
    ]);

const nodeHost = (n: number, node: NodePlan, rest: Partial<LabHost>): LabHost =>
  host(node.name, "node", {
    gateways: gatewayOf("sw"),
    sysctls: FORWARDING,
    bridge: {
      name: "cni0",
      addresses: [prefixed(`10.244.${n}.1/24`), prefixed(`fd00:244:${n}::1/64`)],
    },
    ...rest,
  });

const podHost = (n: number, p: number, { host: name, addresses }: PodPlace): LabHost =>
  host(name, "pod", {
    interfaces: [
      {
        name: "eth0",
        switch: `n${n}`,
        mac: macFromBytes(Uint8Array.of(2, 0, 0, 244, n, 1 + p)),
        addresses: [prefixed(`${addresses[0]}/24`), prefixed(`${addresses[1]}/64`)],
      },
    ],
    gateways: [address(`10.244.${n}.1`), address(`fd00:244:${n}::1`)],
  });

/** The network of a cluster. */
export const planCluster = ({
  nodes: count = 3,
  pods = 2,
  api = "management",
  first = 1,
  control = { name: "cp", number: 10 },
  lan = "sw",
}: PlanOptions = {}): Plan => {
  assert(first + count <= 10 && count >= 1 && pods >= 1 && pods <= 9, "not so many", { count, pods });
  const numbers = numbered(count).map((n) => first + n - 1);
  const nodes = numbers.map((n) => planNode(n, pods));
  const apart = api === "management";
  const apiNetwork: Network = apart ? "mg" : lan;
  return {
    nodes,
    control: control.name,
    apiAddress: address(`10.${apart ? 9 : 2}.0.${control.number}`),
    topology: {
      switches: ["up", "sw", ...(apart ? ["mg"] : [])],
      hosts: [
        host("far", "client", { interfaces: [port("up", 2, "eth0")], gateways: gatewayOf("up") }),
        host("gw", "router", {
          interfaces: [port("sw", 1, "eth0"), port("up", 1, "eth1")],
          sysctls: FORWARDING,
        }),
        host("cl", "client", { interfaces: [port("sw", 2, "eth0")], gateways: gatewayOf("sw") }),
        host(control.name, "control-plane", { interfaces: [port(apiNetwork, control.number, "eth0")] }),
        ...nodes.map((node, index) => {
          const n = first + index;
          return nodeHost(n, node, {
            interfaces: [port(lan, 20 + n, "eth0"), ...(apart ? [port("mg", 20 + n, "eth1")] : [])],
            routes: routesOf(node, nodes),
          });
        }),
        ...nodes.flatMap((node, index) =>
          node.places.map((place, slot) => podHost(first + index, slot + 1, place)),
        ),
      ],
    },
  };
};
