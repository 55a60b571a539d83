import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { prefix } from "#testing/bgp-update";
import { at, type BedHost, bgpBed, LISTENING, manyRoutes, peerWord, routeWord } from "./test-bed.ts";

const sessionOf = (host: BedHost, index = 0) => host.speaker.peers()[index] ?? assert.fail("no peer");
const stateOf = (host: BedHost): string => sessionOf(host).state;

/** Two hosts that are to talk to each other, with what each is told of the other. */
const pair = (left: Parameters<typeof peerWord>[2] = {}, right: Parameters<typeof peerWord>[2] = {}) => {
  const bed = bgpBed();
  const [one, two] = [bed.host(1), bed.host(2)];
  for (const host of [one, two]) host.speaker.setSettings(LISTENING, bed.now());
  one.speaker.setPeers([peerWord(1, 2, left)], bed.now());
  two.speaker.setPeers([peerWord(2, 1, right)], bed.now());
  return { bed, one, two };
};

const up = (...given: Parameters<typeof pair>) => {
  const opened = pair(...given);
  opened.bed.pass(seconds(20));
  assert.deepEqual([stateOf(opened.one), stateOf(opened.two)], ["established", "established"]);
  for (const host of [opened.one, opened.two]) host.said();
  return opened;
};

describe("a BGP speaker", () => {
  it("comes up with a peer although both connect at once, and stays up", () => {
    const { bed, one, two } = up();
    bed.pass(seconds(5 * 60));
    assert.deepEqual([one.said(), two.said()], [[], []]);
    const { session, ups, failure } = sessionOf(one);
    assert.deepEqual(
      [session?.negotiated.peerAsn, session?.local, ups, failure],
      [64_514, at(1), 1, undefined],
    );
  });

  it("tells routes of both families, what changes of them, and that they are gone", () => {
    const { bed, one } = up();
    const routes = [
      routeWord("192.0.2.128/25", ["host-2"]),
      routeWord("2001:db8:5::/48", ["host-2", "other"]),
    ];
    one.speaker.route({ changed: [...routes, routeWord("203.0.113.0/24", ["other"])], removed: [] });
    bed.pass(millis(10));
    const common = "1=00 2=02010000fc01";
    assert.deepEqual([...one.told(at(2))].sort(), [
      ["192.0.2.128/25", `${common} 3=c0000201`],
      ["2001:db8:5::/48", common],
    ]);
    const changed = [routeWord("192.0.2.128/25", ["host-2"], { med: 5 })];
    one.speaker.route({ changed, removed: [prefix("2001:db8:5::/48")] });
    bed.pass(millis(10));
    assert.deepEqual([...one.told(at(2))], [["192.0.2.128/25", `${common} 3=c0000201 4=00000005`]]);
    assert.deepEqual(sessionOf(one).counts.announced, { IPv4: 1, IPv6: 0 });
  });

  it("talks to peers whatever their names are, those of its own timers among them", () => {
    for (const name of ["feed", "routes", "damping", "listen", "leave", "routers", "facts"]) {
      const { bed, one } = up({ name });
      one.speaker.route({ changed: [routeWord("192.0.2.128/25", [name])], removed: [] });
      bed.pass(seconds(30));
      assert.deepEqual([name, [...one.told(at(2)).keys()]], [name, ["192.0.2.128/25"]]);
      assert.deepEqual([name, stateOf(one)], [name, "established"]);
    }
  });

  it("tells a peer that comes late everything, and ends the table only once all of it was told (RFC 4724 §2)", () => {
    const { bed, one, two } = pair();
    one.speaker.route({ changed: manyRoutes(300, ["host-2"]), removed: [] });
    bed.pass(seconds(20));
    assert.equal(one.told(at(2)).size, 300);
    const before = sessionOf(two).received.update;
    bed.pass(seconds(1 * 60));
    assert.equal(sessionOf(two).received.update, before);
    one.speaker.routesComplete();
    bed.pass(millis(10));
    // One for each family.
    assert.equal(sessionOf(two).received.update, before + 2);
    assert.equal(sessionOf(two).routesHeard, 300);
  });

  it("says why it removes a peer, and ends everything of it", () => {
    const { bed, one, two } = up();
    one.speaker.setPeers([], bed.now());
    bed.pass(millis(10));
    assert.deepEqual(one.speaker.peers(), []);
    assert.match(sessionOf(two).failure?.text ?? "", /Peer De-configured/i);
    // Nobody listens to it any more.
    bed.pass(seconds(1 * 60));
    assert.notEqual(stateOf(two), "established");
  });

  it("restarts the session of a peer whose word changes in what it depends on, and no other", () => {
    const bed = bgpBed();
    const [one, two, three] = [bed.host(1), bed.host(2), bed.host(3)];
    for (const host of [one, two, three]) host.speaker.setSettings(LISTENING, bed.now());
    one.speaker.setPeers([peerWord(1, 2), peerWord(1, 3)], bed.now());
    two.speaker.setPeers([peerWord(2, 1)], bed.now());
    three.speaker.setPeers([peerWord(3, 1)], bed.now());
    bed.pass(seconds(20));
    one.said();
    one.speaker.setPeers([peerWord(1, 2, { mostRoutes: 10 }), peerWord(1, 3)], bed.now());
    bed.pass(seconds(1));
    assert.deepEqual(one.said(), []);
    one.speaker.setPeers([peerWord(1, 2, { password: "secret" }), peerWord(1, 3)], bed.now());
    two.speaker.setPeers([peerWord(2, 1, { password: "secret" })], bed.now());
    bed.pass(seconds(20));
    const said = one.said();
    assert.match(said[0] ?? "", /^host-2 established > idle: the configuration changed/);
    assert.ok(said.every((line) => line.startsWith("host-2")));
    assert.deepEqual(
      one.speaker.peers().map(({ state, ups }) => `${state} ${ups}`),
      ["established 2", "established 1"],
    );
  });

  it("comes up where one only waits, and not where both do", () => {
    up({ role: "passive" });
    up({}, { role: "passive" });
    const { bed, one } = pair({ role: "passive" }, { role: "passive" });
    bed.pass(seconds(2 * 60));
    assert.equal(stateOf(one), "active");
  });

  it("says what keeps it from connecting", () => {
    const { bed, one, two } = pair({ password: "right" }, { password: "wrong" });
    bed.pass(seconds(20));
    assert.match(sessionOf(one).failure?.text ?? "", /connect to 192\.0\.2\.2 port 179: ETIMEDOUT/);
    two.speaker.setPeers([peerWord(2, 1, { password: "right" })], bed.now());
    bed.pass(seconds(20));
    // It is history now.
    assert.deepEqual([stateOf(one), sessionOf(one).failure?.cause], ["established", "connect-failed"]);
  });

  it("says what is wrong with a peer's OPEN", () => {
    const { bed, one, two } = pair({ peerAsn: { type: "given", asn: 65_000 } });
    bed.pass(seconds(20));
    assert.match(sessionOf(one).failure?.text ?? "", /autonomous system/);
    assert.match(sessionOf(two).failure?.text ?? "", /Bad Peer AS/i);
  });

  it("misses a peer that falls silent for the hold time, and comes up with it again", () => {
    const { bed, one, two } = up();
    two.setLink(false);
    // Its last KEEPALIVE is up to three seconds old.
    bed.pass(seconds(5));
    assert.equal(stateOf(one), "established");
    bed.pass(seconds(5));
    assert.match(one.said()[0] ?? "", /established > idle: the peer was silent for the hold time/);
    two.setLink(true);
    bed.pass(seconds(40));
    assert.equal(stateOf(one), "established");
  });

  it("sends a peer no faster than it reads, and everything in the end", () => {
    const { bed, one, two } = up(
      { holdTime: micros0, keepaliveTime: micros0 },
      { holdTime: micros0, keepaliveTime: micros0 },
    );
    two.tcp.setReading(false);
    one.speaker.route({ changed: manyRoutes(60_000, ["host-2"]), removed: [] });
    bed.pass(seconds(5));
    const { counts } = sessionOf(one);
    assert.ok(counts.pending > 20_000, `${counts.pending}`);
    // What changes meanwhile is sent once, as it is in the end.
    one.speaker.route({
      changed: [],
      removed: manyRoutes(60_000, [])
        .slice(100)
        .map(({ prefix: each }) => each),
    });
    bed.pass(seconds(1));
    two.tcp.setReading(true);
    bed.pass(seconds(1));
    assert.equal(one.told(at(2)).size, 100);
    assert.deepEqual([sessionOf(one).counts.pending, stateOf(one)], [0, "established"]);
    assert.ok(sessionOf(two).routesHeard < 40_000);
  });

  it("leaves out what is above a peer's limit, says so, and tells it once it may", () => {
    const { bed, one } = up({ mostRoutes: 2 });
    one.speaker.route({ changed: manyRoutes(5, ["host-2"]), removed: [] });
    bed.pass(millis(10));
    assert.deepEqual(one.said(), ["host-2 left out 3 IPv4 over-limit"]);
    assert.equal(one.told(at(2)).size, 2);
    assert.equal(one.speaker.standing("host-2", prefix("10.0.4.0/24")), "over-limit");
    one.speaker.setPeers([peerWord(1, 2, { mostRoutes: 10 })], bed.now());
    bed.pass(millis(10));
    assert.deepEqual(one.said(), ["host-2 left out "]);
    assert.equal(one.told(at(2)).size, 5);
  });

  it("announces a prefix that comes and goes all the time to nobody for a while", () => {
    const { bed, one } = up();
    const [route] = manyRoutes(1, ["host-2"]);
    assert.ok(route !== undefined);
    for (let round = 0; round < 6; round += 1) {
      one.speaker.route({ changed: [route], removed: [] });
      bed.pass(millis(100));
      one.speaker.route({ changed: [], removed: [route.prefix] });
      bed.pass(millis(100));
    }
    one.speaker.route({ changed: [route], removed: [] });
    bed.pass(millis(100));
    assert.equal(one.told(at(2)).size, 0);
    assert.deepEqual(one.said(), ["damped 10.0.0.0 for a while"]);
    assert.equal(one.speaker.damped().length, 1);
    bed.pass(seconds(2 * 60));
    assert.equal(one.told(at(2)).size, 1);
    assert.deepEqual(one.said(), ["damped 10.0.0.0 no more"]);
  });
});

const micros0 = seconds(0);

describe("a BGP speaker and its links", () => {
  const other = { linkIndex: 2, tentative: false, duplicate: false, prefixLength: 64 };

  it("announces a family while the interface has an address of it, and the session stays", () => {
    const { bed, one } = pair();
    const change = (action: "setAddress" | "dropAddress"): void => {
      if (action === "setAddress") one.netlink.setAddress({ ...other, address: at(1, "IPv6") });
      else one.netlink.dropAddress({ linkIndex: 2, address: { address: at(1, "IPv6"), prefixLength: 64 } });
      one.links.reread();
      one.speaker.linksChanged(bed.now());
    };
    change("dropAddress");
    const changed = [routeWord("2001:db8:5::/48", ["host-2"]), routeWord("203.0.113.0/24", ["host-2"])];
    one.speaker.route({ changed, removed: [] });
    bed.pass(seconds(20));
    assert.ok(one.said().includes("host-2 left out 1 IPv6 no-next-hop"));
    assert.equal(one.told(at(2)).size, 1);
    change("setAddress");
    bed.pass(millis(10));
    assert.deepEqual([one.told(at(2)).size, one.said()], [2, ["host-2 left out "]]);
    change("dropAddress");
    bed.pass(millis(10));
    assert.deepEqual([one.told(at(2)).size, one.said()], [1, ["host-2 left out 1 IPv6 no-next-hop"]]);
    assert.equal(stateOf(one), "established");
  });

  it("listens as soon as another daemon leaves the port, and connects meanwhile", () => {
    const bed = bgpBed();
    const [one, two] = [bed.host(1), bed.host(2)];
    const taken = one.tcp.port.listen({
      ...{ family: "IPv4", port: 179, vrf: undefined, onConnection: () => undefined, onError: () => {} },
    });
    assert.ok(taken.ok);
    for (const host of [one, two]) host.speaker.setSettings(LISTENING, bed.now());
    one.speaker.setPeers([peerWord(1, 2)], bed.now());
    two.speaker.setPeers([peerWord(2, 1, { role: "passive" })], bed.now());
    bed.pass(seconds(20));
    const refusals = one.said().filter((line) => line.startsWith("listening"));
    assert.deepEqual(refusals, [
      "listening IPv4 cannot listen on TCP port 179 for IPv4, which another BGP daemon has: EADDRINUSE",
    ]);
    assert.equal(stateOf(one), "established");
    taken.value.close();
    bed.pass(seconds(10));
    assert.deepEqual(one.said(), ["listening IPv4 works"]);
    assert.deepEqual(one.speaker.listening(), [
      { ...{ family: "IPv4", vrf: undefined, port: 179, refused: undefined }, accepted: 0, strangers: 0 },
    ]);
  });

  it("lets strangers in nowhere", () => {
    const { bed, one } = up();
    const three = bed.host(3);
    three.speaker.setPeers([peerWord(3, 1)], bed.now());
    bed.pass(seconds(1 * 60));
    assert.notEqual(stateOf(three), "established");
    assert.ok((one.speaker.listening()[0]?.strangers ?? 0) > 0);
    assert.deepEqual(one.said(), []);
  });
});
