import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { encodeKeepalive, encodeOpen, encodeRouteRefresh } from "#core/bgp/message/encode";
import type { BgpConnection } from "#drivers/bgp/port";
import { peerOpen } from "#testing/bgp-session";
import { address } from "#testing/values";
import { at, bgpBed, LISTENING, manyRoutes, peerWord } from "./test-bed.ts";

const ROUTES = 300;
const REQUEST = encodeRouteRefresh({
  ...{ type: "route-refresh", family: { afi: 1, safi: 1 }, meaning: "request" },
});
const OPEN = encodeOpen(
  peerOpen({
    ...{ asn: 64_514, holdTime: 0, routerId: address("10.0.0.2") as ReturnType<typeof peerOpen>["routerId"] },
    capabilities: [
      { type: "multiprotocol", family: { afi: 1, safi: 1 } },
      { type: "route-refresh" },
      { type: "four-octet-as", asn: 64_514 },
    ],
  }),
);

/** A speaker with routes, and a router whose session with it is up and that says what it is told to. */
const open = () => {
  const bed = bgpBed();
  const [host, router] = [bed.host(1), bed.host(2)];
  host.speaker.setSettings(LISTENING, bed.now());
  host.speaker.setPeers([peerWord(1, 2, { role: "passive" })], bed.now());
  host.speaker.route({ changed: manyRoutes(ROUTES, ["host-2"]), removed: [] });
  host.speaker.routesComplete();
  let connection: BgpConnection | undefined;
  router.tcp.port.connect({
    ...{ remote: { address: at(1), port: 179 }, link: undefined, source: undefined, vrf: undefined },
    ...{ password: undefined, hops: { send: 64, least: undefined }, timeout: seconds(1) },
    onConnected: (connected) => {
      connection = connected;
      return { onData: () => {}, onProgress: () => {}, onClosed: () => {} };
    },
    onFailed: () => assert.fail("not connected"),
  });
  bed.pass(millis(10));
  const say = (bytes: Uint8Array): void => void connection?.write(bytes);
  say(OPEN);
  say(encodeKeepalive());
  bed.pass(millis(50));
  const peer = () => host.speaker.peers()[0] ?? assert.fail("no peer");
  assert.deepEqual([peer().state, peer().counts.announced.IPv4], ["established", ROUTES]);
  let before = peer().sent.update;
  /** How many UPDATEs were sent since it was last asked. */
  const updates = (): number => {
    const now = peer().sent.update;
    const more = now - before;
    before = now;
    return more;
  };
  return { bed, say, peer, updates };
};

describe("a peer that asks for all routes again", () => {
  it("is told them at once, and of what it asks soon afterwards again a little later, once", () => {
    const { bed, say, updates } = open();
    say(REQUEST);
    bed.pass(millis(50));
    const once = updates();
    assert.ok(once > 0);
    bed.pass(seconds(1));
    say(REQUEST);
    say(REQUEST);
    bed.pass(seconds(3));
    assert.equal(updates(), 0);
    bed.pass(seconds(2));
    assert.equal(updates(), once);
    bed.pass(seconds(60));
    assert.equal(updates(), 0);
  });

  it("is told them no more often than every few seconds, however often it asks", () => {
    const { bed, say, peer, updates } = open();
    say(REQUEST);
    bed.pass(millis(50));
    const once = updates();
    for (let asked = 0; asked < 1_000; asked += 1) {
      say(REQUEST);
      bed.pass(millis(20));
    }
    assert.equal(peer().received["route-refresh"], 1_001);
    assert.ok(updates() <= 5 * once);
    assert.equal(peer().state, "established");
  });
});
