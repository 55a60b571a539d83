/** Which interfaces lead where, for `dsr`: asked of the kernel once and again after each change to its network. */
import type { IpAddress } from "#base/address";
import { contains } from "#base/prefix";
import type { SourceInputs } from "#core/balance/source";
import type { Desired } from "#core/config/desired";
import type { Host } from "#core/sysctl/use";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { Link, NetlinkPort } from "#drivers/netlink/port";
import { createUplinks } from "./uplinks.ts";

/** Changes come in bursts; plans are made when they have been still for this long. Milliseconds. */
const SETTLE = 50;

export type Paths = {
  /** The interfaces on which traffic for a virtual address arrives: those of its router, else those on its network, and those towards BGP peers. */
  ingress(address: IpAddress, routers: readonly VirtualRouterConfig[]): readonly string[];
  /** What the kernel settings depend on, under these routers. */
  host(routers: readonly VirtualRouterConfig[]): Host;
  /** The interface that a neighbour is connected to; `undefined` when it lies behind a gateway or nowhere. */
  egress(address: IpAddress): string | undefined;
  /** What the source of masqueraded connections depends on. */
  network(): Pick<SourceInputs, "networks" | "nextHop">;
  /** Takes note of which addresses come by route, and from which routers. */
  route(desired: Pick<Desired, "peers" | "routes" | "servers">): void;
  /** Forgets what it read: it was just changed. */
  refresh(): void;
};

/** Asks once for each address: thousands of servers share a few, and the kernel is slow to answer. */
const remembering = <Answer>(ask: (address: IpAddress) => Answer): ((address: IpAddress) => Answer) => {
  const answers = new Map<IpAddress, { readonly answer: Answer }>();
  return (address) => {
    const known = answers.get(address) ?? { answer: ask(address) };
    answers.set(address, known);
    return known.answer;
  };
};

/** Reads the kernel's network; `onChange` is told, not too often, when the answers may have changed. Throws when it refuses. */
export const createPaths = (netlink: NetlinkPort, onChange: () => void): Paths => {
  const egressByAddress = new Map<IpAddress, string | undefined>();
  let links: ReadonlyMap<number, Link> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const settled = (): void => {
    timer = undefined;
    onChange();
  };
  const uplinks = createUplinks(netlink, () => linkByIndex());
  const refresh = (): void => {
    egressByAddress.clear();
    uplinks.forget();
    links = undefined;
  };
  const watching = netlink.subscribe(() => {
    refresh();
    if (timer === undefined) timer = setTimeout(settled, SETTLE);
  });
  if (!watching.ok) throw new Error(`cannot ${watching.error.request}: ${watching.error.code}`);

  const linkByIndex = (): ReadonlyMap<number, Link> => {
    if (links !== undefined) return links;
    const read = netlink.links();
    links = new Map((read.ok ? read.value : []).map((link) => [link.index, link]));
    return links;
  };

  const connectedTo = (address: IpAddress): readonly string[] => {
    const present = netlink.addresses();
    const networks = present.ok ? present.value.filter((network) => contains(network, address)) : [];
    const names = networks.map(({ linkIndex }) => linkByIndex().get(linkIndex));
    return names.flatMap((link) => (link === undefined || link.loopback ? [] : [link.name]));
  };

  /** The interfaces that carry a virtual address, as far as they exist, or are on its network. */
  const carriersOf = (address: IpAddress, routers: readonly VirtualRouterConfig[]): readonly string[] => {
    const devices = routers.flatMap((router) =>
      [...router.addresses, ...router.unadvertisedAddresses]
        .filter((held) => held.address === address)
        .map(({ device }) => device ?? router.interface),
    );
    const present = new Set([...linkByIndex().values()].map(({ name }) => name));
    const near = devices.length > 0 ? devices.filter((device) => present.has(device)) : connectedTo(address);
    return [...new Set([...near, ...uplinks.of(address)])];
  };

  const paths: Paths = {
    refresh,
    route: uplinks.route,
    host: (routers) => ({
      interfaces: [...linkByIndex().values()].map(({ name }) => name),
      bridges: [...linkByIndex().values()].flatMap(({ kind, name }) => (kind === "bridge" ? [name] : [])),
      ingress: remembering((address) => carriersOf(address, routers)),
      egress: remembering((address) => {
        const route = netlink.routeTo(address);
        return route.ok ? linkByIndex().get(route.value.linkIndex)?.name : undefined;
      }),
    }),
    ingress: carriersOf,
    network() {
      const present = netlink.addresses();
      return {
        networks: present.ok ? present.value : [],
        nextHop(address) {
          const route = netlink.routeTo(address);
          return route.ok ? (route.value.gateway ?? address) : undefined;
        },
      };
    },
    egress(address) {
      if (egressByAddress.has(address)) return egressByAddress.get(address);
      const route = netlink.routeTo(address);
      const direct = route.ok && route.value.gateway === undefined ? route.value.linkIndex : undefined;
      const name = direct === undefined ? undefined : linkByIndex().get(direct)?.name;
      egressByAddress.set(address, name);
      return name;
    },
  };
  return paths;
};
