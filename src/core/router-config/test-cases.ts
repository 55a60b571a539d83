/** Resources for tests, each set with the nodes that it is for. */
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { parseInterfaceAddress } from "#base/prefix";
import { readConfiguration } from "#core/metallb/read";
import { bgp, peer, pool, profile } from "#core/metallb/test-objects";
import type { Router } from "./model.ts";
import type { KnownNode, NodeSource } from "./neighbours.ts";
import { routersOf } from "./routers.ts";

const address = (text: string): IpAddress => {
  const read = parseAddress(text);
  assert(read !== undefined, "not an address", { text });
  return read;
};

/** A node with its addresses, in zone a. */
export const node = (name: string, ...addresses: readonly string[]): KnownNode => ({
  name,
  labels: { zone: "a" },
  addresses: addresses.map(address),
});

const NODES: NodeSource = {
  type: "nodes",
  nodes: [
    node("node-a", "10.0.0.11", "2001:db8::11"),
    node("node-b", "10.0.0.12", "2001:db8::12"),
    node("node-c", "10.0.0.13", "2001:db8::13"),
  ],
};

const ranges = (...texts: readonly string[]): NodeSource => ({
  type: "ranges",
  ranges: texts.map((text) => {
    const range = parseInterfaceAddress(text);
    assert(range !== undefined, "not a network", { text });
    return range;
  }),
});

/** The routers that objects describe. */
export const routersIn = (
  objects: readonly unknown[],
  source: NodeSource = NODES,
  options: { readonly routerAsn?: number; readonly peers?: readonly string[] } = {},
) => {
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert(read.ok, "not a configuration", read);
  const { routerAsn, peers } = options;
  return routersOf({
    configuration: read.configuration,
    source,
    routerAsn,
    peers: peers === undefined ? undefined : new Set(peers),
  });
};

type Peer = ReturnType<typeof peer>;

/** A peer with annotations. */
export const annotated = (object: Peer, annotations: Readonly<Record<string, string>>): Peer => ({
  ...object,
  metadata: { ...(object.metadata as object), annotations },
});

const plain = [pool("web"), bgp("all"), peer("tor")];

const everything = [
  pool("web", { addresses: ["192.0.2.0/24", "198.51.100.10-198.51.100.30", "2001:db8:2::/64"] }),
  pool("apart", { addresses: ["203.0.113.0/24"] }),
  bgp("web", { ipAddressPools: ["web"] }),
  bgp("wide", {
    ipAddressPools: ["web"],
    aggregationLength: 29,
    aggregationLengthV6: 64,
    peers: ["tor.example"],
  }),
  bgp("apart", { ipAddressPools: ["apart"], peers: ["another"] }),
  profile("fast", { receiveInterval: 200, transmitInterval: 100, detectMultiplier: 4, minimumTtl: 250 }),
  peer("tor.example", {
    localASN: 64510,
    holdTime: "90s",
    keepaliveTime: "30s",
    password: "hunter2",
    bfdProfile: "fast",
    ebgpMultiHop: true,
    enableGracefulRestart: true,
    dualStackAddressFamily: true,
    peerPort: 1790,
  }),
];

const internal = [
  pool("web", { addresses: ["2001:db8:2::/64", "192.0.2.0/28"] }),
  bgp("all"),
  profile("slow", { passiveMode: true }),
  peer("core", {
    peerASN: 0,
    dynamicASN: "internal",
    peerAddress: "2001:db8::1",
    dualStackAddressFamily: true,
    bfdProfile: "slow",
    holdTime: "0s",
  }),
];

const links = [
  pool("web", { addresses: ["192.0.2.0/24", "2001:db8:2::/64"] }),
  bgp("all"),
  peer("leaf", { peerAddress: "", interface: "eth1" }),
];

const six = [
  pool("web", { addresses: ["2001:db8:2::/64", "192.0.2.0/24"] }),
  bgp("all"),
  profile("fast", { receiveInterval: 150 }),
  annotated(peer("tor-six", { peerAddress: "2001:db8::1", holdTime: "9s", bfdProfile: "fast" }), {
    "steelyard.dev/ttl-security": "true",
    "steelyard.dev/passive": "true",
  }),
];

/** Each case by name: what is printed for it lies in `testdata`, one file for each vendor. */
export const CASES: ReadonlyMap<string, () => ReturnType<typeof routersIn>> = new Map([
  ["plain", () => routersIn(plain)],
  ["everything", () => routersIn(everything)],
  ["range", () => routersIn(everything, ranges("10.0.0.0/24", "10.1.0.0/24"))],
  ["internal", () => routersIn(internal)],
  ["links", () => routersIn(links)],
  ["six", () => routersIn(six)],
]);

/** The one router of a case. */
export const routerOf = (name: string): Router => {
  const read = CASES.get(name)?.();
  assert(read?.ok === true, "not a case", { name });
  const [router] = read.routers;
  assert(router !== undefined && read.routers.length === 1, "not one router", { name });
  return router;
};
