import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import type { PeerWord } from "#core/bgp/desired";
import type { Link, Route } from "#drivers/netlink/port";
import { peerWord, routeWord } from "#testing/bgp-words";
import { address } from "#testing/values";
import { createUplinks } from "./uplinks.ts";

const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  ...{
    index,
    name,
    mtu: 1500,
    up: true,
    carrier: true,
    loopback: false,
    mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, index)),
  },
  ...more,
});

const LINKS = new Map(
  [link(1, "lo", { loopback: true }), link(2, "eth0"), link(3, "eth1"), link(4, "eth2", { up: false })].map(
    (each) => [each.index, each],
  ),
);

const WEB: VirtualServer = {
  ...{ name: "web", address: address("192.0.2.10"), protocol: "tcp", ports: onePort(80), mode: "dsr" },
  ...{ scheduler: { type: "round-robin" }, backends: [] },
};

const uplinksTo = (peers: readonly PeerWord[], route: Route | undefined) => {
  const uplinks = createUplinks(
    {
      routeTo: () =>
        route === undefined
          ? { ok: false, error: { code: "ENETUNREACH", request: "route" } }
          : { ok: true, value: route },
    },
    () => LINKS,
  );
  uplinks.route({
    ...{ peers, servers: [WEB] },
    routes: [{ name: "192.0.2.10/32", servers: ["web"], route: routeWord("192.0.2.10/32", "tor") }],
  });
  return uplinks;
};

const TOR = peerWord("tor");

describe("interfaces on which packets arrive that are routed here", () => {
  it("are those to the router, for addresses that it is told of", () => {
    const uplinks = uplinksTo([TOR], { linkIndex: 3 });
    assert.deepEqual(uplinks.of(WEB.address), ["eth1"]);
    assert.deepEqual(uplinks.of(address("192.0.2.11")), []);
  });

  it("are all that may be, where the router is behind others", () => {
    const uplinks = uplinksTo([TOR], { linkIndex: 3, gateway: address("10.0.0.1") });
    assert.deepEqual(uplinks.of(WEB.address), ["eth0", "eth1"]);
  });

  it("are the link itself, of a router that is at the end of one", () => {
    const unnumbered = peerWord("tor", { neighbor: { type: "interface", name: "eth2" } });
    assert.deepEqual(uplinksTo([unnumbered], undefined).of(WEB.address), ["eth2"]);
  });

  it("are none while there is no way to the router", () => {
    assert.deepEqual(uplinksTo([TOR], undefined).of(WEB.address), []);
  });
});
