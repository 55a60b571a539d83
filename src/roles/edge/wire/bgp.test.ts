import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Duration, millis, seconds } from "#base/time";
import type { BackendKey, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Reported } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { PeerWord } from "#core/bgp/desired";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import type { EdgeRoute } from "#core/edge-routes/route";
import type { Event } from "#core/observation/event";
import { sentence } from "#core/observation/sentence";
import { fakeClock } from "#drivers/clock/fake";
import { FakeNetlink } from "#drivers/netlink/fake";
import { LeftSessions } from "#runtime/bgp/left-sessions";
import { createDeadlines } from "#runtime/deadlines";
import { peerWord, routeWord } from "#testing/bgp-words";
import { address } from "#testing/values";
import { EdgeBgp } from "./bgp.ts";
import { BgpSessions } from "./bgp-sessions.ts";
import { fakeBgpSurroundings } from "./test-bgp.ts";

const STEP = millis(10);

const server = (name: string): VirtualServer => ({
  ...{ name, address: address(name === "web" ? "198.51.100.1" : "198.51.100.2"), protocol: "tcp" },
  ...{ ports: onePort(80), mode: "masquerade", scheduler: { type: "consistent-hash", tableSize: 251 } },
  backends: [{ name: "a", address: address("192.0.2.21"), port: 80, weight: 1 }],
});

const route = (name: string, servers: readonly string[]): EdgeRoute => ({
  ...{ name, servers },
  route: routeWord(name, "router"),
});

const word = (change: Partial<PeerWord>): PeerWord =>
  peerWord("router", {
    neighbor: { type: "address", address: address("192.0.2.2") },
    ...{ localAsn: 64_510, peerAsn: { type: "given", asn: 64_500 }, sourceAddress: undefined },
    ...{ password: undefined, bfd: undefined, multihop: false, connectRetryTime: seconds(1) },
    ...{ gracefulRestart: undefined, families: ["IPv4"], role: "active" },
    ...change,
  });

const DESIRED: Desired = {
  ...NOTHING_DESIRED,
  servers: [server("web"), server("shop")],
  peers: [word({ routerId: address("0.0.0.0") as PeerWord["routerId"] })],
  routes: [route("198.51.100.1/32", ["web"]), route("198.51.100.2/32", ["shop"])],
};

const netlinkAt = (number: number): FakeNetlink => {
  const netlink = new FakeNetlink([
    { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  netlink.setAddress({
    ...{ linkIndex: 2, address: address(`192.0.2.${number}`), prefixLength: 24 },
    ...{ tentative: false, duplicate: false },
  });
  return netlink;
};

/** An edge 192.0.2.1 and a router 192.0.2.2 that listens. */
const bed = () => {
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const { network, machine } = fakeBgpSurroundings({ clock, deadlines });
  const events: Event[] = [];
  const reports = new Map<BackendKey, Reported>();
  const report = (key: BackendKey): Reported => reports.get(key) ?? "available";
  const bgp = new EdgeBgp({
    ...{ bgp: machine(1), netlink: netlinkAt(1), clock, deadlines, drainTime: seconds(1), report },
    ...{ emit: (event) => events.push(event), onFacts: () => {} },
  });
  // Its deadlines must not be ours.
  const routerDeadlines = createDeadlines({ now: clock.now, wake: () => {} });
  const router = new BgpSessions({
    ...{ world: machine(2), netlink: netlinkAt(2), clock, deadlines: routerDeadlines, start: "fresh" },
    ...{ left: new LeftSessions(), emit: () => {}, onFacts: () => {} },
  });
  const neighbor = { type: "address", address: address("192.0.2.1") } as const;
  router.set(
    [
      word({
        neighbor,
        name: "edge",
        role: "passive",
        localAsn: 64_500,
        peerAsn: { type: "given", asn: 64_510 },
      }),
    ],
    { listen: { port: 179 }, drainTime: seconds(0) },
  );
  const pass = async (duration: Duration): Promise<void> => {
    for (let passed = 0; passed < duration; passed += STEP) {
      clock.advance(STEP);
      routerDeadlines.runDue();
      network.settle();
      await turn();
    }
  };
  const follow = (desired: Desired): void =>
    bgp.follow(
      planForwarding({
        ...{ servers: desired.servers, availability: report, previous: undefined, now: clock.now() },
        links: { ingress: () => ["eth0"], egress: () => "eth0" },
      }),
    );
  return {
    ...{ bgp, pass, follow, reports },
    /** What the router was told: how many routes it has, and how often the session came up. */
    router: () => {
      const [peer] = bgp.facts();
      return { state: peer?.state, routes: peer?.announced, ups: peer?.ups };
    },
    identifier: () => router.facts()[0]?.session?.routerId,
    said: () => events.splice(0).map((event) => `${sentence(event).subject}: ${sentence(event).text}`),
  };
};

const started = async () => {
  const all = bed();
  all.bgp.configure(DESIRED);
  all.follow(DESIRED);
  all.bgp.meet("fresh");
  await all.pass(seconds(3));
  return all;
};

describe("BGP of an edge", () => {
  it("says nothing before its forwarding is in place", async () => {
    const { bgp, pass, follow } = bed();
    bgp.configure(DESIRED);
    follow(DESIRED);
    await pass(seconds(3));
    assert.deepEqual(bgp.facts(), []);
  });

  it("opens no session where no router is meant", async () => {
    const { bgp, pass } = bed();
    bgp.configure({ ...DESIRED, peers: [], routes: [] });
    bgp.meet("fresh");
    await pass(seconds(1));
    assert.deepEqual(bgp.facts(), []);
  });

  it("announces each server that can serve, under the machine's lowest address", async () => {
    const { router, identifier, said } = await started();
    assert.deepEqual(router(), { state: "established", routes: 2, ups: 1 });
    assert.equal(identifier(), "192.0.2.1");
    assert.deepEqual(said(), ["peer router: up"]);
  });

  it("withdraws what nobody serves, and announces it again, in the same session", async () => {
    const { follow, pass, router, reports, said } = await started();
    said();
    reports.set("web/a", "unavailable");
    follow(DESIRED);
    await pass(seconds(1));
    assert.deepEqual(router(), { state: "established", routes: 1, ups: 1 });
    assert.deepEqual(said(), ["route 198.51.100.1/32: not announced: nobody behind web takes connections"]);
    reports.delete("web/a");
    follow(DESIRED);
    await pass(seconds(1));
    assert.deepEqual(router(), { state: "established", routes: 2, ups: 1 });
    assert.deepEqual(said(), ["route 198.51.100.1/32: announced again: web can serve"]);
  });

  it("stays the last resort while every backend has failed its check", async () => {
    const { follow, pass, router, reports, said } = await started();
    said();
    reports.set("web/a", "doubtful");
    follow(DESIRED);
    await pass(seconds(1));
    assert.deepEqual(router(), { state: "established", routes: 2, ups: 1 });
    assert.match(said().join(), /^route 198\.51\.100\.1\/32: announced as the last resort/);
  });

  it("withdraws what the next configuration does not have before that comes into force", async () => {
    const { bgp, pass, router } = await started();
    let isRetired = false;
    const next = { ...DESIRED, routes: DESIRED.routes.slice(0, 1) };
    const retiring = bgp.retire(next).then(() => {
      isRetired = true;
    });
    await pass(millis(200));
    assert.deepEqual(router(), { state: "established", routes: 1, ups: 1 });
    assert.equal(isRetired, false, "routers have time to act on it");
    await pass(seconds(1));
    await retiring;
    assert.equal(isRetired, true);
  });

  it("waits for nothing when a configuration withdraws nothing", async () => {
    const { bgp, router } = await started();
    await bgp.retire({ ...DESIRED, servers: [] });
    assert.equal(router().routes, 2);
  });

  it("leaves only after it has said so, waited and withdrawn", async () => {
    const { bgp, pass, router } = await started();
    let isOver = false;
    void bgp.leave("shutdown", "SIGTERM").then(() => {
      isOver = true;
    });
    await pass(millis(900));
    assert.deepEqual(router(), { state: "established", routes: 2, ups: 1 });
    await pass(millis(400));
    assert.notEqual(router().state, "established");
    assert.equal(isOver, false, "what is on its way still comes");
    await pass(seconds(1));
    assert.equal(isOver, true);
  });

  it("waits no longer when it is told again", async () => {
    const { bgp, pass } = await started();
    let isOver = false;
    void bgp.leave("shutdown", "SIGTERM").then(() => {
      isOver = true;
    });
    bgp.hurry();
    await pass(millis(20));
    assert.equal(isOver, true);
  });
});
