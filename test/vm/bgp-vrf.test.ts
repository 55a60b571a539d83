/**
 * BGP and BFD in a VRF, which is a routing table of its own: nothing of the main table leads to the router, and what comes from it
 * reaches no socket that is not in the VRF. Runs in a virtual machine; the kernels of clouds have no VRFs.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { millis, seconds } from "#base/time";
import type { BfdWord, PeerWord } from "#core/bgp/desired";
import { AT, until } from "#test/interop/bfd-bed";
import { ASN, type BgpBed, inBgpBed, peerAt, routeTo } from "#test/interop/bgp-bed";
import { BOUND, ip } from "./vm-bed.ts";

const VRF = "blue";
const TABLE = 77;
const CONTROL = "/run/bird.ctl";
const PASSWORD = "correct-horse";
/** Whoever is emulated on a busy machine is not dead. */
const SLOW_BFD: BfdWord = {
  ...{ receiveInterval: millis(1_000), transmitInterval: millis(1_000), detectMultiplier: 5 },
  ...{ echo: undefined, role: "active", minimumTtl: 254 },
};

const BIRD = [
  "log stderr all;",
  `router id ${AT.e2.IPv4};`,
  "protocol device { }",
  "protocol direct { ipv4; }",
  'protocol bfd { interface "*" { interval 1 s; multiplier 5; }; }',
  "protocol bgp node {",
  `  local as ${ASN.theirs};`,
  `  neighbor ${AT.e1.IPv4} as ${ASN.ours};`,
  `  password "${PASSWORD}"; bfd on;`,
  "  hold time 90; connect delay time 1; connect retry time 2; error wait time 1, 2;",
  "  ipv4 { import all; export none; };",
  "}",
  "",
].join("\n");

const PEER: Partial<PeerWord> = {
  ...{ vrf: VRF, password: PASSWORD, bfd: SLOW_BFD, families: ["IPv4"] },
  ...{ holdTime: seconds(90), keepaliveTime: seconds(30) },
};

/** Puts the interface of a host into a VRF. Its addresses stay, and their routes move to the VRF's table. */
const enslave = ({ lab }: BgpBed): Promise<void> =>
  ip(
    lab,
    "e1",
    `link add ${VRF} type vrf table ${TABLE}`,
    `link set ${VRF} up`,
    `link set eth0 master ${VRF}`,
  );

it("a session in a VRF is opened and taken there, with a password and BFD, and brings routes", async (context) => {
  await inBgpBed(
    context,
    async (bed) => {
      const { lab } = bed;
      await enslave(bed);
      const outside = await lab.host("e1").run(["ip", "-4", "route", "show", "table", "main"]);
      assert.doesNotMatch(outside.stdout, /10\.2\.0\.0\/24/);
      const machine = lab.host("e2");
      await machine.write("/run/bird.conf", BIRD);
      const bird = await machine.spawn(["bird", "-f", "-c", "/run/bird.conf", "-s", CONTROL]);
      bed.remember("bird", bird);
      await bird.said(/Started/);
      const say = (...words: readonly string[]): Promise<string> =>
        machine.expect(["birdc", "-s", CONTROL, ...words]);
      const isTold = async (): Promise<true> => {
        await until(
          () => say("show", "route", "192.0.2.128/25", "protocol", "node", "all"),
          (text) => /BGP.next_hop: 10\.2\.0\.11\n/.test(text),
          BOUND,
        );
        return true;
      };

      const station = await bed.station([peerAt(AT.e2.IPv4, PEER)], [routeTo("192.0.2.128/25")]);
      await station.is("established");
      await isTold();
      await until(
        () => station.peer(),
        ({ bfd }) => bfd === "up",
        BOUND,
      );
      assert.match(await say("show", "bfd", "sessions"), /10\.2\.0\.11 .* Up /);

      // Now the router opens the session, to a socket that listens in the VRF.
      await station.order({ order: "peers", peers: [peerAt(AT.e2.IPv4, { ...PEER, role: "passive" })] });
      await until(
        () => station.peer(),
        ({ ups, state }) => ups >= 2 && state === "established",
        BOUND,
      );
      await isTold();
      const sockets = await lab.host("e1").expect(["ss", "-Htan4", "state", "listening"]);
      assert.match(sockets, /%blue:179/);

      await lab.fault("silence e2");
      const { failure } = await until(
        () => station.peer(),
        ({ state }) => state !== "established",
        60_000,
      );
      assert.match(failure?.text ?? "", /BFD/);
    },
    BOUND,
  );
});
