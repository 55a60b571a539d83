/** Peers and routes for tests. */
import { type IpAddress, isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import type { BfdWord, PeerWord, RouteWord } from "#core/bgp/desired";
import type { RouteAttributes } from "#core/bgp/route";

export const address = (text: string): IpAddress => {
  const read = parseAddress(text);
  assert(read !== undefined, "not an address", { text });
  return read;
};

const identifier = (text: string) => {
  const read = address(text);
  assert(isIpv4(read), "no IPv4 address", { text });
  return read;
};

/** A plain external peer with what the test wants otherwise. */
export const peerWord = (name: string, rest: Partial<PeerWord> & { readonly at?: string } = {}): PeerWord => {
  const { at = "10.0.0.1", ...fields } = rest;
  return {
    name,
    neighbor: { type: "address", address: address(at) },
    port: 179,
    localAsn: 64_500,
    hiddenAsn: undefined,
    peerAsn: { type: "given", asn: 64_501 },
    routerId: identifier("10.0.0.11"),
    sourceAddress: undefined,
    vrf: undefined,
    holdTime: seconds(90),
    keepaliveTime: seconds(30),
    connectRetryTime: seconds(10),
    role: "active",
    password: undefined,
    multihop: false,
    ttlSecurity: false,
    families: ["IPv4"],
    multiprotocol: true,
    gracefulRestart: undefined,
    bfd: undefined,
    mostRoutes: 1_000,
    ...fields,
  };
};

export const routerId = identifier;

export const BFD: BfdWord = {
  receiveInterval: millis(200),
  transmitInterval: millis(100),
  detectMultiplier: 4,
  echo: undefined,
  role: "active",
  minimumTtl: 254,
};

export const PLAIN: RouteAttributes = {
  localPref: 0,
  med: undefined,
  communities: [],
  largeCommunities: [],
  linkBandwidth: undefined,
};

/** A route for peers, all of them told the same. */
export const routeWord = (
  prefix: string,
  peers: readonly string[],
  attributes: Partial<RouteAttributes> = {},
): RouteWord => {
  const read = parseInterfaceAddress(prefix);
  assert(read !== undefined, "no prefix", { prefix });
  return { prefix: read, targets: [{ peers, attributes: { ...PLAIN, ...attributes } }] };
};

/** A section with everything in it that there can be. */
export const EVERYTHING = {
  peers: [
    peerWord("tor", {
      password: 's3cr!t"x',
      port: 1790,
      multihop: true,
      sourceAddress: address("10.0.0.11"),
      families: ["IPv4", "IPv6"],
      gracefulRestart: { restartTime: seconds(60) },
      bfd: BFD,
    }),
    peerWord("six", {
      at: "2001:db8::1",
      peerAsn: { type: "external" },
      role: "passive",
      ttlSecurity: true,
      families: ["IPv4", "IPv6"],
      holdTime: seconds(0),
      bfd: { ...BFD, detectMultiplier: 3, role: "passive", minimumTtl: 250 },
    }),
    peerWord("core", {
      at: "10.0.0.3",
      localAsn: 64_510,
      peerAsn: { type: "internal" },
      multihop: true,
      connectRetryTime: seconds(120),
    }),
  ],
  routes: [
    routeWord("192.0.2.10/32", ["tor", "core"], { localPref: 150 }),
    routeWord("192.0.2.11/32", ["tor", "core"], { localPref: 150 }),
    routeWord("192.0.2.0/28", ["tor"], {
      communities: [0x0000_0000, 0xfbf4_0001, 0xffff_0000, 0xffff_ff01],
      largeCommunities: [
        { administrator: 0, first: 0, second: 7 },
        { administrator: 64_500, first: 1, second: 2 },
      ],
      med: 20,
      linkBandwidth: 125_000_000,
    }),
    routeWord("2001:db8:2::10/128", ["tor", "six", "core"]),
  ],
} as const;
