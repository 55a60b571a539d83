/** Peers and routes for tests. */

import { isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import { address } from "./values.ts";

const routerId = (): PeerWord["routerId"] => {
  const id = address("192.0.2.1");
  assert(isIpv4(id), "an IPv4 address");
  return id;
};

/** A peer that has everything that a peer can have. */
export const peerWord = (name: string, rest: Partial<PeerWord> = {}): PeerWord => ({
  name,
  neighbor: { type: "address", address: address("192.0.2.254") },
  port: 179,
  localAsn: 64500,
  hiddenAsn: 64499,
  peerAsn: { type: "given", asn: 64501 },
  routerId: routerId(),
  sourceAddress: address("192.0.2.1"),
  vrf: "blue",
  holdTime: seconds(90),
  keepaliveTime: seconds(30),
  connectRetryTime: seconds(10),
  role: "active",
  password: "secret",
  multihop: false,
  ttlSecurity: true,
  families: ["IPv4", "IPv6"],
  multiprotocol: true,
  gracefulRestart: { restartTime: seconds(120) },
  bfd: {
    ...{ receiveInterval: millis(50), transmitInterval: millis(50), detectMultiplier: 3, minimumTtl: 254 },
    ...{ echo: { interval: millis(50) }, role: "active" },
  },
  mostRoutes: 100,
  ...rest,
});

/** A route for these peers. */
export const routeWord = (text: string, ...peers: readonly string[]): RouteWord => {
  const prefix = parseInterfaceAddress(text);
  assert(prefix !== undefined, "a prefix", { text });
  return {
    prefix,
    targets: [
      {
        peers,
        attributes: {
          ...{ localPref: 100, med: 5, communities: [0xffff_0000], linkBandwidth: 125_000 },
          largeCommunities: [{ administrator: 1, first: 2, second: 3 }],
        },
      },
    ],
  };
};
