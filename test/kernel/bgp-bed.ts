/** Two hosts in network namespaces for BGP's TCP, next to each other or with a router in between. Needs root. */
import assert from "node:assert/strict";
import { type IpAddress, parseAddress } from "#base/address";
import { type Duration, toMillis } from "#base/time";
import type { BgpLan, BgpStation } from "#drivers/bgp/contract-bed";
import { openBgpPort } from "#drivers/bgp/linux";
import { openDoor } from "#native/door";
import { type Namespaces, openNamespaces, settle, within } from "./namespaces.ts";

export const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

export type KernelBgpLan = BgpLan & { readonly namespaces: Namespaces };

type Host = {
  readonly name: "near" | "far";
  readonly v4: string;
  readonly v6: string;
  readonly number: number;
};

const HOSTS: Readonly<Record<0 | 1, readonly [Host, Host]>> = {
  0: [
    { name: "near", v4: "192.0.2", v6: "2001:db8:1", number: 1 },
    { name: "far", v4: "192.0.2", v6: "2001:db8:1", number: 2 },
  ],
  1: [
    { name: "near", v4: "192.0.2", v6: "2001:db8:1", number: 1 },
    { name: "far", v4: "203.0.113", v6: "2001:db8:2", number: 2 },
  ],
};

const addressesOf = ({ v4, v6, number }: Host) => ({
  address: {
    IPv4: ip(`${v4}.${number}`),
    IPv6: ip(`${v6}::${number}`),
    "link-local": ip(`fe80::${number}`),
  },
  second: { IPv4: ip(`${v4}.10${number}`), IPv6: ip(`${v6}::10${number}`) },
});

const configure = (namespaces: Namespaces, host: Host): void => {
  const { address, second } = addressesOf(host);
  namespaces.ip(
    host.name,
    "link set wire0 addrgenmode none",
    `addr add ${address.IPv4}/24 dev wire0`,
    `addr add ${second.IPv4}/24 dev wire0`,
    `addr add ${second.IPv6}/64 dev wire0 nodad`,
    `addr add ${address.IPv6}/64 dev wire0 nodad`,
    `addr add ${address["link-local"]}/64 dev wire0 nodad`,
    "link set wire0 up",
  );
};

/** A router between both hosts, with the first address of either network. */
const connectThroughRouter = (namespaces: Namespaces, hosts: readonly Host[]): void => {
  for (const path of ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"])
    namespaces.sysctl("rt", path, "1");
  for (const host of hosts) {
    const { name, v4, v6 } = host;
    namespaces.ip("rt", `link add ${name}0 type veth peer name wire0 netns ${namespaces.name(name)}`);
    configure(namespaces, host);
    namespaces.ip(
      "rt",
      `link set ${name}0 addrgenmode none`,
      `addr add fe80::fe/64 dev ${name}0 nodad`,
      `addr add ${v4}.254/24 dev ${name}0`,
      `addr add ${v6}::254/64 dev ${name}0 nodad`,
      `link set ${name}0 up`,
    );
    namespaces.ip(name, `route add default via ${v4}.254`, `-6 route add default via ${v6}::254`);
  }
};

const stationOf = (namespaces: Namespaces, host: Host): BgpStation => {
  const namespace = namespaces.name(host.name);
  const port = openBgpPort(openDoor());
  const index = Number.parseInt(namespaces.ip(host.name, "-o link show wire0"), 10);
  return {
    ...addressesOf(host),
    link: { index, name: "wire0" },
    port: {
      connect: (request) => within(namespace, () => port.connect(request)),
      listen: (request) => within(namespace, () => port.listen(request)),
    },
  };
};

const wait = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);

/** Opens both hosts. */
export const openKernelLan = (routers: 0 | 1): KernelBgpLan => {
  const hosts = HOSTS[routers];
  const namespaces = openNamespaces(routers === 0 ? ["near", "far"] : ["near", "far", "rt"]);
  const [near, far] = hosts;
  if (routers === 1) connectThroughRouter(namespaces, hosts);
  else {
    namespaces.ip("near", `link add wire0 type veth peer name wire0 netns ${namespaces.name("far")}`);
    for (const host of hosts) configure(namespaces, host);
  }
  // The kernel may take a while to notice that a link came up, and sends nothing through it before.
  const links = hosts.flatMap(({ name }) => [[name, "wire0"] as const, ["rt", `${name}0`] as const]);
  for (const [host, link] of routers === 0 ? links.filter(([host]) => host !== "rt") : links)
    while (!namespaces.ip(host, `-o link show ${link}`).includes("state UP")) wait();
  return {
    namespaces,
    near: stationOf(namespaces, near),
    far: stationOf(namespaces, far),
    settle: async (done) => void (await settle(done)),
    pass: (duration: Duration) => new Promise((resolve) => setTimeout(resolve, toMillis(duration))),
    close: () => namespaces.close(),
  };
};
