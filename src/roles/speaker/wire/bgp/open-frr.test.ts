import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Duration, millis, seconds, wallTime } from "#base/time";
import { OWN } from "#core/frr/names";
import { peerWord, routeWord } from "#core/frr/test-words";
import type { BgpEvent } from "#core/speaker/bgp";
import { fakeClock } from "#drivers/clock/fake";
import { fakeFrr } from "#drivers/frr/fake";
import { createDeadlines } from "#runtime/deadlines";
import { openFrrBgp } from "./open-frr.ts";

const START = 1_000_000;

const bed = () => {
  const events: BgpEvent[] = [];
  let news = 0;
  const frr = fakeFrr();
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const begin = clock.now();
  const port = openFrrBgp({
    ...{ frr, deadlines, now: clock.now, settings: { listen: undefined, drainTime: seconds(0) } },
    time: () => wallTime(START + (clock.now() - begin) / 1_000),
  })({
    tell: (event) => events.push(event),
    onFacts: () => {
      news += 1;
    },
  });
  const pass = async (duration: Duration): Promise<void> => {
    for (let passed = 0; passed < duration; passed += millis(100)) {
      clock.advance(millis(100));
      for (let turns = 0; turns < 6; turns += 1) await turn();
    }
  };
  return {
    ...{ frr, port, pass, now: clock.now },
    said: () => events.splice(0),
    news: () => {
      const count = news;
      news = 0;
      return count;
    },
  };
};

const says = (session: object): string => JSON.stringify({ [`${OWN}64500`]: { "10.0.0.1": session } });

const UP = {
  ...{ bgpState: "Established", bgpTimerUpMsec: 5_000, remoteAs: 64_501, remoteRouterId: "10.0.0.1" },
  ...{ bgpTimerHoldTimeMsecs: 9_000, bgpTimerKeepAliveIntervalMsecs: 3_000, connectionsEstablished: 1 },
  addressFamilyInfo: { ipv4Unicast: { sentPrefixCounter: 1 } },
  neighborCapabilities: { multiprotocolExtensions: { ipv4Unicast: { advertisedAndReceived: true } } },
};
const DOWN = {
  ...{ bgpState: "Idle", lastResetDueTo: "BGP Notification received", lastErrorCodeSubcode: "0602" },
  lastResetTimerMsecs: 1_000,
};

const started = async () => {
  const all = bed();
  all.port.setPeers([peerWord("tor", { mostRoutes: 2 })], all.now());
  const routes = ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"];
  all.port.route({ changed: routes.map((prefix) => routeWord(prefix, ["tor"])), removed: [] });
  all.port.complete();
  all.frr.says = says(UP);
  await all.pass(seconds(2));
  return all;
};

describe("FRR behind the port of the wire process", () => {
  it("says of a peer what our own speaker would say", async () => {
    const { port, said } = await started();
    assert.deepEqual(said(), [{ type: "bgp-session", peer: "tor", to: "up", detail: "in FRR" }]);
    const [facts] = port.facts();
    assert.ok(facts !== undefined);
    assert.deepEqual(facts.session, {
      ...{ asn: 64_501, routerId: "10.0.0.1", families: ["IPv4"] },
      ...{ holdTime: 9, keepaliveTime: 3, keepsRoutes: undefined },
    });
    assert.deepEqual([facts.wanted, facts.announced, facts.pending], [3, 1, 1]);
    assert.deepEqual(facts.leftOut, [{ reason: "over-limit", family: "IPv4", count: 1 }]);
    assert.ok(facts.since < START, "it was up before we asked");
  });

  it("tells why a session went down, with the decoded NOTIFICATION", async () => {
    const { frr, port, pass, said } = await started();
    said();
    frr.says = says(DOWN);
    await pass(seconds(6));
    const text = "the peer sent a NOTIFICATION: Cease: Administrative Shutdown";
    assert.deepEqual(said(), [{ type: "bgp-session", peer: "tor", to: "down", detail: text }]);
    const [facts] = port.facts();
    assert.equal(facts?.failure?.text, text);
    assert.equal(facts.state, "idle");
    assert.ok(facts.since > START);
  });

  it("is no news while only time passes", async () => {
    const { frr, pass, news } = await started();
    await pass(seconds(6));
    news();
    frr.says = says({ ...UP, bgpTimerUpMsec: 60_000 });
    await pass(seconds(12));
    assert.equal(news(), 0);
  });

  it("tells of an FRR that does not do what it is told, until it does", async () => {
    const { frr, pass, said } = await started();
    said();
    frr.fails = { reason: "no-daemon", message: "bgpd is not running" };
    await pass(seconds(20));
    const trouble = { type: "bgp-trouble", subject: "FRR" } as const;
    assert.deepEqual(said(), [{ ...trouble, state: "begun", detail: "bgpd is not running" }]);
    frr.fails = undefined;
    await pass(seconds(40));
    assert.deepEqual(said(), [{ ...trouble, state: "ended" }]);
  });

  it("tells of peers that cannot be in FRR, and of those that are gone", async () => {
    const { port, pass, said, now } = await started();
    said();
    port.setPeers([peerWord("link", { neighbor: { type: "interface", name: "eth1" } })], now());
    await pass(seconds(1));
    const [removed, refused] = said();
    assert.deepEqual(removed, { type: "bgp-session", peer: "tor", to: "removed" });
    assert.ok(refused?.type === "bgp-trouble" && refused.state === "begun");
    assert.match(refused.detail ?? "", /^it is found on an interface/);
    assert.equal(port.facts()[0]?.state, "idle");
  });

  it("takes our part away when it leaves", async () => {
    const { frr, port, pass } = await started();
    let done = 0;
    port.leave(() => {
      done += 1;
    }, "shutdown");
    await pass(seconds(3));
    const running = await frr.running();
    assert.ok(running.ok && !running.value.includes(OWN));
    assert.equal(done, 1);
  });
});
