/** Our part of the configuration of a real FRR: `e1` is a node whose FRR is somebody else's, `e2` the router beyond, with FRR too. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { millis, seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import { OWN } from "#core/frr/names";
import type { Wanted } from "#core/frr/section";
import { address, BFD, EVERYTHING, peerWord, routerId, routeWord } from "#core/frr/test-words";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import { AT, until } from "./bfd-bed.ts";
import { type FrrDaemons, startFrrDaemons } from "./frr-daemons.ts";
import type { FrrOrder } from "./frr-station.ts";

/** What was on the node before we came. */
const FOREIGN = `
ip prefix-list theirs seq 5 permit 10.0.0.0/8 le 32
route-map theirs permit 10
 match ip address prefix-list theirs
 set metric 7
exit
route-map steelyard-tor-in-ipv4 permit 10
exit
bfd
 profile theirs
  transmit-interval 500
 exit
exit
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 10.2.0.99 remote-as 65002
 address-family ipv4 unicast
  network 10.2.0.0/24
  neighbor 10.2.0.99 route-map theirs out
 exit-address-family
exit
`;

const ROUTER = `
bfd
 profile fast
  transmit-interval 200
  receive-interval 200
 exit
exit
router bgp 64501
 no bgp ebgp-requires-policy
 neighbor ${AT.e1.IPv4} remote-as 64500
 neighbor ${AT.e1.IPv4} timers connect 2
 neighbor ${AT.e1.IPv4} password secret
 neighbor ${AT.e1.IPv4} bfd profile fast
 address-family ipv4 unicast
  network 10.2.0.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor ${AT.e1.IPv4} activate
 exit-address-family
exit
`;

const TOR: PeerWord = peerWord("tor", {
  at: AT.e2.IPv4,
  routerId: routerId(AT.e1.IPv4),
  password: "secret",
  connectRetryTime: seconds(2),
  holdTime: seconds(9),
  keepaliveTime: seconds(3),
  families: ["IPv4", "IPv6"],
  bfd: { ...BFD, receiveInterval: millis(200), transmitInterval: millis(200), detectMultiplier: 3 },
});

type Bed = {
  readonly lab: Lab;
  readonly node: FrrDaemons;
  readonly router: FrrDaemons;
  readonly station: LabProcess;
  /** Gives an order, and the station's answer. */
  readonly order: (order: FrrOrder) => Promise<Record<string, unknown>>;
  /** Types of all observations so far. */
  readonly story: () => readonly string[];
  /** Prefixes that the router has of the node. */
  readonly learned: () => Promise<readonly string[]>;
};

type Line = { readonly answer?: Record<string, unknown>; readonly observation?: { readonly type: string } };

const openBed = async (lab: Lab, remember: (name: string, program: LabProcess) => void): Promise<Bed> => {
  const node = await startFrrDaemons(lab, "e1", remember);
  await node.load(FOREIGN);
  const router = await startFrrDaemons(lab, "e2", remember);
  await router.load(ROUTER);
  const file = join(import.meta.dirname, "frr-station.ts");
  const station = await lab.host("e1").spawn([process.execPath, file, node.run]);
  remember("station", station);
  const lines = (): readonly Line[] =>
    station
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const answers = (): readonly Record<string, unknown>[] =>
    lines().flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  await until(
    async () => answers().length,
    (count) => count === 1,
  );
  return {
    ...{ lab, node, router, station },
    order: async (order) => {
      const before = answers().length;
      await station.write(`${JSON.stringify(order)}\n`);
      await until(
        async () => answers().length,
        (count) => count > before,
        60_000,
      );
      return answers()[before] ?? {};
    },
    story: () => lines().flatMap(({ observation }) => observation?.type ?? []),
    learned: async () => {
      const texts = await Promise.all(
        ["ipv4", "ipv6"].map((family) =>
          router.vtysh(`show bgp ${family} unicast neighbors ${AT.e1.IPv4} routes json`),
        ),
      );
      return texts.flatMap((text) => Object.keys(JSON.parse(text).routes ?? {}));
    },
  };
};

const inBed = async (context: TestContext, test: (bed: Bed) => Promise<void>): Promise<void> => {
  const programs = new Map<string, LabProcess>();
  const lab = await openLab(standardTopology({ nodes: 0 }));
  try {
    await test(await openBed(lab, (name, program) => programs.set(`${name} ${programs.size}`, program)));
  } catch (error) {
    for (const [name, program] of programs)
      context.diagnostic(`${name}:\n${program.stdout().slice(-4_000)}${program.stderr().slice(-4_000)}`);
    throw error;
  } finally {
    await lab.close();
  }
};

const ROUTES = [
  routeWord("192.0.2.10/32", ["tor"], { communities: [0xfbf4_0001, 0xffff_0000] }),
  routeWord("2001:db8:2::10/128", ["tor"], {
    largeCommunities: [{ administrator: 64_500, first: 1, second: 2 }],
    med: 20,
  }),
];

const announce = async ({ order }: Bed, peers: readonly PeerWord[] = [TOR]): Promise<void> => {
  await order({ order: "peers", peers });
  await order({ order: "route", changes: { changed: ROUTES, removed: [] } });
  await order({ order: "complete" });
};

const PREFIXES = ["192.0.2.10/32", "2001:db8:2::10/128"];

/** Each setting on, off, and with another value: every way in which a line is taken back. */
const SETTINGS: readonly Partial<PeerWord>[] = [
  { password: "one" },
  { password: "two" },
  { port: 1_790 },
  { role: "passive" },
  { multihop: true },
  { ttlSecurity: true },
  { sourceAddress: address("10.0.0.11") },
  { sourceAddress: address("10.0.0.12") },
  { holdTime: seconds(0), keepaliveTime: seconds(0) },
  { connectRetryTime: seconds(120) },
  { gracefulRestart: { restartTime: seconds(60) } },
  { gracefulRestart: { restartTime: seconds(61) } },
  { bfd: BFD },
  { bfd: { ...BFD, detectMultiplier: 3, transmitInterval: millis(300), role: "passive", minimumTtl: 9 } },
  { bfd: { ...BFD, receiveInterval: millis(300), echo: { interval: millis(70) } } },
  { families: ["IPv6"] },
  { families: ["IPv4", "IPv6"] },
  { peerAsn: { type: "internal" } },
  { peerAsn: { type: "external" } },
  { peerAsn: { type: "given", asn: 64_502 } },
  { localAsn: 64_510 },
];

const NOTHING: Wanted = { peers: [], routes: [] };

describe("a real FRR with our part in it", () => {
  it("does what every FRR has to do", (context) =>
    inBed(context, async ({ order }) => {
      assert.deepEqual(await order({ order: "contract" }), { done: 4 });
    }));

  it("announces what it is told, and nothing of the node's own; others' lines stay, and leaving removes exactly ours", (context) =>
    inBed(context, async (bed) => {
      const before = await bed.node.running();
      await announce(bed);
      await until(bed.learned, (routes) => routes.length >= 2, 30_000);
      assert.deepEqual(await bed.learned(), PREFIXES);
      const four = JSON.parse(await bed.router.vtysh("show bgp ipv4 unicast 192.0.2.10/32 json"));
      assert.equal(four.paths[0].community.string, "64500:1 graceful-shutdown");
      assert.equal(four.paths[0].aspath.string, "64500");
      const six = JSON.parse(await bed.router.vtysh("show bgp ipv6 unicast 2001:db8:2::10/128 json"));
      assert.equal(six.paths[0].largeCommunity.string, "64500:1:2");
      assert.equal(six.paths[0].metric, 20);
      const during = await bed.node.running();
      for (const line of before.split("\n")) assert.ok(during.split("\n").includes(line), line);
      // The router's own network is not taken, neither by FRR nor by the kernel.
      const view = await bed.node.vtysh(`show bgp view ${OWN}64500 ipv4 unicast json`);
      assert.deepEqual(Object.keys(JSON.parse(view).routes), ["192.0.2.10/32"]);
      assert.doesNotMatch(await bed.lab.host("e1").expect(["ip", "route"]), /proto bgp/);
      await bed.order({ order: "leave", reason: "shutdown" });
      assert.equal(await bed.node.running(), before);
      await until(bed.learned, (routes) => routes.length === 0);
    }));

  it("says how sessions are, BFD too, and follows routes that come and go", (context) =>
    inBed(context, async (bed) => {
      await announce(bed);
      type Peer = { session?: { state: string; bfd?: string; routesSent: number } };
      const peer = async (): Promise<Peer> => {
        const { peers } = await bed.order({ order: "snapshot" });
        return (peers as readonly Peer[])[0] ?? {};
      };
      await until(peer, ({ session }) => session?.state === "established" && session.bfd === "up", 60_000);
      await until(peer, ({ session }) => session?.routesSent === 2, 30_000);
      const more = [routeWord("192.0.2.11/32", ["tor"]), routeWord("192.0.2.0/28", ["tor"], { med: 5 })];
      await bed.order({
        order: "route",
        changes: { changed: more, removed: ROUTES.slice(0, 1).map(({ prefix }) => prefix) },
      });
      await until(bed.learned, (routes) => routes.length === 3 && !routes.includes("192.0.2.10/32"), 30_000);
      assert.ok(bed.story().includes("session"));
    }));

  it("has our part again after it was started anew", (context) =>
    inBed(context, async (bed) => {
      await announce(bed);
      await until(bed.learned, (routes) => routes.length === 2, 30_000);
      await bed.node.restart();
      await until(
        () => bed.node.running(),
        (text) => text.includes("192.0.2.10/32"),
        40_000,
      );
      await until(bed.learned, (routes) => routes.length === 2, 30_000);
    }));

  it("keeps our part when the process ends to come back, and it is found again", (context) =>
    inBed(context, async (bed) => {
      await announce(bed);
      await until(bed.learned, (routes) => routes.length === 2, 30_000);
      const before = await bed.node.running();
      await bed.order({ order: "leave", reason: "restart" });
      await bed.station.signal("SIGKILL");
      assert.equal(await bed.node.running(), before);
    }));

  it("is not given a neighbour that somebody else's part has", (context) =>
    inBed(context, async (bed) => {
      const before = await bed.node.running();
      await announce(bed, [peerWord("theirs", { at: "10.2.0.99" })]);
      await until(
        async () => bed.story(),
        (story) => story.includes("refused"),
      );
      const { peers } = await bed.order({ order: "snapshot" });
      assert.equal((peers as readonly { refused: string }[])[0]?.refused, "neighbour-taken");
      assert.equal(await bed.node.running(), before);
    }));

  it("takes every setting, and every setting back, and prints it as it is expected", (context) =>
    inBed(context, async ({ order, node }) => {
      const before = await node.running();
      const routes = [routeWord("192.0.2.1/32", ["one", "two"]), routeWord("2001:db8::1/128", ["one"])];
      const six = peerWord("two", { at: "2001:db8::1", families: ["IPv4", "IPv6"] });
      const states: Wanted[] = SETTINGS.map((setting) => ({
        peers: [peerWord("one", setting), six],
        routes,
      }));
      for (const wanted of [...states, EVERYTHING, ...states.toReversed(), NOTHING]) {
        const { outcome, detail } = await order({ order: "round", wanted });
        assert.equal(outcome, "settled", `${JSON.stringify(wanted.peers[0])}: ${detail}`);
        assert.deepEqual(await order({ order: "round", wanted }), { outcome: "settled", detail: 0 });
      }
      assert.equal(await node.running(), before);
    }));

  it("takes attributes of routes, and takes them back", (context) =>
    inBed(context, async ({ order, node }) => {
      const before = await node.running();
      const peers = [peerWord("one", { peerAsn: { type: "internal" } }), peerWord("two", { at: "10.0.0.2" })];
      const wellKnown = [
        0,
        ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 0x29a, 0xff01, 0xff02, 0xff03, 0xff04].map((low) => 0xffff_0000 + low),
      ];
      const attributes = [
        { communities: wellKnown },
        { communities: [0xfbf4_0001], med: 0, localPref: 0xffff_ffff },
        { largeCommunities: [{ administrator: 4_294_967_295, first: 0, second: 4_294_967_295 }] },
        { linkBandwidth: 1 },
        { linkBandwidth: 1e12, med: 4_294_967_295 },
        {},
      ];
      for (const each of attributes) {
        const wanted = {
          peers,
          routes: [routeWord("192.0.2.1/32", ["one"], each), routeWord("192.0.2.2/32", ["one", "two"])],
        };
        const { outcome, detail } = await order({ order: "round", wanted });
        assert.equal(outcome, "settled", `${JSON.stringify(each)}: ${detail}`);
        assert.deepEqual(await order({ order: "round", wanted }), { outcome: "settled", detail: 0 });
      }
      assert.deepEqual(await order({ order: "remove" }).then(({ ok }) => ok), true);
      assert.equal(await node.running(), before);
    }));

  it("carries five thousand routes, and one more costs one line", (context) =>
    inBed(context, async (bed) => {
      await bed.order({ order: "peers", peers: [{ ...TOR, mostRoutes: 10_000 }] });
      const changed = Array.from({ length: 5_000 }, (_, index) =>
        routeWord(`10.77.${index >> 8}.${index & 255}/32`, ["tor"]),
      );
      await bed.order({ order: "route", changes: { changed, removed: [] } });
      await bed.order({ order: "complete" });
      await until(bed.learned, (routes) => routes.length === 5_000, 60_000);
      const wanted = {
        peers: [{ ...TOR, mostRoutes: 10_000 }],
        routes: [...changed, routeWord("10.78.0.1/32", ["tor"])],
      };
      // The view, the family and what ends them, and the line itself.
      assert.deepEqual(await bed.order({ order: "round", wanted }), { outcome: "settled", detail: 5 });
    }));
});
