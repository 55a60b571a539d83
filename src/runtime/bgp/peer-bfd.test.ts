import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
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
