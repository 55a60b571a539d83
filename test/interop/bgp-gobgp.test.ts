/** BGP with GoBGP: what its own table shows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import { AT, until } from "./bfd-bed.ts";
import { ASN, type BgpBed, inBgpBed, leave, manyRoutesTo, peerAt, routeTo } from "./bgp-bed.ts";

type Path = {
  readonly stale?: boolean;
  readonly attrs: readonly { readonly type: number; readonly [key: string]: unknown }[];
};

type GoBgp = {
  readonly say: (...words: readonly string[]) => Promise<string>;
  readonly paths: (family: "ipv4" | "ipv6") => Promise<Readonly<Record<string, readonly Path[]>>>;
};

type Options = {
  /** Default `e2`. */
  readonly host?: "e2" | "cl";
  /** Of our neighbour, besides what all have. */
  readonly lines?: readonly string[];
  readonly keepsRoutes?: boolean;
};

const configuration = ({ host = "e2", lines = [], keepsRoutes = false }: Options): string =>
  [
    "[global.config]",
    `  as = ${ASN.theirs}`,
    `  router-id = "${AT[host].IPv4}"`,
    "[[neighbors]]",
    "  [neighbors.config]",
    `    neighbor-address = "${AT.e1.IPv4}"`,
    `    peer-as = ${ASN.ours}`,
    '    auth-password = "correct-horse"',
    "  [neighbors.timers.config]",
    "    hold-time = 9",
    "    keepalive-interval = 3",
    "    connect-retry = 2",
    ...lines,
    ...["ipv4-unicast", "ipv6-unicast"].flatMap((name) => [
      "  [[neighbors.afi-safis]]",
      "    [neighbors.afi-safis.config]",
      `      afi-safi-name = "${name}"`,
      ...(keepsRoutes
        ? ["    [neighbors.afi-safis.mp-graceful-restart.config]", "      enabled = true"]
        : []),
    ]),
    "",
  ].join("\n");

/** GoBGP with us as its neighbour. */
const startGoBgp = async (bed: BgpBed, options: Options = {}): Promise<GoBgp> => {
  const machine = bed.lab.host(options.host ?? "e2");
  await machine.write("/run/gobgpd.toml", configuration(options));
  const program = await machine.spawn(["gobgpd", "-t", "toml", "-f", "/run/gobgpd.toml", "--log-plain"]);
  bed.remember("gobgpd", program);
  const say: GoBgp["say"] = (...words) => machine.expect(["gobgp", ...words]);
  await until(
    () => machine.run(["gobgp", "neighbor"]),
    ({ stdout }) => stdout.includes(AT.e1.IPv4),
    20_000,
  );
  return {
    say,
    paths: async (family) => JSON.parse(await say("-j", "global", "rib", "-a", family)) ?? {},
  };
};

const WORD = peerAt(AT.e2.IPv4, { password: "correct-horse" });

const attributesOf = (path: Path | undefined): Readonly<Record<number, unknown>> =>
  Object.fromEntries((path?.attrs ?? []).map(({ type, ...rest }) => [type, rest]));

describe("BGP with GoBGP", () => {
  it("brings signed routes of both families with their attributes, and reads its last words", (context) =>
    inBgpBed(context, async (bed) => {
      const gobgp = await startGoBgp(bed);
      const attributes = {
        ...{ med: 30, communities: [0xfde9_0064] },
        largeCommunities: [{ administrator: 65_001, first: 1, second: 4_294_967_295 }],
      };
      const station = await bed.station(
        [WORD],
        [routeTo("192.0.2.128/25", attributes), routeTo("2001:db8:5::/48")],
      );
      const paths = await until(
        () => gobgp.paths("ipv4"),
        (found) => "192.0.2.128/25" in found,
        20_000,
      );
      const found = attributesOf(paths["192.0.2.128/25"]?.[0]);
      assert.deepEqual(
        [found[2], found[3], found[4], found[8], found[32]],
        [
          { as_paths: [{ segment_type: 2, num: 1, asns: [ASN.ours] }] },
          { nexthop: AT.e1.IPv4 },
          { metric: 30 },
          { communities: [0xfde9_0064] },
          { value: [{ ASN: 65_001, LocalData1: 1, LocalData2: 4_294_967_295 }] },
        ],
      );
      await until(
        () => gobgp.paths("ipv6"),
        (all) => "2001:db8:5::/48" in all,
      );
      await gobgp.say("neighbor", AT.e1.IPv4, "shutdown", "--reason", "new cables");
      const { failure, ups } = await until(
        () => station.peer(),
        ({ state }) => state !== "established",
      );
      assert.deepEqual(ups, 1);
      assert.match(failure?.text ?? "", /Administrative Shutdown, "new cables"/);
      await gobgp.say("neighbor", AT.e1.IPv4, "enable");
      await station.is("established", 30_000);
      await until(
        () => gobgp.paths("ipv4"),
        (all) => "192.0.2.128/25" in all,
      );
      await leave(station, { reason: "shutdown", communication: "good-bye" });
      await until(
        () => gobgp.paths("ipv4"),
        (all) => Object.keys(all).length === 0,
      );
    }));

  it("brings thousands of prefixes, and withdraws them", (context) =>
    inBgpBed(context, async (bed) => {
      const gobgp = await startGoBgp(bed);
      const routes = manyRoutesTo(3_000);
      const station = await bed.station([WORD], routes);
      const count = async (): Promise<number> => Object.keys(await gobgp.paths("ipv4")).length;
      await until(count, (found) => found === 3_000, 20_000);
      await station.order({
        order: "route",
        changes: { changed: [], removed: routes.map(({ prefix }) => prefix) },
      });
      await until(count, (found) => found === 0);
    }));

  it("reaches GoBGP behind a router, and is not disturbed by its soft reset, for which it asks us for nothing", (context) =>
    inBgpBed(context, async (bed) => {
      const multihop = ["  [neighbors.ebgp-multihop.config]", "    enabled = true", "    multihop-ttl = 5"];
      const gobgp = await startGoBgp(bed, { host: "cl", lines: multihop });
      const word = peerAt(AT.cl.IPv4, { password: "correct-horse", multihop: true });
      const station = await bed.station([word], [routeTo("192.0.2.128/25")]);
      const isThere = () =>
        until(
          () => gobgp.paths("ipv4"),
          (found) => "192.0.2.128/25" in found,
          30_000,
        );
      await isThere();
      await gobgp.say("neighbor", AT.e1.IPv4, "softresetin");
      await isThere();
      assert.equal((await station.peer()).ups, 1);
    }));

  it("lets GoBGP keep the routes while we are killed and come back (RFC 4724)", (context) =>
    inBgpBed(context, async (bed) => {
      const restart = [
        "  [neighbors.graceful-restart.config]",
        "    enabled = true",
        "    restart-time = 60",
      ];
      const gobgp = await startGoBgp(bed, { lines: restart, keepsRoutes: true });
      const word = { ...WORD, gracefulRestart: { restartTime: seconds(60) } };
      const station = await bed.station([word], [routeTo("192.0.2.128/25")]);
      const isThere = async (): Promise<boolean> => "192.0.2.128/25" in (await gobgp.paths("ipv4"));
      await until(isThere, (there) => there, 20_000);
      await station.program.signal("SIGKILL");
      await until(
        () => gobgp.paths("ipv4"),
        (paths) => paths["192.0.2.128/25"]?.[0]?.stale === true,
      );
      const again = await bed.station([word], [routeTo("192.0.2.128/25")], "again");
      await again.is("established");
      await until(
        () => gobgp.paths("ipv4"),
        (paths) => paths["192.0.2.128/25"]?.[0]?.stale !== true,
      );
      assert.ok(await isThere());
    }));
});
