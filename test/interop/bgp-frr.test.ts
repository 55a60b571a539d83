/** BGP with FRR: what its own table shows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { millis, seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import { AT, until } from "./bfd-bed.ts";
import { ASN, BFD, inBgpBed, leave, manyRoutesTo, peerAt, routeTo } from "./bgp-bed.ts";
import { type FrrChoice, startFrr } from "./bgp-frr.ts";

const COMMUNITIES = {
  communities: [0xfde9_0064, 0xffff_ff01],
  largeCommunities: [{ administrator: 65_001, first: 1, second: 4_294_967_295 }],
};

describe("BGP with FRR", () => {
  it("brings signed routes of both families with their attributes, changes them, and says good-bye in words", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed, { lines: ["password correct-horse"] });
      const routes = [routeTo("192.0.2.128/25", { med: 30, ...COMMUNITIES }), routeTo("2001:db8:5::/48")];
      const station = await bed.station([peerAt(AT.e2.IPv4, { password: "correct-horse" })], routes);
      const { session } = await station.is("established");
      assert.deepEqual(
        [session?.negotiated.peerAsn, session?.negotiated.families],
        [ASN.theirs, ["IPv4", "IPv6"]],
      );
      const path = await until(
        () => frr.path("ipv4", "192.0.2.128/25"),
        (found) => found !== undefined,
      );
      assert.deepEqual(
        [
          path?.aspath?.string,
          path?.metric,
          path?.community?.string,
          path?.largeCommunity?.string,
          path?.nexthops[0]?.ip,
        ],
        [`${ASN.ours}`, 30, "65001:100 no-export", "65001:1:4294967295", AT.e1.IPv4],
      );
      const other = await until(
        () => frr.path("ipv6", "2001:db8:5::/48"),
        (found) => found !== undefined,
      );
      assert.deepEqual([other?.valid, other?.nexthops[0]?.ip], [true, AT.e1.IPv6]);

      const [, gone] = routes;
      assert.ok(gone !== undefined);
      const changed = [routeTo("192.0.2.128/25", { med: 5 })];
      await station.order({ order: "route", changes: { changed, removed: [gone.prefix] } });
      await until(
        () => frr.path("ipv4", "192.0.2.128/25"),
        (found) => found?.metric === 5 && found.community === undefined,
      );
      await until(
        () => frr.count("ipv6"),
        (count) => count === 0,
      );

      const before = (await station.peer()).received["route-refresh"];
      await frr.daemons.vtysh(`clear bgp ipv6 unicast ${AT.e1.IPv4} in`);
      await until(
        () => station.peer(),
        ({ received }) => received["route-refresh"] > before,
      );

      await leave(station, { reason: "shutdown", communication: "moving to another rack" });
      const neighbor = await frr.neighbor(AT.e1.IPv4);
      assert.match(neighbor.lastNotificationReason ?? "", /Administrative Shutdown/);
      assert.equal(neighbor.lastShutdownDescription, "moving to another rack");
    }));

  it("gets no session with another password, and says that nothing comes back", (context) =>
    inBgpBed(context, async (bed) => {
      await startFrr(bed, { lines: ["password correct-horse"] });
      const station = await bed.station([peerAt(AT.e2.IPv4, { password: "battery-staple" })]);
      const { failure, ups } = await until(
        () => station.peer(),
        (found) => found.failure !== undefined,
      );
      assert.match(failure?.text ?? "", /ETIMEDOUT/);
      await pause(3_000);
      assert.equal(ups, 0);
    }));

  it("brings thousands of prefixes, and withdraws them", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed);
      const routes = manyRoutesTo(10_000);
      const station = await bed.station([peerAt(AT.e2.IPv4)], routes);
      await until(
        () => frr.count("ipv4"),
        (count) => count === 10_000,
        20_000,
      );
      const removed = routes.slice(5).map(({ prefix }) => prefix);
      await station.order({ order: "route", changes: { changed: [], removed } });
      await until(
        () => frr.count("ipv4"),
        (count) => count === 5,
      );
      assert.equal((await station.peer()).ups, 1);
    }));

  it("lets FRR keep the routes while we are killed and come back (RFC 4724)", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed);
      const word = peerAt(AT.e2.IPv4, { gracefulRestart: { restartTime: seconds(60) } });
      const routes = [routeTo("192.0.2.128/25")];
      const station = await bed.station([word], routes);
      await until(
        () => frr.routes("192.0.2.128/25"),
        (isThere) => isThere,
      );
      let lost = 0;
      let isWatching = true;
      const watching = (async () => {
        while (isWatching) {
          if (!(await frr.routes("192.0.2.128/25"))) lost += 1;
          await pause(50);
        }
      })();
      await station.program.signal("SIGKILL");
      await until(
        () => frr.path("ipv4", "192.0.2.128/25"),
        (path) => path?.stale === true,
      );
      const again = await bed.station([word], routes, "again");
      await again.is("established");
      await until(
        () => frr.path("ipv4", "192.0.2.128/25"),
        (path) => path !== undefined && path.stale !== true,
      );
      await leave(again, { reason: "restart" });
      const third = await bed.station([word], routes, "again");
      await third.is("established");
      await until(
        () => frr.path("ipv4", "192.0.2.128/25"),
        (path) => path !== undefined && path.stale !== true,
      );
      isWatching = false;
      await watching;
      assert.equal(lost, 0);
      // What is not told again is gone with the end of the table.
      await third.program.signal("SIGKILL");
      await bed.station([word], [], "again");
      await until(
        () => frr.count("ipv4"),
        (count) => count === 0,
      );
    }));

  for (const { watched, bfd, lines, withinMs } of [
    { watched: "when the hold time is over", bfd: undefined, lines: [], withinMs: 12_000 },
    { watched: "as soon as BFD misses us", bfd: BFD, lines: ["bfd"], withinMs: 5_000 },
  ])
    it(`has FRR forget the routes of a node that is dead ${watched}, although it keeps those of one that restarts`, (context) =>
      inBgpBed(context, async (bed) => {
        const frr = await startFrr(bed, { lines });
        const station = await bed.station(
          [peerAt(AT.e2.IPv4, { gracefulRestart: { restartTime: seconds(60) }, bfd })],
          [routeTo("192.0.2.128/25")],
        );
        await until(
          async () => ({ isThere: await frr.routes("192.0.2.128/25"), peer: await station.peer() }),
          ({ isThere, peer }) => isThere && (bfd === undefined || peer.bfd === "up"),
          30_000,
        );
        await bed.lab.fault("silence e1");
        // Kept as stale it would be there for a minute.
        await until(
          () => frr.count("ipv4"),
          (count) => count === 0,
          withinMs,
        );
      }));

  it("ends a session as soon as BFD misses FRR, and comes back with it", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed, { lines: ["bfd", "timers 60 180"] });
      const word = peerAt(AT.e2.IPv4, { bfd: BFD, holdTime: seconds(180), keepaliveTime: seconds(60) });
      const station = await bed.station([word], [routeTo("192.0.2.128/25")]);
      await until(
        () => station.peer(),
        ({ bfd, state }) => bfd === "up" && state === "established",
        20_000,
      );
      await bed.lab.fault("silence e2");
      const { failure } = await until(
        () => station.peer(),
        ({ state }) => state !== "established",
        2_500,
      );
      assert.match(failure?.text ?? "", /BFD/);
      await until(
        () => frr.neighbor(AT.e1.IPv4),
        ({ bgpState }) => bgpState !== "Established",
        3_000,
      );
      await bed.lab.fault("restore");
      await until(
        () => station.peer(),
        ({ bfd, state }) => bfd === "up" && state === "established",
        30_000,
      );
      await until(
        () => frr.routes("192.0.2.128/25"),
        (isThere) => isThere,
      );
    }));

  for (const [title, there, here] of [
    ["a neighbour with TTL security (RFC 5082)", { lines: ["ttl-security hops 1"] }, { ttlSecurity: true }],
    ["a peer in our own autonomous system", { local: ASN.ours }, { peerAsn: { type: "internal" } }],
    ["a peer that waits for us", { lines: ["passive"] }, {}],
    ["a peer that we wait for", {}, { role: "passive" }],
  ] as const satisfies readonly (readonly [string, FrrChoice, Partial<PeerWord>])[]) {
    it(`talks to ${title}`, (context) =>
      inBgpBed(context, async (bed) => {
        const frr = await startFrr(bed, there);
        await bed.station(
          [peerAt(AT.e2.IPv4, here)],
          [routeTo("192.0.2.128/25", { localPref: 250, med: 1 })],
        );
        const path = await until(
          () => frr.path("ipv4", "192.0.2.128/25"),
          (found) => found !== undefined,
          20_000,
        );
        const isInternal = "local" in there;
        assert.deepEqual([path?.valid, path?.locPrf], [true, isInternal ? 250 : undefined]);
      }));
  }

  it("talks to a peer behind a router, watched by BFD over several hops (RFC 5883)", (context) =>
    inBgpBed(context, async (bed) => {
      const lines = [`update-source ${AT.cl.IPv4}`, "ebgp-multihop 5", "bfd"];
      const frr = await startFrr(bed, { host: "cl", lines, globals: ["ip nht resolve-via-default"] });
      const word = peerAt(AT.cl.IPv4, { multihop: true, bfd: BFD, sourceAddress: undefined });
      const station = await bed.station([word], [routeTo("192.0.2.128/25")]);
      await until(
        () => station.peer(),
        ({ bfd, state }) => bfd === "up" && state === "established",
        20_000,
      );
      await until(
        () => frr.routes("192.0.2.128/25"),
        (isThere) => isThere,
      );
    }));

  it("speaks BFD over several hops to a peer on its own network that is configured as a multihop peer, as FRR does", (context) =>
    inBgpBed(context, async (bed) => {
      await startFrr(bed, { lines: ["ebgp-multihop 5", "bfd"] });
      const station = await bed.station([peerAt(AT.e2.IPv4, { multihop: true, bfd: BFD })]);
      await until(
        () => station.peer(),
        ({ bfd, state }) => bfd === "up" && state === "established",
        20_000,
      );
    }));

  it("sends FRR's echo packets back", (context) =>
    inBgpBed(context, async (bed) => {
      const globals = [
        "bfd",
        " profile fast",
        "  echo-mode",
        "  echo transmit-interval 100",
        " exit",
        "exit",
      ];
      const frr = await startFrr(bed, { globals, lines: ["bfd", "bfd profile fast"] });
      const echo = { interval: millis(100) };
      const station = await bed.station([peerAt(AT.e2.IPv4, { bfd: { ...BFD, echo } })]);
      await until(
        () => station.peer(),
        ({ bfd, state }) => bfd === "up" && state === "established",
        20_000,
      );
      const counters = await until(
        async () => JSON.parse(await frr.daemons.vtysh("show bfd peers counters json"))[0],
        (found) => found["echo-packet-input"] > 20,
      );
      assert.ok(
        counters["echo-packet-output"] - counters["echo-packet-input"] < 10,
        JSON.stringify(counters),
      );
      assert.equal((await station.peer()).bfd, "up");
      assert.deepEqual(
        station.observed().filter(({ type }) => type === "bfd"),
        [{ type: "bfd", peer: "peer", status: "up" }],
      );
    }));

  it("finds FRR at the other end of a link, and is found, without any address of either (RFC 8950)", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed, { neighbor: "eth0", kind: "interface", lines: ["bfd"] });
      const word = peerAt(AT.e2.IPv4, { neighbor: { type: "interface", name: "eth0" }, bfd: BFD });
      const station = await bed.station([word], [routeTo("192.0.2.128/25"), routeTo("2001:db8:5::/48")]);
      const { address, session } = await station.is("established", 30_000);
      assert.deepEqual([address, session?.local], [AT.e2["link-local"], AT.e1["link-local"]]);
      await until(
        () => frr.routes("192.0.2.128/25"),
        (isThere) => isThere,
      );
      const path = await until(
        () => frr.path("ipv6", "2001:db8:5::/48"),
        (found) => found?.valid === true,
      );
      assert.deepEqual(path?.nexthops.map(({ ip }) => ip).sort(), [AT.e1.IPv6, AT.e1["link-local"]]);
      await until(
        () => station.peer(),
        ({ bfd }) => bfd === "up",
      );
    }));

  it("talks over IPv6, and takes its own IPv6 address as next hop of IPv4 (RFC 8950)", (context) =>
    inBgpBed(context, async (bed) => {
      const lines = ["capability extended-nexthop"];
      const frr = await startFrr(bed, { neighbor: AT.e1.IPv6, lines });
      const station = await bed.station(
        [peerAt(AT.e2.IPv6)],
        [routeTo("192.0.2.128/25"), routeTo("2001:db8:5::/48")],
      );
      const { session } = await station.is("established");
      assert.equal(session?.negotiated.hasExtendedNextHop, true);
      const path = await until(
        () => frr.path("ipv4", "192.0.2.128/25"),
        (found) => found !== undefined,
      );
      assert.deepEqual([path?.valid, path?.nexthops[0]?.ip], [true, AT.e1.IPv6]);
      await until(
        () => frr.path("ipv6", "2001:db8:5::/48"),
        (found) => found?.valid === true,
      );
    }));
});
