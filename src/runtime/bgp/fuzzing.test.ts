import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { millis, seconds } from "#base/time";
import {
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
} from "#core/bgp/message/encode";
import { encodeUpdates } from "#core/bgp/message/encode-update";
import type { Open } from "#core/bgp/message/message";
import type { BgpConnection } from "#drivers/bgp/port";
import { peerOpen } from "#testing/bgp-session";
import { announce, MODERN } from "#testing/bgp-update";
import { seededRandom } from "#testing/random";
import { address } from "#testing/values";
import { at, bgpBed, LISTENING, manyRoutes, peerWord } from "./test-bed.ts";

const ASN = 64_514;
const CAPABILITIES: Open["capabilities"] = [
  { type: "multiprotocol", family: { afi: 1, safi: 1 } },
  { type: "route-refresh" },
  { type: "four-octet-as", asn: ASN },
];
const EXPECTED = peerOpen({
  ...{ asn: ASN, capabilities: CAPABILITIES, routerId: address("10.0.0.2") as Open["routerId"] },
});

/** Messages that a router could send, the OPEN that is expected first among them. */
const MESSAGES: readonly Uint8Array[] = [
  encodeOpen(EXPECTED),
  encodeOpen(peerOpen({ asn: 64_999 })),
  encodeOpen(peerOpen({ version: 3 })),
  encodeKeepalive(),
  encodeNotification({ code: 6, subcode: 2, data: Uint8Array.of(3, 0x61, 0x1b, 0x62) }),
  encodeNotification({ code: 200, subcode: 200, data: new Uint8Array(4_000) }),
  encodeRouteRefresh({ type: "route-refresh", family: { afi: 1, safi: 1 }, meaning: "request" }),
  encodeRouteRefresh({ type: "route-refresh", family: { afi: 99, safi: 9 }, meaning: "begin" }),
  ...encodeUpdates(announce("IPv4", {}, "198.51.100.0/24"), MODERN),
  ...encodeUpdates({ type: "end-of-rib", family: "IPv6" }, MODERN),
];

const message = fc.nat({ max: MESSAGES.length - 1 }).map((index) => MESSAGES[index] ?? new Uint8Array(0));

/** One with some octets changed. */
const spoilt = fc
  .tuple(
    message,
    fc.array(fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
  )
  .map(([bytes, changes]) => {
    const copy = bytes.slice();
    for (const [place, value] of changes) if (place < copy.length) copy[place] = value;
    return copy;
  });

type Action =
  | { readonly type: "say"; readonly bytes: Uint8Array }
  | { readonly type: "call" | "hang-up" | "reset" | "agree" | "stop-reading" | "read" }
  | { readonly type: "wait"; readonly steps: number }
  | { readonly type: "routes" | "withdraw"; readonly count: number }
  | { readonly type: "peers"; readonly change: number }
  | { readonly type: "links" };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: message.map((bytes) => ({ type: "say", bytes }) as const) },
  { weight: 2, arbitrary: spoilt.map((bytes) => ({ type: "say", bytes }) as const) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => ({ type: "say", bytes }) as const),
  },
  { weight: 2, arbitrary: fc.constant({ type: "call" } as const) },
  { weight: 3, arbitrary: fc.constant({ type: "agree" } as const) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("hang-up", "reset", "stop-reading", "read").map((type) => ({ type }) as const),
  },
  { weight: 4, arbitrary: fc.nat({ max: 600 }).map((steps) => ({ type: "wait", steps }) as const) },
  { weight: 2, arbitrary: fc.nat({ max: 400 }).map((count) => ({ type: "routes", count }) as const) },
  { weight: 1, arbitrary: fc.nat({ max: 400 }).map((count) => ({ type: "withdraw", count }) as const) },
  { weight: 1, arbitrary: fc.nat({ max: 3 }).map((change) => ({ type: "peers", change }) as const) },
  { weight: 1, arbitrary: fc.constant({ type: "links" } as const) },
);

/** A speaker, and a host beside it that says and does whatever it is told to. */
const open = () => {
  const bed = bgpBed();
  const host = bed.host(1);
  const evil = bed.host(2);
  host.speaker.setSettings(LISTENING, bed.now());
  const words = [
    [peerWord(1, 2)],
    [peerWord(1, 2, { gracefulRestart: { restartTime: seconds(60) }, mostRoutes: 5 })],
    [peerWord(1, 2, { role: "passive", holdTime: seconds(30) }), peerWord(1, 3)],
    [],
  ];
  host.speaker.setPeers(words[0] ?? [], bed.now());
  const connections = new Set<BgpConnection>();
  const take = (connection: BgpConnection) => {
    connections.add(connection);
    return {
      onData: () => {},
      onProgress: () => {},
      onClosed: () => void connections.delete(connection),
    };
  };
  const listener = evil.tcp.port.listen({
    ...{ family: "IPv4", port: 179, vrf: undefined, onConnection: take, onError: () => {} },
  });
  assert.ok(listener.ok);
  const common = { link: undefined, password: undefined, hops: { send: 64, least: undefined } };
  listener.value.setCallers([{ ...common, address: at(1) }]);
  const call = (): void => {
    evil.tcp.port.connect({
      ...{ ...common, remote: { address: at(1), port: 179 }, source: undefined, vrf: undefined },
      ...{ timeout: seconds(1), onConnected: take, onFailed: () => {} },
    });
  };
  const say = (bytes: Uint8Array): void => {
    for (const connection of connections) connection.write(bytes);
  };
  const drop = (how: "close" | "reset"): void => {
    for (const connection of connections) connection[how]();
    connections.clear();
  };
  const act = (given: Action): unknown => {
    switch (given.type) {
      case "say":
        return say(given.bytes);
      case "call":
        return call();
      case "hang-up":
        return drop("close");
      case "reset":
        return drop("reset");
      case "agree":
        call();
        bed.pass(millis(10));
        for (const index of [0, 3]) say(MESSAGES[index] ?? new Uint8Array(0));
        return undefined;
      case "stop-reading":
      case "read":
        return evil.tcp.setReading(given.type === "read");
      case "wait":
        return bed.pass(millis(given.steps * 10));
      case "routes":
        return host.speaker.route({ changed: manyRoutes(given.count, ["host-2", "host-3"]), removed: [] });
      case "withdraw":
        return host.speaker.route({
          changed: [],
          removed: manyRoutes(given.count, []).map(({ prefix }) => prefix),
        });
      case "peers":
        return host.speaker.setPeers(words[given.change] ?? [], bed.now());
      case "links":
        return host.speaker.linksChanged(bed.now());
    }
  };
  return { bed, host, connections, act, drop };
};

/** Bytes that are in use, without what nobody reaches any more. */
const used = (): number => {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
};

describe("a BGP speaker that is lied to", () => {
  it("has no more memory after thousands of malformed messages than after hundreds", () => {
    const { bed, host, connections, act, drop } = open();
    const random = seededRandom(7606);
    /** A message with one octet changed behind the marker, and what the peer makes of it. */
    const lie = (): void => {
      const index = Math.floor(random() * MESSAGES.length);
      const bytes = (MESSAGES[index] ?? new Uint8Array(0)).slice();
      bytes[16 + Math.floor(random() * (bytes.length - 16))] = Math.floor(random() * 256);
      // After failures nobody is let in for a while.
      while (connections.size === 0) {
        bed.pass(seconds(1));
        act({ type: "agree" });
        bed.pass(millis(10));
      }
      act({ type: "say", bytes });
      bed.pass(millis(10));
      // What is told of it is the reader's to keep.
      host.said();
    };
    const lies = (count: number): number => {
      for (let told = 0; told < count; told += 1) lie();
      drop("reset");
      bed.pass(seconds(200));
      host.said();
      return used();
    };
    const before = lies(300);
    const after = lies(2_500);
    assert.ok(after - before < 500_000, `${before} bytes, then ${after}`);
    host.speaker.close();
  });

  it("goes on, keeps no more than it must, and talks to a peer that is well afterwards", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const { bed, host, connections, act, drop } = open();
        for (const each of actions) {
          act(each);
          bed.pass(millis(10));
          const [peer] = host.speaker.peers();
          // One in each direction; what is on its way out is not ours any more.
          assert.ok(connections.size <= 8, `${connections.size} connections`);
          assert.doesNotThrow(() => JSON.stringify(peer));
        }
        act({ type: "read" });
        drop("reset");
        host.speaker.setPeers([peerWord(1, 2)], bed.now());
        // Longer than any rest after failures.
        bed.pass(seconds(200));
        drop("reset");
        bed.pass(seconds(130));
        act({ type: "say", bytes: MESSAGES[0] ?? new Uint8Array(0) });
        act({ type: "say", bytes: encodeKeepalive() });
        bed.pass(millis(20));
        assert.equal(host.speaker.peers()[0]?.state, "established");
        host.speaker.close();
        bed.pass(millis(10));
        assert.equal(connections.size, 0);
      }),
      { numRuns: 60 },
    );
  });
});
