import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import { readHexDump } from "#testing/golden";
import { address } from "#testing/values";
import { answerTo, detect, solicit } from "./answer.ts";
import { decodePacket, encodePacket } from "./packet.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));
const OURS = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0a));
const ASKER = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0b));
const FROM = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0c));

const answered = (packet: Uint8Array) => {
  const question = decodePacket(packet);
  assert.ok(question.ok && question.value.message.type === "solicitation");
  const { message, context } = question.value;
  return answerTo(message, { source: context.source, from: FROM, mac: OURS, router: false });
};

describe("an answer to a solicitation", () => {
  it("that was captured is the kernel's own, byte for byte (RFC 4861 §7.2.4)", () => {
    const { message, context, destination } = answered(golden("solicitation"));
    assert.deepEqual(encodePacket(message, context), golden("advertisement"));
    assert.equal(destination, ASKER);
  });

  it("from :: goes to all nodes, not solicited, and is the kernel's own, byte for byte (RFC 4861 §7.2.4)", () => {
    const { message, context, destination } = answered(golden("detection"));
    assert.deepEqual(encodePacket(message, context), golden("defence"));
    assert.equal(destination, "33:33:00:00:00:01");
  });

  it("without a link-layer address goes back to where the frame came from", () => {
    const target = address("2001:db8::10");
    const { destination, context } = answerTo(
      { type: "solicitation", target, mac: undefined },
      { source: address("fe80::1"), from: FROM, mac: OURS, router: true },
    );
    assert.deepEqual([destination, context], [FROM, { source: target, destination: "fe80::1" }]);
  });
});

describe("the question of a neighbour", () => {
  it("says where the answer is to go, and is asked of the target's group (RFC 4861 §7.2.2)", () => {
    const target = address("2001:db8::10");
    const { message, context, destination } = solicit(target, { source: address("fe80::7"), mac: OURS });
    assert.deepEqual(message, { type: "solicitation", target, mac: OURS });
    assert.deepEqual(
      [context.source, context.destination, destination],
      ["fe80::7", "ff02::1:ff00:10", "33:33:ff:00:00:10"],
    );
    const heard = { type: "solicitation", target, mac: OURS } as const;
    const answer = answerTo(heard, { source: context.source, from: FROM, mac: FROM, router: false });
    assert.deepEqual([answer.destination, answer.context.destination], [OURS, "fe80::7"]);
  });
});

describe("detection of a duplicate", () => {
  it("asks as the kernel does, but for the nonce of RFC 7527 (RFC 4862 §5.4.2)", () => {
    const { message, context, destination } = detect(address("2001:db8::10"));
    const kernels = decodePacket(golden("detection"));
    assert.deepEqual(kernels, { ok: true, value: { message, context } });
    assert.equal(destination, "33:33:ff:00:00:10");
  });
});
