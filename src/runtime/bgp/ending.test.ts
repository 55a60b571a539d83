import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import { at, type BedHost, bgpBed, LISTENING, peerWord, routeWord } from "./test-bed.ts";

const sessionOf = (host: BedHost) => host.speaker.peers()[0] ?? assert.fail("no peer");

const DRAINING: BgpSettings = { ...LISTENING, drainTime: seconds(5) };
const RESTARTING: Partial<PeerWord> = { gracefulRestart: { restartTime: seconds(120) } };
const BFD: Partial<PeerWord> = {
  bfd: {
    ...{ receiveInterval: millis(50), transmitInterval: millis(50), detectMultiplier: 3 },
    ...{ echo: undefined, role: "active", minimumTtl: 254 },
  },
};

/** Two hosts whose session is up, one of which has a route. */
const up = (change: Partial<PeerWord> = {}) => {
  const bed = bgpBed();
  const [one, two] = [bed.host(1), bed.host(2)];
  for (const host of [one, two]) host.speaker.setSettings(DRAINING, bed.now());
  one.speaker.setPeers([peerWord(1, 2, change)], bed.now());
  two.speaker.setPeers([peerWord(2, 1, change)], bed.now());
  one.speaker.route({ changed: [routeWord("203.0.113.0/24", ["host-2"], { med: 7 })], removed: [] });
  for (const host of [one, two]) host.speaker.routesComplete();
  bed.pass(seconds(20));
  assert.equal(sessionOf(one).state, "established");
  for (const host of [one, two]) host.said();
  return { bed, one, two };
};

const COMMON = "1=00 2=02010000fc01 3=c0000201";

describe("a BGP speaker that leaves", () => {
  it("announces its routes as going, withdraws them later, and ends with a word for the peer's operator (RFC 8326, 9003)", () => {
    const { bed, one, two } = up();
    let left = 0;
    one.speaker.leave({ reason: "shutdown", communication: "new disks" }, () => {
      left += 1;
    });
    bed.pass(seconds(1));
    assert.deepEqual([...one.told(at(2)).values()], [`${COMMON} 4=ffffffff 8=ffff0000`]);
    assert.deepEqual([left, sessionOf(one).state], [0, "established"]);
    bed.pass(seconds(5));
    assert.deepEqual([left, [...one.told(at(2))]], [1, []]);
    assert.match(two.said()[0] ?? "", /Administrative Shutdown, "new disks"/);
    // Nobody is let in any more.
    bed.pass(seconds(30));
    assert.notEqual(sessionOf(two).state, "established");
  });

  it("ends at once when there is nothing to be missed", () => {
    const { bed, one } = up();
    one.speaker.route({ changed: [], removed: [routeWord("203.0.113.0/24", []).prefix] });
    bed.pass(millis(10));
    let left = 0;
    one.speaker.leave({ reason: "shutdown" }, () => {
      left += 1;
    });
    bed.pass(millis(200));
    assert.equal(left, 1);
  });

  it("says nothing before a restart to peers that keep routes, which hear of it afterwards (RFC 4724)", () => {
    const { bed, one, two } = up(RESTARTING);
    let left = 0;
    one.speaker.leave({ reason: "restart" }, () => {
      left += 1;
    });
    bed.pass(millis(200));
    assert.equal(left, 1);
    assert.equal(one.told(at(2)).size, 1);
    assert.match(two.said()[0] ?? "", /established > \w+: the connection was closed/);
    const again = one.restart("again");
    again.speaker.setSettings(DRAINING, bed.now());
    again.speaker.setPeers([peerWord(1, 2, RESTARTING)], bed.now());
    bed.pass(seconds(20));
    assert.equal(sessionOf(again).state, "established");
    const before = sessionOf(two).received.update;
    again.speaker.route({ changed: [routeWord("203.0.113.0/24", ["host-2"], { med: 7 })], removed: [] });
    again.speaker.routesComplete();
    bed.pass(millis(50));
    assert.equal(again.told(at(2)).size, 1);
    // The route, and the end of either family's table.
    assert.equal(sessionOf(two).received.update, before + 3);
  });

  it("drains peers before a restart that would forget its routes", () => {
    const { bed, one, two } = up();
    one.speaker.leave({ reason: "restart" }, () => {});
    bed.pass(seconds(1));
    assert.deepEqual([...one.told(at(2)).values()], [`${COMMON} 4=ffffffff 8=ffff0000`]);
    bed.pass(seconds(6));
    assert.match(two.said()[0] ?? "", /Administrative Shutdown/);
  });
});

describe("BFD beside BGP", () => {
  it("ends a session at once when the path breaks, and lets none come up before it works (RFC 5882)", () => {
    const { bed, one, two } = up(BFD);
    bed.pass(seconds(5));
    assert.equal(sessionOf(one).bfd, "up");
    one.said();
    two.setLink(false);
    bed.pass(millis(200));
    const said = one.said();
    assert.deepEqual([said[0], sessionOf(one).bfd], ["host-2 bfd down", "down"]);
    assert.match(said[1] ?? "", /established > idle: BFD says that the path is broken/);
    two.setLink(true);
    bed.pass(seconds(60));
    assert.deepEqual([sessionOf(one).bfd, sessionOf(one).state], ["up", "established"]);
  });

  it("is no condition for a session to come up, and not asked of a peer that leaves it on purpose", () => {
    const { bed, one, two } = up();
    one.speaker.setPeers([peerWord(1, 2, BFD)], bed.now());
    bed.pass(seconds(30));
    assert.deepEqual([sessionOf(one).bfd, sessionOf(one).state, one.said()], ["down", "established", []]);
    two.speaker.setPeers([peerWord(2, 1, BFD)], bed.now());
    bed.pass(seconds(10));
    assert.deepEqual([sessionOf(one).bfd, one.said()], ["up", ["host-2 bfd up"]]);
    two.speaker.setPeers([peerWord(2, 1)], bed.now());
    bed.pass(seconds(30));
    assert.deepEqual([sessionOf(one).state, one.said()], ["established", ["host-2 bfd admin-down"]]);
  });

  it("lets a session come up after the hold time if nobody speaks BFD any more", () => {
    const { bed, one, two } = up(BFD);
    bed.pass(seconds(5));
    const again = two.restart("fresh");
    again.speaker.setSettings(LISTENING, bed.now());
    again.speaker.setPeers([peerWord(2, 1)], bed.now());
    bed.pass(seconds(5));
    assert.deepEqual([sessionOf(one).bfd, sessionOf(again).state === "established"], ["down", false]);
    bed.pass(seconds(60));
    assert.deepEqual([sessionOf(one).bfd, sessionOf(one).state], ["down", "established"]);
  });

  it("goes on when BGP's session begins anew between the same addresses", () => {
    const { bed, one, two } = up(BFD);
    bed.pass(seconds(5));
    for (const host of [one, two]) host.said();
    one.speaker.setPeers([peerWord(1, 2, { ...BFD, keepaliveTime: seconds(2) })], bed.now());
    bed.pass(seconds(30));
    assert.ok([...one.said(), ...two.said()].every((line) => !line.includes("bfd")));
    assert.deepEqual([sessionOf(one).ups, sessionOf(one).state], [2, "established"]);
  });
});
