import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BROADCAST_MAC, macBytes, macFromBytes } from "#base/mac";
import { millis, seconds } from "#base/time";
import { decode, encode } from "#core/arp/packet";
import { asks, claims, held, macOf, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";
import type { HearingCount } from "./hearing.ts";
import { HEARING_OUTCOMES } from "./hearing.ts";
import { DROP_REASONS, type HeardFrame } from "./reading.ts";

const VIP = address("192.0.2.100");
const VIP6 = address("2001:db8::100");
const HOST = address("192.0.2.7");
const HOST6 = address("fe80::7");
const ASKER = 0x77;

const holder = (): Node => {
  const node = new Node().links(nodeLink(2)).assign(held(VIP), held(VIP6));
  node.pass(seconds(20)).take();
  return node;
};

/** The frame with some bytes of its payload changed. */
const changed = (frame: HeardFrame, offset: number, ...bytes: readonly number[]): HeardFrame => {
  const payload = frame.payload.slice();
  payload.set(bytes, offset);
  return { ...frame, payload };
};

describe("hostile frames", () => {
  const arp = asks(VIP, ASKER, HOST);
  const cases: readonly (readonly [HearingCount, HeardFrame])[] = [
    ["truncated", { ...arp, payload: arp.payload.subarray(0, 27) }],
    ["not-ethernet-ipv4", changed(arp, 1, 6)],
    ["operation", changed(arp, 7, 3)],
    ["sender-mac", changed(arp, 8, ...macBytes(BROADCAST_MAC))],
    ["sender-mac", changed(arp, 8, 0, 0, 0, 0, 0, 0)],
    ["sender-mac", changed(arp, 8, 0x01)],
    ["sender-address", changed(arp, 14, 224, 0, 0, 1)],
    ["sender-address", changed(arp, 14, 255, 255, 255, 255)],
    ["sender-address", changed(arp, 14, 127, 0, 0, 1)],
    ["sender-address", changed(arp, 14, 0, 0, 0, 1)],
    ["checksum", changed(asks(VIP6, ASKER, HOST6), 60, 1)],
    ["hop-limit", changed(asks(VIP6, ASKER, HOST6), 7, 64)],
    ["sender-mac", { ...asks(VIP6, ASKER, HOST6), from: macBytes(BROADCAST_MAC) }],
    ["sender-address", asks(VIP6, ASKER, address("ff02::1"))],
    ["sender-address", asks(VIP6, ASKER, address("::1"))],
    ["other-address", claims(address("192.0.2.250"), ASKER)],
    ["other-address", asks(address("192.0.2.250"), ASKER, HOST)],
  ];

  for (const [reason, frame] of cases) {
    it(`are ignored and counted: ${reason}, ${frame.payload.length} bytes`, () => {
      const node = holder().hear(2, frame, frame.payload.length < 40 ? "IPv4" : "IPv6");
      assert.deepEqual([node.take(), node.told()], [[], []]);
      assert.deepEqual([...node.responder.counters().heard], [[reason, 1]]);
    });
  }

  it("on a link that is not there are ignored and counted", () => {
    const node = holder().hear(99, arp);
    assert.deepEqual([...node.responder.counters().heard], [["unusable-link", 1]]);
  });

  it("have outcomes that are all different words", () => {
    const words = [...HEARING_OUTCOMES, ...DROP_REASONS];
    assert.equal(new Set(words).size, words.length);
  });

  it("never throw, whatever their bytes, and are answered only where they ask for what is held", () => {
    const bases = [VIP, VIP6].flatMap((vip) => [
      asks(vip, ASKER),
      asks(vip, ASKER, vip === VIP ? HOST : HOST6),
      claims(vip, ASKER),
    ]);
    const mutation = fc.record({
      base: fc.constantFrom(...bases),
      edits: fc.array(fc.tuple(fc.nat(71), fc.nat(255)), { maxLength: 4 }),
      length: fc.nat(80),
      cut: fc.boolean(),
      from: fc.uint8Array({ minLength: 6, maxLength: 6 }),
    });
    const node = holder();
    fc.assert(
      fc.property(mutation, fc.uint8Array({ maxLength: 90 }), ({ base, edits, length, cut, from }, noise) => {
        const payload = base.payload.slice();
        for (const [offset, value] of edits) if (offset < payload.length) payload[offset] = value;
        const frame = { from, payload: cut ? payload.subarray(0, length) : payload };
        for (const family of ["IPv4", "IPv6"] as const) {
          node.hear(2, frame, family).hear(2, { from, payload: noise }, family).pass(millis(20));
        }
        for (const { send } of node.takeSent()) {
          if (send.cause !== "answer") continue;
          const arpAnswer = decode(send.frame.payload);
          if (send.family === "IPv4") assert.ok(arpAnswer.ok && arpAnswer.value.senderAddress === VIP);
        }
        node.told();
      }),
      { numRuns: 2_000 },
    );
  });

  it("cannot make an answer larger than the question, nor send one to a group but for DAD", () => {
    const node = holder();
    for (const frame of [asks(VIP, ASKER), asks(VIP, ASKER, HOST), asks(VIP6, ASKER, HOST6)]) {
      node.hear(2, frame);
      for (const { send } of node.takeSent()) {
        assert.ok(send.frame.payload.length <= frame.payload.length);
        assert.equal(send.frame.destination, macOf(ASKER));
      }
    }
  });

  it("cannot make it believe that another link is on the same segment, without having seen a look", () => {
    const node = new Node().links(nodeLink(2), nodeLink(3)).assign(held(VIP)).pass(seconds(20));
    node.take();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (mark) => {
        const look = decode(asks(address("192.0.0.8"), 2).payload);
        assert.ok(look.ok);
        const isOurs = macFromBytes(mark).startsWith("12:34:56:78");
        const payload = encode({ ...look.value, targetMac: macFromBytes(mark) });
        if (!isOurs) node.hear(3, { from: macBytes(macOf(2)), payload });
      }),
    );
    assert.deepEqual(node.responder.voicesOf(VIP), [2, 3]);
  });
});
