/** Translates a topology into the scripts that build it. Pure: text in, text out; the holder runs them. */
import { formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import type { LabHost, Topology } from "./topology.ts";

/**
 * What every host starts from. Duplicate address detection is off, because a virtual address must work at once;
 * reverse-path filters are off, because in direct server return the answer takes another way than the question.
 */
const BASE_SYSCTLS: Readonly<Record<string, string>> = {
  "net/ipv6/conf/all/accept_dad": "0",
  "net/ipv6/conf/default/accept_dad": "0",
  "net/ipv6/conf/default/dad_transmits": "0",
  "net/ipv6/conf/all/disable_ipv6": "0",
  "net/ipv6/conf/default/disable_ipv6": "0",
  "net/ipv6/conf/default/accept_ra": "0",
  "net/ipv4/ip_forward": "0",
  "net/ipv4/conf/all/rp_filter": "0",
  "net/ipv4/conf/default/rp_filter": "0",
  "net/ipv4/conf/all/send_redirects": "0",
  "net/ipv4/conf/default/send_redirects": "0",
  "net/ipv4/conf/all/accept_redirects": "0",
  "net/ipv4/conf/default/accept_redirects": "0",
  "net/ipv4/conf/all/arp_ignore": "0",
  "net/ipv4/conf/all/arp_announce": "0",
  "net/ipv4/ping_group_range": "0 0",
};

/**
 * Runs as the first process of a host, in network, mount and UTS namespaces of its own. A name of its own, a /sys
 * of its own network, a private /run (two edges may use the same default paths), and /run/lab common to all.
 */
export const renderHostInit = (name: string, sysctls: Readonly<Record<string, string>>): string =>
  [
    `hostname ${name}`,
    "mount -t sysfs sysfs /sys",
    `mkdir -p /run/lab/hosts/${name}/run/lab /run/lab/hosts/${name}/run/netns`,
    `mount --rbind /run/lab /run/lab/hosts/${name}/run/lab`,
    `mount --rbind /run/lab/hosts/${name}/run /run`,
    "cd /proc/sys",
    ...Object.entries({ ...BASE_SYSCTLS, ...sysctls }).map(
      ([key, value]) => `[ ! -e ${key} ] || echo ${value} >${key}`,
    ),
    "cd /",
    "echo ready",
    "exec cat",
  ].join("\n");

/**
 * Interfaces of hosts are numbered from here on. When both ends of a cable have the same number, the kernel takes them
 * for something else than a pair and may be a second late to say that the link is up.
 */
const FIRST_INDEX = 100;

/** An `ip -batch` text for the namespace that knows all hosts by name: lays every cable. */
export const renderCables = (topology: Topology): string =>
  topology.hosts
    .flatMap((host) =>
      host.interfaces.map(
        (port, position) =>
          `link add name ${port.name} netns ${host.name} index ${FIRST_INDEX + position} address ${port.mac} type veth` +
          ` peer name ${host.name} netns ${port.switch}\n`,
      ),
    )
    .join("");

/** A bridge without spanning tree or snooping, and the ports of all hosts that are plugged into `place`. */
const bridgeLines = (
  topology: Topology,
  { place, bridge }: { readonly place: string; readonly bridge: string },
): readonly string[] => [
  `link add ${bridge} type bridge stp_state 0 mcast_snooping 0`,
  `link set ${bridge} up`,
  ...topology.hosts
    .filter((host) => host.interfaces.some((port) => port.switch === place))
    .map((host) => `link set ${host.name} master ${bridge} up`),
];

/** An `ip -batch` text for one switch: a bridge without addresses, and its ports. */
export const renderSwitch = (topology: Topology, name: string): string =>
  ["link set lo up", ...bridgeLines(topology, { place: name, bridge: "br0" }), ""].join("\n");

/** An `ip -batch` text that gives an address to an interface. */
const addressLine = (each: InterfaceAddress, device: string): string =>
  `address add ${formatInterfaceAddress(each)} dev ${device}${each.address.includes(":") ? " nodad" : " brd +"}`;

/** An `ip -batch` text for the bridge inside of a host; empty when it has none. */
export const renderHostBridge = (topology: Topology, { name, bridge }: LabHost): string =>
  bridge === undefined
    ? ""
    : [
        ...bridgeLines(topology, { place: name, bridge: bridge.name }),
        ...bridge.addresses.map((each) => addressLine(each, bridge.name)),
        "",
      ].join("\n");

/** An `ip -batch` text for one host: interfaces up, addresses, routes. */
export const renderHost = (host: LabHost): string =>
  [
    "link set lo up",
    // Never preferred: otherwise the host might use a shared address as the source of its own connections.
    ...host.loopback.map(
      (each) =>
        `address add ${formatInterfaceAddress(each)} dev lo${each.address.includes(":") ? " nodad preferred_lft 0" : ""}`,
    ),
    ...host.interfaces.flatMap((port) => [
      ...port.addresses.map((each) => addressLine(each, port.name)),
      `link set ${port.name} up`,
    ]),
    ...host.gateways.map((gateway) => `route add default via ${gateway}`),
    ...(host.routes ?? []).map(({ to, via }) => `route add ${formatInterfaceAddress(to)} via ${via}`),
    "",
  ].join("\n");
