import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { decodeAttributeList, decodeAttributes } from "#core/netlink/attributes";
import { MAX_ATTRIBUTE_LENGTH, MessageBuilder } from "#core/netlink/builder";
import { decodeMessages, type NetlinkMessage } from "#core/netlink/message";
import type { SetChange } from "./delta.ts";
import { decodeGeneration, decodeNotice, writeBatch, writeGenerationRequest } from "./nfnetlink.ts";
import type { SetElement } from "./ruleset.ts";

const element = (slot: number, chain?: string): SetElement => ({
  key: { type: "number", value: slot },
  ...(chain === undefined ? {} : { data: { type: "chain", chain } }),
});

const batch = (changes: readonly SetChange[], first = 1) => {
  const builder = new MessageBuilder();
  const sequences = writeBatch(builder, changes, first);
  const messages = decodeMessages(builder.bytes());
  assert.ok(messages.ok);
  return { bytes: builder.bytes(), messages: messages.value, sequences };
};

const elementsIn = ({ body }: NetlinkMessage): number => {
  const attributes = decodeAttributes(body.subarray(4));
  assert.ok(attributes.ok);
  const list = decodeAttributeList(attributes.value.get(3) ?? new Uint8Array());
  assert.ok(list.ok);
  return list.value.length;
};

describe("a batch of element changes", () => {
  it("is laid out field by field as nf_tables.h has it", () => {
    const { bytes } = batch(
      [{ family: "netdev", set: "ring", remove: [element(5, "a")], add: [element(5, "b")] }],
      7,
    );
    assert.equal(
      toHex(bytes),
      [
        // BATCH_BEGIN: length 20, type 0x10, REQUEST, sequence 7, family 0, version 0, resource 10
        "14000000 1000 0100 07000000 00000000 0000000a",
        // DELSETELEM in netdev, REQUEST | ACK, sequence 8: table, set, list of one key
        "44000000 0e0a 0500 08000000 00000000 05000000",
        "0e000100 737465656c7961726400 0000",
        "09000200 72696e6700 000000",
        "14000380 10000180 0c000180 08000100 05000000",
        // NEWSETELEM, REQUEST | ACK | CREATE, sequence 9: the same with a verdict, goto b
        "5c000000 0c0a 0504 09000000 00000000 05000000",
        "0e000100 737465656c7961726400 0000",
        "09000200 72696e6700 000000",
        "2c000380 28000180 0c000180 08000100 05000000",
        "18000280 14000280 08000100 fffffffc 06000200 6200 0000",
        // BATCH_END, sequence 10
        "14000000 1100 0100 0a000000 00000000 0000000a",
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  it("removes before it adds, and wants every message acknowledged", () => {
    const { messages, sequences } = batch([
      { family: "inet", set: "a", remove: [element(1)], add: [element(2)] },
      { family: "inet", set: "b", remove: [], add: [element(3)] },
    ]);
    assert.deepEqual(
      messages.map(({ type }) => type),
      [0x10, 0x0a0e, 0x0a0c, 0x0a0c, 0x11],
    );
    assert.deepEqual(sequences, { first: 2, end: 5 });
    assert.ok(messages.slice(1, -1).every(({ flags }) => (flags & 4) !== 0));
  });

  it("splits what does not fit one attribute, in one transaction and without losing an element", () => {
    const many = Array.from({ length: 4093 }, (_, slot) =>
      element(slot, `backend/${"x".repeat(60)}/${slot}`),
    );
    const { messages } = batch([{ family: "inet", set: "ring", remove: many, add: many }]);
    const removals = messages.filter(({ type }) => type === 0x0a0e);
    const additions = messages.filter(({ type }) => type === 0x0a0c);
    assert.ok(additions.length > 5);
    for (const list of [removals, additions]) {
      assert.equal(
        list.reduce((sum, message) => sum + elementsIn(message), 0),
        4093,
      );
      for (const { body } of list) assert.ok(body.length < MAX_ATTRIBUTE_LENGTH + 100);
    }
    assert.equal(messages.filter(({ type }) => type === 0x10).length, 1);
  });
});

describe("the generation of the ruleset", () => {
  const answer = (body: readonly number[], type = 0x0a0f): NetlinkMessage => ({
    type,
    flags: 0,
    sequence: 1,
    port: 0,
    body: Uint8Array.from(body),
  });

  it("is asked for with a bare nfgenmsg", () => {
    const builder = new MessageBuilder();
    writeGenerationRequest(builder, 3);
    assert.equal(toHex(builder.bytes()), "14000000100a01000300000000000000" + "00000000");
  });

  it("is read in network order", () => {
    assert.deepEqual(decodeGeneration(answer([0, 0, 0, 9, 8, 0, 1, 0, 0, 0, 1, 2])), {
      ok: true,
      value: 258,
    });
  });

  it("is refused when cut short or of another kind", () => {
    assert.deepEqual(decodeGeneration(answer([0, 0])), { ok: false, reason: "truncated" });
    assert.deepEqual(decodeGeneration(answer([0, 0, 0, 9])), { ok: false, reason: "missing-attribute" });
    assert.deepEqual(decodeGeneration(answer([0, 0, 0, 9, 9, 0, 1, 0])), { ok: false, reason: "bad-length" });
    assert.deepEqual(decodeGeneration(answer([], 2)), { ok: false, reason: "other-message" });
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        decodeGeneration(answer([...bytes]));
      }),
    );
  });
});

describe("the kernel's word of a transaction", () => {
  const NEWGEN = 0x0a0f;
  const NEWSETELEM = 0x0a0c;
  const message = (type: number, body: readonly number[]): NetlinkMessage => ({
    ...{ type, flags: 0, sequence: 0, port: 0 },
    body: Uint8Array.from(body),
  });
  const text = (type: number, value: string): number[] => {
    const bytes = [...value].map((character) => character.charCodeAt(0));
    const length = bytes.length + 5;
    return [length, 0, type, 0, ...bytes, 0, ...new Array<number>((4 - (length % 4)) % 4).fill(0)];
  };

  it("says whether something of ours was changed", () => {
    const ofTable = (family: number, name: string) =>
      decodeNotice(message(NEWSETELEM, [family, 0, 0, 0, ...text(1, name), ...text(2, "ring")]));
    assert.deepEqual(ofTable(1, "steelyard"), { ok: true, value: { type: "change", ours: true } });
    assert.deepEqual(ofTable(5, "steelyard"), { ok: true, value: { type: "change", ours: true } });
    assert.deepEqual(ofTable(2, "steelyard"), { ok: true, value: { type: "change", ours: false } });
    assert.deepEqual(ofTable(1, "filter"), { ok: true, value: { type: "change", ours: false } });
  });

  it("says by whom, where the kernel does", () => {
    const pid = [8, 0, 2, 0, 0, 0, 4, 210];
    const told = message(NEWGEN, [0, 0, 0, 9, 8, 0, 1, 0, 0, 0, 0, 9, ...pid, ...text(3, "nft")]);
    assert.deepEqual(decodeNotice(told), { ok: true, value: { type: "generation", by: "nft (pid 1234)" } });
    assert.deepEqual(decodeNotice(message(NEWGEN, [0, 0, 0, 9])), {
      ok: true,
      value: { type: "generation" },
    });
  });

  it("is refused, not thrown over, when it is something else", () => {
    assert.deepEqual(decodeNotice(message(2, [])), { ok: false, reason: "other-message" });
    assert.deepEqual(decodeNotice(message(NEWGEN, [0])), { ok: false, reason: "truncated" });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), fc.uint8Array({ maxLength: 64 }), (type, body) => {
        decodeNotice(message(type, [...body]));
      }),
    );
  });
});
