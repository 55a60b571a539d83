import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpStatus } from "#api/speaker";
import { wallTime } from "#base/time";
import { bgpStatusLines } from "./speaker-bgp-status.ts";

type Peer = BgpStatus["peers"][number];

const PEER: Peer = {
  ...{
    name: "tor-1",
    address: "192.0.2.254",
    link: undefined,
    state: "established",
    since: wallTime(40_000),
  },
  session: {
    ...{ asn: 64501, routerId: "192.0.2.254", families: ["IPv4"], holdTime: 90, keepaliveTime: 30 },
    keepsRoutes: 120,
  },
  ...{ wanted: 3, announced: 2, pending: 1, leftOut: [], bfd: "up", failure: undefined },
  ...{ sent: { update: 2, keepalive: 4 }, received: { keepalive: 4 }, ignoredRoutes: 0, ups: 1 },
};
const STATUS: BgpStatus = {
  engine: "own",
  ...{ routes: 3, peers: [PEER], refusedPeers: [], refused: [], damped: [], troubles: [] },
  routerId: { id: "192.0.2.1", from: "address" },
};

describe("the status of BGP", () => {
  it("says of each peer how it is, since when, what it knows, and what was agreed on", () => {
    assert.deepEqual(bgpStatusLines(STATUS, 100_000), [
      "3 routes, 1 BGP peer, router identifier 192.0.2.1",
      "",
      "PEER   ADDRESS      AS     STATE        SINCE  ROUTES  BFD  LAST FAILURE",
      "tor-1  192.0.2.254  64501  established  1m     2 of 3  up",
      "",
      "tor-1",
      "  agreed: identifier 192.0.2.254, IPv4, hold time 90s, keepalive 30s, keeps routes for 120s without a session",
      "  sent: 2 update, 4 keepalive; received: 4 keepalive; up 1 time",
    ]);
  });

  it("says why there is no session, and what the last failure of one that is up was", () => {
    const failure = { text: "the hold timer expired", at: wallTime(30_000) };
    const down: Peer = {
      ...PEER,
      ...{ name: "tor-2", state: "active", session: undefined, failure, obstacle: "connection refused" },
      ...{ address: undefined, link: "eth1", bfd: undefined, sent: {}, received: {}, ups: 2 },
    };
    const lines = bgpStatusLines({ ...STATUS, peers: [{ ...PEER, failure }, down] }, 100_000);
    assert.match(lines[3] ?? "", /^tor-1 .* 1m10s ago: the hold timer expired$/);
    assert.match(
      lines[4] ?? "",
      /^tor-2 {2}not found yet on eth1 {2}- .* 0 of 3 {2}- {4}connection refused$/,
    );
    assert.ok(lines.includes("  sent: nothing; received: nothing; up 2 times"));
  });

  it("marks what wants attention, and lets nobody's words command the terminal", () => {
    const lines = bgpStatusLines(
      {
        engine: "frr",
        peers: [{ ...PEER, leftOut: [{ reason: "over-limit", family: "IPv4", count: 5 }], ignoredRoutes: 7 }],
        refusedPeers: [{ peer: "tor-3", reason: "families", text: "has both \u001b[31m: remove one" }],
        ...{ refused: ["BGPPeer x: y"], damped: ["192.0.2.10/32"] },
        troubles: ["listening on port 179: EADDRINUSE"],
        routerId: { id: "1.2.3.4", from: "name" },
      },
      100_000,
    );
    assert.deepEqual(lines.slice(0, 6), [
      "routes not known yet, 1 BGP peer, router identifier 1.2.3.4, made from the name of the node, which has no IPv4 address, announced by the FRR of this machine",
      "! BGP, refused, what was in force stays: BGPPeer x: y",
      "! BGPPeer tor-3 has no session here, since it has both \ufffd[31m: remove one",
      "! BGP: listening on port 179: EADDRINUSE",
      "! 192.0.2.10/32 came and went too often, and no router is told of it for a while",
      "! peer tor-1 is not told of 5 IPv4 routes, which are more than the peer is to be told",
    ]);
    assert.ok(lines.includes("  it has told us of 7 routes, which are not used"));
  });
});
