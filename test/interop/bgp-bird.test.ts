/** BGP with BIRD 2: what its own table shows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { seconds } from "#base/time";
import { AT, until } from "./bfd-bed.ts";
import { ASN, BFD, type BgpBed, inBgpBed, leave, manyRoutesTo, peerAt, routeTo } from "./bgp-bed.ts";

const CONTROL = "/run/bird.ctl";

type Bird = {
  readonly say: (...words: readonly string[]) => Promise<string>;
  /** What it has of a prefix, with all attributes; empty without it. */
  readonly route: (prefix: string) => Promise<string>;
  readonly count: () => Promise<number>;
};

type Choice = {
  readonly host?: "e2" | "cl";
  readonly neighbor?: string;
  readonly local?: number;
  readonly options?: readonly string[];
  readonly ipv4?: string;
};

/** BIRD on a host with us as its neighbour `node`. */
const startBird = async (bed: BgpBed, choice: Choice = {}): Promise<Bird> => {
  const { host = "e2", neighbor = AT.e1.IPv4, local = ASN.theirs, options = [], ipv4 = "" } = choice;
  const machine = bed.lab.host(host);
  const text = [
    "log stderr all;",
    `router id ${AT[host].IPv4};`,
    "protocol device { }",
    "protocol direct { ipv4; ipv6; }",
    "protocol bfd { }",
    "protocol bgp node {",
    `  local as ${local};`,
    `  neighbor ${neighbor} as ${ASN.ours};`,
    "  hold time 9; connect delay time 1; connect retry time 2; error wait time 1, 2;",
    ...options.map((each) => `  ${each};`),
    `  ipv4 { import all; export none; ${ipv4} };`,
    "  ipv6 { import all; export none; };",
    "}",
    "",
  ].join("\n");
  await machine.write("/run/bird.conf", text);
  const program = await machine.spawn(["bird", "-f", "-c", "/run/bird.conf", "-s", CONTROL]);
  bed.remember("bird", program);
  await program.said(/Started/);
  const say: Bird["say"] = (...words) => machine.expect(["birdc", "-s", CONTROL, ...words]);
  return {
    say,
    route: async (prefix) => {
      const { stdout } = await machine.run([
        "birdc",
        "-s",
        CONTROL,
        "show",
        "route",
        prefix,
        "protocol",
        "node",
        "all",
      ]);
      return stdout.includes("BGP.as_path") ? stdout : "";
    },
    count: async () => {
      const [, count] =
        /(\d+) of \d+ routes/.exec(await say("show", "route", "protocol", "node", "count")) ?? [];
      return Number(count ?? 0);
    },
  };
};

const has = (bird: Bird, prefix: string, withinMs?: number): Promise<string> =>
  until(
    () => bird.route(prefix),
    (text) => text !== "",
    withinMs,
  );

describe("BGP with BIRD", () => {
  it("brings signed routes of both families with their attributes, again on request, and reads its last words", (context) =>
    inBgpBed(context, async (bed) => {
      const bird = await startBird(bed, { options: ['password "correct-horse"'] });
      const attributes = {
        ...{ med: 30, communities: [0xfde9_0064], linkBandwidth: 125_000_000 },
        largeCommunities: [{ administrator: 65_001, first: 1, second: 4_294_967_295 }],
      };
      const station = await bed.station(
        [peerAt(AT.e2.IPv4, { password: "correct-horse" })],
        [routeTo("192.0.2.128/25", attributes), routeTo("2001:db8:5::/48")],
      );
      const text = await has(bird, "192.0.2.128/25");
      assert.match(text, new RegExp(`BGP.as_path: ${ASN.ours}\\n`));
      assert.match(text, /BGP.next_hop: 10\.2\.0\.11\n/);
      assert.match(text, /BGP.med: 30\n/);
      assert.match(text, /BGP.community: \(65001,100\)/);
      assert.match(text, /BGP.large_community: \(65001, 1, 4294967295\)/);
      // The bandwidth is a float: these are the bits of 125,000,000.
      assert.match(text, /BGP.ext_community: \(unknown 0x4004, 65001, 1290693416\)/);
      assert.match(await has(bird, "2001:db8:5::/48"), /BGP.next_hop: fd02::11/);

      await bird.say("reload", "in", "node");
      // One for each family.
      await until(
        () => station.peer(),
        ({ received }) => received["route-refresh"] === 2,
      );
      await has(bird, "2001:db8:5::/48");
      assert.equal((await station.peer()).ups, 1);

      await bird.say("disable", "node", '"new cables until 14:00"');
      const { failure } = await until(
        () => station.peer(),
        ({ state }) => state !== "established",
      );
      assert.match(failure?.text ?? "", /Administrative Shutdown, "new cables until 14:00"/);
      await bird.say("enable", "node");
      await station.is("established");
      await leave(station, { reason: "shutdown", communication: "good-bye" });
      assert.match(await bird.say("show", "protocols", "all", "node"), /Administrative shutdown/i);
    }));

  it("brings thousands of prefixes to a peer in our own autonomous system, with their preference", (context) =>
    inBgpBed(context, async (bed) => {
      const bird = await startBird(bed, { local: ASN.ours });
      const routes = manyRoutesTo(5_000);
      const station = await bed.station(
        [peerAt(AT.e2.IPv4, { peerAsn: { type: "internal" } })],
        [...routes, routeTo("192.0.2.128/25", { localPref: 250 })],
      );
      await until(bird.count, (count) => count === 5_001, 20_000);
      assert.match(await has(bird, "192.0.2.128/25"), /BGP.as_path: *\n(?:.*\n)*.*BGP.local_pref: 250\n/);
      const removed = routes.map(({ prefix }) => prefix);
      await station.order({ order: "route", changes: { changed: [], removed } });
      await until(bird.count, (count) => count === 1);
    }));

  it("lets BIRD keep the routes while we are killed and come back (RFC 4724)", (context) =>
    inBgpBed(context, async (bed) => {
      const bird = await startBird(bed, { options: ["graceful restart on"] });
      const word = peerAt(AT.e2.IPv4, { gracefulRestart: { restartTime: seconds(60) } });
      const station = await bed.station([word], [routeTo("192.0.2.128/25")]);
      await has(bird, "192.0.2.128/25");
      let lost = 0;
      let isWatching = true;
      const watching = (async () => {
        while (isWatching) {
          if ((await bird.route("192.0.2.128/25")) === "") lost += 1;
          await pause(50);
        }
      })();
      await station.program.signal("SIGKILL");
      await until(
        () => bird.say("show", "protocols", "all", "node"),
        (text) => !text.includes("Established"),
      );
      const again = await bed.station([word], [routeTo("192.0.2.128/25")], "again");
      await again.is("established");
      await pause(500);
      isWatching = false;
      await watching;
      assert.equal(lost, 0);
    }));

  it("talks over IPv6 with TTL security, takes its own address as next hop of IPv4 (RFC 8950), and is watched by BFD", (context) =>
    inBgpBed(context, async (bed) => {
      const bird = await startBird(bed, {
        neighbor: AT.e1.IPv6,
        options: ["ttl security on", "bfd on", "direct"],
        ipv4: "extended next hop on;",
      });
      const station = await bed.station(
        [peerAt(AT.e2.IPv6, { ttlSecurity: true, bfd: BFD })],
        [routeTo("192.0.2.128/25"), routeTo("2001:db8:5::/48")],
      );
      assert.match(await has(bird, "192.0.2.128/25", 20_000), /BGP.next_hop: fd02::11/);
      await has(bird, "2001:db8:5::/48");
      await until(
        () => station.peer(),
        ({ bfd }) => bfd === "up",
      );
      await bed.lab.fault("silence e2");
      const { failure } = await until(
        () => station.peer(),
        ({ state }) => state !== "established",
        3_000,
      );
      assert.match(failure?.text ?? "", /BFD/);
      await bed.lab.fault("restore");
      await station.is("established", 30_000);
    }));

  it("talks to a peer behind a router from an address that is given", (context) =>
    inBgpBed(context, async (bed) => {
      const bird = await startBird(bed, { host: "cl", options: ["multihop 5", "passive on"] });
      const source = peerAt(AT.e1.IPv4).neighbor;
      assert.ok(source.type === "address");
      const station = await bed.station(
        [peerAt(AT.cl.IPv4, { multihop: true, sourceAddress: source.address })],
        [routeTo("192.0.2.128/25")],
      );
      await has(bird, "192.0.2.128/25", 20_000);
      assert.equal((await station.peer()).session?.local, AT.e1.IPv4);
    }));
});
