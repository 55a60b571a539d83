import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { Left } from "./leaving.ts";
import { type BedHost, bgpBed, LISTENING, peerWord } from "./test-bed.ts";

const BFD: Partial<PeerWord> = {
  bfd: {
    ...{ receiveInterval: millis(50), transmitInterval: millis(50), detectMultiplier: 3 },
    ...{ echo: undefined, role: "active", minimumTtl: 254 },
  },
};

const sessionOf = (host: BedHost) => host.speaker.peers()[0] ?? assert.fail("no peer");

/** What BGP and BFD of two hosts on one network come to, with what each is told of the other. */
const meeting = (one: Partial<PeerWord>, other: Partial<PeerWord>): readonly unknown[] => {
  const bed = bgpBed();
  const [first, second] = [bed.host(1), bed.host(2)];
  for (const host of [first, second]) host.speaker.setSettings(LISTENING, bed.now());
  first.speaker.setPeers([peerWord(1, 2, { ...BFD, ...one })], bed.now());
  second.speaker.setPeers([peerWord(2, 1, { ...BFD, ...other })], bed.now());
  bed.pass(seconds(20));
  const { state, bfd } = sessionOf(first);
  return [state, bfd];
};

describe("BFD beside a session of BGP on one network", () => {
  it("goes over one hop (RFC 5881)", () => {
    assert.deepEqual(meeting({}, {}), ["established", "up"]);
  });

  it("goes over several where the peer is a multihop one (RFC 5883), as with routers that look at nothing else", () => {
    assert.deepEqual(meeting({ multihop: true }, { multihop: true }), ["established", "up"]);
    assert.deepEqual(meeting({ multihop: true }, {}), ["established", "down"]);
  });

  it("goes over one hop inside one autonomous system, where every session is a multihop one", () => {
    const internal: Partial<PeerWord> = { localAsn: 64_512, peerAsn: { type: "internal" } };
    assert.deepEqual(meeting({ ...internal, multihop: true }, internal), ["established", "up"]);
  });
});

describe("BFD at a planned restart under graceful restart (RFC 5882 §4.3.2.2)", () => {
  const RESTART: Partial<PeerWord> = { ...BFD, gracefulRestart: { restartTime: seconds(120) } };

  /** Both in session and up; what the second one has heard since is empty. */
  const together = (change: Partial<PeerWord> = RESTART) => {
    const bed = bgpBed();
    const hosts = [bed.host(1), bed.host(2)] as const;
    for (const host of hosts) host.speaker.setSettings(LISTENING, bed.now());
    hosts[0].speaker.setPeers([peerWord(1, 2, change)], bed.now());
    hosts[1].speaker.setPeers([peerWord(2, 1, change)], bed.now());
    for (const host of hosts) host.speaker.routesComplete();
    bed.pass(seconds(10));
    for (const host of hosts)
      assert.deepEqual([sessionOf(host).state, sessionOf(host).bfd], ["established", "up"]);
    hosts[1].said();
    return { bed, hosts };
  };

  const bfdOf = (host: BedHost): readonly string[] => host.said().filter((line) => line.includes(" bfd "));

  const leave = (bed: ReturnType<typeof bgpBed>, host: BedHost): Left => {
    const all: Left[] = [];
    host.speaker.leave({ reason: "restart" }, (each) => void all.push(each));
    bed.pass(seconds(3));
    return all[0] ?? assert.fail("it has not left");
  };

  it("stays up for the peer for as long as it keeps routes, and goes on with the next run", () => {
    const { bed, hosts } = together();
    const left = leave(bed, hosts[0]);
    assert.equal(left.sessions.length, 1);
    const next = hosts[0].restart("again", left);
    bed.pass(seconds(60));
    assert.deepEqual(bfdOf(hosts[1]), []);
    next.speaker.setSettings(LISTENING, bed.now());
    next.speaker.setPeers([peerWord(1, 2, RESTART)], bed.now());
    next.speaker.routesComplete();
    bed.pass(seconds(10));
    assert.deepEqual([sessionOf(next).state, sessionOf(next).bfd], ["established", "up"]);
    assert.deepEqual(bfdOf(hosts[1]), []);
    assert.deepEqual(bfdOf(next), ["host-2 bfd up"]);
    // It is as quick as before again.
    next.setLink(false);
    bed.pass(millis(200));
    assert.deepEqual(bfdOf(hosts[1]), ["host-1 bfd down"]);
  });

  it("is found to be dead by the peer once it has kept routes for long enough, if no run comes", () => {
    const { bed, hosts } = together();
    hosts[0].restart("again", leave(bed, hosts[0]));
    bed.pass(seconds(100));
    assert.deepEqual(bfdOf(hosts[1]), []);
    bed.pass(seconds(30));
    assert.deepEqual(bfdOf(hosts[1]), ["host-1 bfd down"]);
  });

  it("says farewell to a peer that keeps no routes, and leaves nothing", () => {
    const { bed, hosts } = together(BFD);
    assert.deepEqual(leave(bed, hosts[0]).sessions, []);
    assert.deepEqual(bfdOf(hosts[1]), ["host-1 bfd admin-down"]);
  });

  it("ends no session of BGP where the peer has begun a new one of BFD meanwhile", () => {
    const { bed, hosts } = together();
    const left = leave(bed, hosts[0]);
    const next = hosts[0].restart("again", left);
    const other = hosts[1].restart("fresh");
    for (const host of [next, other]) host.speaker.setSettings(LISTENING, bed.now());
    next.speaker.setPeers([peerWord(1, 2, RESTART)], bed.now());
    other.speaker.setPeers([peerWord(2, 1, RESTART)], bed.now());
    bed.pass(seconds(20));
    assert.deepEqual([sessionOf(next).state, sessionOf(next).bfd], ["established", "up"]);
    assert.equal(sessionOf(next).failure, undefined);
  });
});
