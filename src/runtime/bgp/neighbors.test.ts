import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { type BedHost, bgpBed, LISTENING, peerWord, routeWord } from "./test-bed.ts";

const BY_LINK = { neighbor: { type: "interface", name: "eth0" } } as const;

const stateOf = (host: BedHost): string => host.speaker.peers()[0]?.state ?? assert.fail("no peer");

const pair = () => {
  const bed = bgpBed();
  const [one, two] = [bed.host(1), bed.host(2)];
  for (const host of [one, two]) host.speaker.setSettings(LISTENING, bed.now());
  return { bed, one, two };
};

describe("a peer that is given by a link", () => {
  it("is found by its advertisements, and told IPv4 routes behind an IPv6 address (RFC 8950)", () => {
    const { bed, one, two } = pair();
    one.speaker.setPeers([peerWord(1, 2, BY_LINK)], bed.now());
    one.speaker.route({ changed: [routeWord("203.0.113.0/24", ["host-2"])], removed: [] });
    bed.pass(seconds(30));
    assert.equal(stateOf(one), "idle");
    assert.equal(one.speaker.peers()[0]?.address, undefined);
    two.speaker.setPeers([peerWord(2, 1, BY_LINK)], bed.now());
    bed.pass(seconds(20));
    assert.deepEqual([stateOf(one), stateOf(two)], ["established", "established"]);
    const [peer] = one.speaker.peers();
    assert.deepEqual([peer?.address, peer?.session?.local], ["fe80::2", "fe80::1"]);
    assert.deepEqual([peer?.session?.negotiated.hasExtendedNextHop, peer?.counts.announced.IPv4], [true, 1]);
    assert.equal(one.said()[0], "host-2 is fe80::2");
  });

  it("gives way to another one once it was not heard for a while, and is nobody without its link", () => {
    const { bed, one, two } = pair();
    one.speaker.setPeers([peerWord(1, 2, BY_LINK)], bed.now());
    two.speaker.setPeers([peerWord(2, 1, BY_LINK)], bed.now());
    bed.pass(seconds(20));
    const three = bed.host(3);
    three.speaker.setSettings(LISTENING, bed.now());
    three.speaker.setPeers([peerWord(3, 1, { ...BY_LINK, localAsn: 64_514 })], bed.now());
    bed.pass(seconds(20));
    assert.equal(one.speaker.peers()[0]?.address, "fe80::2");
    two.speaker.close();
    bed.pass(seconds(120));
    assert.deepEqual([one.speaker.peers()[0]?.address, stateOf(one)], ["fe80::3", "established"]);
    const link = one.links.byName("eth0");
    assert.ok(link !== undefined);
    one.said();
    one.netlink.setLink({ ...link, up: false });
    one.links.reread();
    one.speaker.linksChanged(bed.now());
    bed.pass(millis(10));
    assert.equal(one.said()[0], "host-2 is nobody");
    assert.deepEqual([one.speaker.peers()[0]?.address, stateOf(one)], [undefined, "idle"]);
  });
});
