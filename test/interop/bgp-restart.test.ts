/**
 * A planned restart under graceful restart **and** BFD, with one next hop: the router is told what `router-config` prints, and its
 * kernel's route is watched throughout.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import { bgp, peer, pool, profile } from "#core/metallb/test-objects";
import { renderRouter } from "#core/router-config/render";
import { node, routersIn } from "#core/router-config/test-cases";
import type { Vendor } from "#core/router-config/vendors";
import type { LabProcess } from "#lab/index";
import { AT, until } from "./bfd-bed.ts";
import { ASN, BFD, type BgpBed, inBgpBed, leave, peerAt, routeTo } from "./bgp-bed.ts";
import { startFrrDaemons } from "./frr-daemons.ts";

const PREFIX = "10.50.0.1";
const ROUTER = "e2";

const WORD: PeerWord = peerAt(AT.e2.IPv4, { gracefulRestart: { restartTime: seconds(120) }, bfd: BFD });
const ROUTES = [routeTo(`${PREFIX}/32`)];

/** The router's side of `WORD` as operators get it. */
const printed = (vendor: Vendor): string => {
  const read = routersIn(
    [
      pool("web", { addresses: ["10.50.0.0/24"] }),
      bgp("hosts"),
      profile("fast", { receiveInterval: 100, transmitInterval: 100, detectMultiplier: 3 }),
      peer("rt", {
        ...{ myASN: ASN.ours, peerASN: ASN.theirs, peerAddress: AT.e2.IPv4, bfdProfile: "fast" },
        ...{ holdTime: "9s", enableGracefulRestart: true, dualStackAddressFamily: true },
      }),
    ],
    { type: "nodes", nodes: [node("e1", AT.e1.IPv4)] },
  );
  assert.ok(read.ok);
  const [router] = read.routers;
  return renderRouter(vendor, router ?? assert.fail("there is no router"));
};

const startBird = async ({ lab, remember }: BgpBed): Promise<void> => {
  const machine = lab.host(ROUTER);
  const around = [
    `log stderr all;\nrouter id ${AT.e2.IPv4};`,
    "protocol device { }\nprotocol direct { ipv4; ipv6; }\nprotocol bfd { }",
    "protocol kernel { ipv4 { export where source = RTS_BGP; }; merge paths on limit 16; }",
  ];
  await machine.write("/run/bird.conf", [...around, printed("bird")].join("\n"));
  const program = await machine.spawn(["bird", "-f", "-c", "/run/bird.conf", "-s", "/run/bird.ctl"]);
  remember("bird", program);
  await program.said(/Started/);
};

const startFrr = async ({ lab, remember }: BgpBed): Promise<void> => {
  const frr = await startFrrDaemons(lab, ROUTER, remember);
  await frr.load(printed("frr"));
};

/** What the router's kernel drops of its routes to the prefix, as it happens. */
const watchKernel = async ({ lab, remember }: BgpBed): Promise<() => readonly string[]> => {
  const program: LabProcess = await lab.host(ROUTER).spawn(["ip", "-4", "monitor", "route"]);
  remember("ip monitor", program);
  return () =>
    program
      .stdout()
      .split("\n")
      .filter((line) => line.includes(PREFIX));
};

const kernelRoute = ({ lab }: BgpBed): Promise<string> =>
  lab.host(ROUTER).expect(["ip", "-4", "route", "show", PREFIX]);

const isWatched = (bed: BgpBed, station: Awaited<ReturnType<BgpBed["station"]>>): Promise<unknown> =>
  until(
    () => station.peer(),
    ({ bfd, state }) => bfd === "up" && state === "established",
    bed.patience,
  );

for (const [name, start] of [
  ["BIRD", startBird],
  ["FRR", startFrr],
] as const) {
  describe(`a planned restart of the only next hop that ${name} has, under graceful restart and BFD`, () => {
    it("leaves the kernel's route as it is, for longer than BFD waits, and BFD finds a death as soon as before", (context) =>
      inBgpBed(context, async (bed) => {
        await start(bed);
        const station = await bed.station([WORD], ROUTES);
        await isWatched(bed, station);
        await until(
          () => kernelRoute(bed),
          (text) => text.includes(AT.e1.IPv4),
        );
        const changes = await watchKernel(bed);
        // BFD would have found the silence ten times over.
        await leave(station, { reason: "restart" });
        await pause(3_000);
        const again = await bed.station([WORD], ROUTES, "again");
        await isWatched(bed, again);
        await pause(3_000);
        assert.match(await kernelRoute(bed), new RegExp(AT.e1.IPv4));
        assert.deepEqual(changes(), []);
        const { failure, ups } = await again.peer();
        assert.deepEqual([failure, ups], [undefined, 1]);
        const began = performance.now();
        await bed.lab.fault("silence e1");
        await until(
          async () => changes(),
          (lines) => lines.some((line) => line.startsWith("Deleted")),
          5_000,
        );
        context.diagnostic(
          `${name} dropped the route ${Math.round(performance.now() - began)} ms after a death`,
        );
      }));
  });
}
