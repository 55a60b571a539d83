import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { decodeAttributeList, decodeAttributes, textOf, u8Of, u32Of } from "./attributes.ts";
import { MessageBuilder } from "./builder.ts";
import { decodeMessages } from "./message.ts";

const HEADER = { type: 20, flags: 5, sequence: 7 } as const;

const bodyOf = (builder: MessageBuilder): Uint8Array => {
  const messages = decodeMessages(builder.bytes());
  assert.ok(messages.ok);
  const [message] = messages.value;
  assert.ok(message);
  return message.body;
};

describe("building netlink messages", () => {
  it("writes the header with its length, in host order", () => {
    const builder = new MessageBuilder();
    builder.begin(HEADER);
    builder.u8(1);
    builder.u8(2);
    builder.u16(0x0403);
    builder.u32(0x8765_4321);
    builder.end();
    assert.equal(toHex(builder.bytes()), "18000000140005000700000000000000" + "0102030421436587");
  });

  it("pads attributes and leaves the padding out of their length", () => {
    const builder = new MessageBuilder();
    builder.begin(HEADER);
    builder.attributeU8(11, 0x53);
    builder.attributeText(3, "eth0");
    builder.attributeU32(8, 2);
    builder.attributeU32Network(9, 2);
    builder.end();
    const hex = "05000b0053000000" + "090003006574683000000000" + "0800080002000000" + "0800090000000002";
    assert.equal(toHex(bodyOf(builder)), hex);
  });

  it("marks a nest and counts what is in it", () => {
    const builder = new MessageBuilder();
    builder.begin(HEADER);
    const outer = builder.openNest(1);
    const inner = builder.openNest(2);
    builder.attributeU32(3, 4);
    assert.equal(builder.nestLength(inner), 12);
    builder.closeNest(inner);
    builder.closeNest(outer);
    builder.end();
    assert.equal(toHex(bodyOf(builder)), "10000180" + "0c000280" + "0800030004000000");
  });

  it("puts several messages one after the other and forgets them when told", () => {
    const builder = new MessageBuilder();
    for (const sequence of [1, 2, 3]) {
      builder.begin({ ...HEADER, sequence });
      builder.end();
    }
    const messages = decodeMessages(builder.bytes());
    assert.deepEqual(messages.ok && messages.value.map(({ sequence }) => sequence), [1, 2, 3]);
    builder.reset();
    assert.equal(builder.bytes().length, 0);
  });

  it("leaves no trace of what a reused buffer held", () => {
    const builder = new MessageBuilder();
    builder.begin(HEADER);
    builder.attributeBytes(1, new Uint8Array(40).fill(0xff));
    builder.end();
    builder.reset();
    builder.begin(HEADER);
    builder.attributeU8(1, 1);
    builder.end();
    assert.equal(toHex(bodyOf(builder)), "0500010001000000");
  });

  it("refuses an attribute longer than its length field can say", () => {
    const builder = new MessageBuilder();
    builder.begin(HEADER);
    assert.throws(() => builder.attributeBytes(1, new Uint8Array(65_532)), /longer than 65535/);
    const nest = builder.openNest(1);
    for (let part = 0; part < 2; part += 1) builder.attributeBytes(2, new Uint8Array(40_000));
    assert.throws(() => builder.closeNest(nest), /longer than 65535/);
  });

  it("refuses bytes from an unfinished message, and text that is no kernel name", () => {
    const builder = new MessageBuilder();
    builder.begin(HEADER);
    assert.throws(() => builder.bytes(), /not ended/);
    assert.throws(() => builder.begin(HEADER), /not ended/);
    assert.throws(() => builder.attributeText(1, "é"), /ASCII/);
    assert.throws(() => builder.attributeText(1, "a\0b"), /ASCII/);
  });

  it("gives back every attribute it wrote, whatever the buffer began with", () => {
    const attribute = fc
      .tuple(fc.integer({ min: 0, max: 0x3fff }), fc.uint8Array({ maxLength: 70 }))
      .map(([type, value]) => ({ type, value }));
    fc.assert(
      fc.property(fc.array(attribute), fc.integer({ min: 0, max: 300 }), (attributes, capacity) => {
        const builder = new MessageBuilder(capacity);
        builder.begin(HEADER);
        for (const { type, value } of attributes) builder.attributeBytes(type, value);
        builder.end();
        assert.deepEqual(decodeAttributeList(bodyOf(builder)), { ok: true, value: attributes });
      }),
    );
  });
});

describe("reading netlink attributes", () => {
  it("takes the last of a repeated type, as the kernel does", () => {
    const bytes = Uint8Array.from([5, 0, 1, 0, 7, 0, 0, 0, 5, 0, 1, 0, 8, 0, 0, 0]);
    const attributes = decodeAttributes(bytes);
    assert.ok(attributes.ok);
    assert.equal(u8Of(attributes.value.get(1)), 8);
  });

  it("ignores the hint bits of a type", () => {
    const attributes = decodeAttributes(Uint8Array.from([5, 0, 1, 0xc0, 7, 0, 0, 0]));
    assert.ok(attributes.ok);
    assert.deepEqual([...attributes.value.keys()], [1]);
  });

  it("refuses lengths that are too small, too large, or cut off", () => {
    assert.deepEqual(decodeAttributeList(Uint8Array.from([3, 0, 1, 0])), { ok: false, reason: "bad-length" });
    assert.deepEqual(decodeAttributeList(Uint8Array.from([9, 0, 1, 0])), { ok: false, reason: "bad-length" });
    assert.deepEqual(decodeAttributeList(Uint8Array.from([4, 0, 1])), { ok: false, reason: "truncated" });
  });

  it("gives undefined for values that are missing or of another size", () => {
    assert.equal(u8Of(new Uint8Array()), undefined);
    assert.equal(u32Of(new Uint8Array(3)), undefined);
    assert.equal(u32Of(undefined), undefined);
    assert.equal(textOf(undefined), undefined);
  });

  it("reads text up to its NUL and replaces what is not ASCII", () => {
    assert.equal(textOf(Uint8Array.from([0x65, 0xc3, 0x30, 0, 0x41])), "e\ufffd0");
    assert.equal(textOf(Uint8Array.from([0x65])), "e");
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        decodeAttributes(bytes);
      }),
    );
  });
});
