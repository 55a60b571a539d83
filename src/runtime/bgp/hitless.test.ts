import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import { address } from "#testing/values";
import { keepsSession } from "./peer-word.ts";
import { bgpBed, LISTENING, peerWord } from "./test-bed.ts";

const BFD: NonNullable<PeerWord["bfd"]> = {
  ...{ receiveInterval: millis(100), transmitInterval: millis(100), detectMultiplier: 3 },
  ...{ echo: undefined, role: "active", minimumTtl: 254 },
};

/** Another value of each field, and whether a session that is up goes on with it. */
const CHANGES: Readonly<Record<keyof PeerWord, readonly ["goes on" | "ends", Partial<PeerWord>]>> = {
  name: ["ends", { name: "another" }],
  neighbor: ["ends", { neighbor: { type: "interface", name: "eth0" } }],
  port: ["ends", { port: 1_790 }],
  localAsn: ["ends", { localAsn: 64_999 }],
  hiddenAsn: ["ends", { hiddenAsn: 64_998 }],
  peerAsn: ["ends", { peerAsn: { type: "external" } }],
  routerId: ["ends", { routerId: address("10.9.9.9") as PeerWord["routerId"] }],
  sourceAddress: ["ends", { sourceAddress: address("192.0.2.9") }],
  vrf: ["ends", { vrf: "blue" }],
  holdTime: ["ends", { holdTime: seconds(30) }],
  keepaliveTime: ["ends", { keepaliveTime: seconds(2) }],
  connectRetryTime: ["goes on", { connectRetryTime: seconds(60) }],
  role: ["ends", { role: "passive" }],
  password: ["ends", { password: "secret" }],
  multihop: ["ends", { multihop: true }],
  ttlSecurity: ["ends", { ttlSecurity: true }],
  families: ["ends", { families: ["IPv4"] }],
  multiprotocol: ["ends", { multiprotocol: false }],
  gracefulRestart: ["goes on", { gracefulRestart: { restartTime: seconds(120) } }],
  bfd: ["goes on", { bfd: BFD }],
  mostRoutes: ["goes on", { mostRoutes: 10 }],
};

/** What the page for operators says of fields of a BGPPeer that are those of a word. */
const FIELDS: Partial<Record<keyof PeerWord, string>> = {
  connectRetryTime: "connectTime",
  gracefulRestart: "enableGracefulRestart",
  bfd: "bfdProfile",
  mostRoutes: "steelyard.dev/route-limit",
};

describe("a change of what is wanted of a peer", () => {
  for (const [field, [what, change]] of Object.entries(CHANGES)) {
    it(`${what === "ends" ? "ends its session" : "leaves its session"} where it is of ${field}`, () => {
      const before = peerWord(1, 2);
      assert.equal(keepsSession(before, { ...before, ...change }), what === "goes on");
    });
  }

  it("is on the page for operators where it leaves the session", () => {
    const page = readFileSync(new URL("../../../docs/bgp.md", import.meta.url), "utf8");
    const [, table = ""] = page.split("### What a change does to a session that is up");
    for (const [field, [what]] of Object.entries(CHANGES)) {
      if (what === "ends") continue;
      const name = FIELDS[field as keyof PeerWord] ?? assert.fail(field);
      assert.match(table, new RegExp(`^\\| [^|]*\`${name}\`[^|]*\\| goes on \\|`, "m"));
    }
  });

  it("leaves the session up for all that watch it, and BFD's with other times", () => {
    const bed = bgpBed();
    const [one, two] = [bed.host(1), bed.host(2)];
    for (const host of [one, two]) host.speaker.setSettings(LISTENING, bed.now());
    one.speaker.setPeers([peerWord(1, 2, { bfd: BFD })], bed.now());
    two.speaker.setPeers([peerWord(2, 1, { bfd: BFD })], bed.now());
    bed.pass(seconds(10));
    one.said();
    two.said();
    const slower = {
      ...BFD,
      receiveInterval: millis(500),
      transmitInterval: millis(300),
      detectMultiplier: 5,
    };
    const changed: Partial<PeerWord> = {
      ...{ connectRetryTime: seconds(60), mostRoutes: 10, bfd: slower },
      gracefulRestart: { restartTime: seconds(120) },
    };
    one.speaker.setPeers([peerWord(1, 2, changed)], bed.now());
    bed.pass(seconds(30));
    assert.deepEqual([one.said(), two.said()], [[], []]);
    const [peer] = one.speaker.peers();
    assert.deepEqual([peer?.state, peer?.ups, peer?.bfd], ["established", 1, "up"]);
  });
});
