/** What a lab consists of: hosts, switches and the cables between them. Pure description, nothing is built here. */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { type MacAddress, macFromBytes } from "#base/mac";
import { formatInterfaceAddress, type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";

/** What a host is for; the lab itself treats all roles alike. */
export type HostRole = "client" | "router" | "edge" | "node" | "control-plane" | "pod";

/** One cable: an interface of a host, plugged into a switch. The switch's port is named after the host. */
export type LabInterface = {
  /** At most 15 characters, unique in its host. */
  readonly name: string;
  /** A switch, or a host with a bridge of its own. */
  readonly switch: string;
  readonly mac: MacAddress;
  readonly addresses: readonly InterfaceAddress[];
};

/** A bridge inside of a host, into which others plug as into a switch of the host's name: the pods of a node. */
export type LabBridge = {
  /** The bridge's interface, such as `cni0`; at most 15 characters. */
  readonly name: string;
  readonly addresses: readonly InterfaceAddress[];
};

/** A route to a network, of the same family as the host that it leads through. */
export type LabRoute = { readonly to: InterfaceAddress; readonly via: IpAddress };

export type LabHost = {
  /** 1..10 characters, unique among hosts and switches: also its hostname and the name `ip -n` knows. */
  readonly name: string;
  readonly role: HostRole;
  readonly interfaces: readonly LabInterface[];
  /** Further addresses of the loopback interface, such as a virtual address in direct server return. */
  readonly loopback: readonly InterfaceAddress[];
  /** Default gateways, at most one of each family. */
  readonly gateways: readonly IpAddress[];
  /** Further routes. */
  readonly routes?: readonly LabRoute[];
  readonly bridge?: LabBridge;
  /** Written after the defaults; the key is the path below /proc/sys, such as `net/ipv4/ip_forward`. */
  readonly sysctls: Readonly<Record<string, string>>;
};

export type Topology = { readonly switches: readonly string[]; readonly hosts: readonly LabHost[] };

/** Choices for `standardTopology`. */
export type StandardOptions = {
  /** Edges `e1`, `e2`, ...; 0..9, default 2. */
  readonly edges?: number;
  /** Nodes `n1`, `n2`, ...; 0..99, default 3. */
  readonly nodes?: number;
  /** Whether the client sits behind the router `rt` (default) or on the LAN itself. */
  readonly client?: "routed" | "lan";
  /** Virtual addresses that nodes accept on their loopback without answering ARP for them. */
  readonly directReturn?: readonly IpAddress[];
};

const prefixed = (text: string): InterfaceAddress => {
  const parsed = parseInterfaceAddress(text);
  assert(parsed !== undefined, "not an address with a prefix length", { text });
  return parsed;
};

/** A locally administered address that tells network and host apart in a capture: 02:00:00:00:NETWORK:HOST. */
const mac = (network: number, host: number): MacAddress =>
  macFromBytes(Uint8Array.of(2, 0, 0, 0, network, host));

/** `eth0` (or `name`) in network 1 (10.1.0.0/24, fd01::/64, switch `up`) or 2 (10.2.0.0/24, fd02::/64, switch `sw`). */
const port = (network: 1 | 2, host: number, name = "eth0"): LabInterface => ({
  name,
  switch: network === 1 ? "up" : "sw",
  mac: mac(network, host),
  addresses: [prefixed(`10.${network}.0.${host}/24`), prefixed(`fd0${network}::${host}/64`)],
});

const gateways = (network: 1 | 2): readonly IpAddress[] => [
  prefixed(`10.${network}.0.1`).address,
  prefixed(`fd0${network}::1`).address,
];

const FORWARDING = { "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1" };

/** How a node keeps quiet about addresses it only accepts: no ARP answers for them and none as ARP sender. */
const QUIET_LOOPBACK = { "net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2" };

const host = (name: string, role: HostRole, rest: Partial<LabHost>): LabHost => ({
  name,
  role,
  interfaces: [],
  loopback: [],
  gateways: [],
  sysctls: {},
  ...rest,
});

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

/**
 * The network that most tests use. Client `cl` (10.1.0.2) is behind router `rt`; edges `e1`.. (10.2.0.11..) and
 * nodes `n1`.. (10.2.0.21..) share the LAN 10.2.0.0/24 of switch `sw`. IPv6 likewise in fd01::/64 and fd02::/64.
 * 10.2.0.100..199 and fd02::100 upwards are free for virtual addresses.
 */
export const standardTopology = (options: StandardOptions = {}): Topology => {
  const { edges = 2, nodes = 3, client = "routed", directReturn = [] } = options;
  assert(edges <= 9 && nodes <= 79, "too many hosts for the address plan", { edges, nodes });
  const loopback = directReturn.map((address) => prefixed(address));
  const routed = client === "routed";
  const clientNetwork = routed ? 1 : 2;
  return {
    switches: routed ? ["up", "sw"] : ["sw"],
    hosts: [
      host("cl", "client", { interfaces: [port(clientNetwork, 2)], gateways: gateways(clientNetwork) }),
      host("rt", "router", {
        interfaces: routed ? [port(1, 1), port(2, 1, "eth1")] : [port(2, 1)],
        sysctls: FORWARDING,
      }),
      ...numbered(edges).map((n) =>
        host(`e${n}`, "edge", {
          interfaces: [port(2, 10 + n)],
          gateways: gateways(2),
          sysctls: FORWARDING,
        }),
      ),
      ...numbered(nodes).map((n) =>
        host(`n${n}`, "node", {
          interfaces: [port(2, 20 + n)],
          gateways: gateways(2),
          loopback,
          sysctls: loopback.length > 0 ? QUIET_LOOPBACK : {},
        }),
      ),
    ],
  };
};

const NAME = /^[a-z][a-z0-9-]{0,9}$/;

/** Addresses that two interfaces have. */
const sharedAddresses = (topology: Topology): readonly string[] => {
  const owners = new Map<string, string>();
  return topology.hosts.flatMap(({ name, interfaces, bridge }) =>
    [...interfaces, ...(bridge === undefined ? [] : [bridge])].flatMap(({ addresses }) =>
      addresses.flatMap((address) => {
        const owner = owners.get(address.address);
        owners.set(address.address, name);
        return owner === undefined ? [] : [`${name}: ${formatInterfaceAddress(address)} belongs to ${owner}`];
      }),
    ),
  );
};

/** Everything that is wrong with a topology; empty when it can be built. */
export const topologyProblems = (topology: Topology): readonly string[] => {
  const problems: string[] = [];
  const names = [...topology.switches, ...topology.hosts.map((each) => each.name)];
  for (const name of names) {
    if (!NAME.test(name))
      problems.push(`${name}: a name is 1 to 10 of a-z, 0-9 and "-", starting with a letter`);
  }
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
    problems.push(`${name}: the name is given twice`);
  }
  const bridged = topology.hosts.filter(({ bridge }) => bridge !== undefined).map((each) => each.name);
  for (const { name, interfaces } of topology.hosts) {
    const plugged = interfaces.map((each) => each.switch);
    for (const each of interfaces) {
      if (![...topology.switches, ...bridged].includes(each.switch))
        problems.push(`${name}: there is no switch ${each.switch}`);
      if (plugged.indexOf(each.switch) !== plugged.lastIndexOf(each.switch)) {
        problems.push(`${name}: has two cables to switch ${each.switch}`);
      }
    }
  }
  return [...problems, ...sharedAddresses(topology)];
};
