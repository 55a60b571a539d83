import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readExchange } from "#testing/exchange";
import { MessageBuilder } from "./builder.ts";
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR } from "./constants.ts";
import {
  type Acknowledgement,
  decodeAcknowledgement,
  decodeMessages,
  type NetlinkDecodeError,
  type NetlinkMessage,
} from "./message.ts";

const FILES = ["add", "refused", "lookup", "routes", "links", "addresses", "neighbours", "remove", "changes"];
const captured = FILES.flatMap((file) => readExchange(new URL(`testdata/${file}.hex`, import.meta.url)));

const messagesIn = (bytes: Uint8Array): readonly NetlinkMessage[] => {
  const messages = decodeMessages(bytes);
  assert.ok(messages.ok, "the capture cannot be split");
  return messages.value;
};

const acknowledgementsIn = (file: string): readonly (Acknowledgement | NetlinkDecodeError)[] =>
  readExchange(new URL(`testdata/${file}.hex`, import.meta.url))
    .filter(({ name }) => name === "Answer")
    .flatMap(({ bytes }) => messagesIn(bytes))
    .filter(({ type }) => type === NLMSG_ERROR || type === NLMSG_DONE)
    .map((message) => {
      const acknowledgement = decodeAcknowledgement(message);
      return acknowledgement.ok ? acknowledgement.value : acknowledgement.reason;
    });

const message = (fields: Partial<NetlinkMessage>): NetlinkMessage => ({
  type: NLMSG_ERROR,
  flags: 0,
  sequence: 1,
  port: 0,
  body: new Uint8Array(),
  ...fields,
});

describe("splitting what a netlink socket gave", () => {
  it("gives every message of captured answers, and the bytes between the headers as bodies", () => {
    for (const { bytes } of captured) {
      const total = messagesIn(bytes).reduce((sum, { body }) => sum + 16 + ((body.length + 3) & ~3), 0);
      assert.equal(total, bytes.length);
    }
  });

  it("gives no message for no bytes", () => {
    assert.deepEqual(decodeMessages(new Uint8Array()), { ok: true, value: [] });
  });

  it("refuses every truncation of a captured answer except between two messages", () => {
    for (const { bytes } of captured) {
      const ends = new Set([0]);
      let end = 0;
      for (const { body } of messagesIn(bytes)) {
        end += 16 + body.length;
        ends.add(end);
      }
      for (let length = 0; length < bytes.length; length += 1) {
        assert.equal(decodeMessages(bytes.subarray(0, length)).ok, ends.has(length), `at ${length} bytes`);
      }
    }
  });

  it("finds the next message on the 4-byte boundary after one of odd length", () => {
    const bytes = new Uint8Array(36);
    bytes[0] = 17;
    bytes[20] = 16;
    const messages = messagesIn(bytes);
    assert.deepEqual(
      messages.map(({ body }) => body.length),
      [1, 0],
    );
  });

  it("refuses a length below the header, which would never end", () => {
    const bytes = new Uint8Array(32);
    bytes[0] = 15;
    assert.deepEqual(decodeMessages(bytes), { ok: false, reason: "bad-length" });
    bytes[0] = 0;
    assert.deepEqual(decodeMessages(bytes), { ok: false, reason: "bad-length" });
  });

  it("refuses a length of 4 GiB, where signed arithmetic would go wrong", () => {
    const bytes = new Uint8Array(16).fill(0xff);
    assert.deepEqual(decodeMessages(bytes), { ok: false, reason: "bad-length" });
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeMessages(bytes);
      }),
    );
  });
});

describe("acknowledgements", () => {
  it("reads success", () => {
    assert.deepEqual(acknowledgementsIn("add"), [{ errno: 0 }, { errno: 0 }]);
  });

  it("reads refusals with the kernel's own words", () => {
    assert.deepEqual(acknowledgementsIn("refused"), [
      { errno: 17, detail: "ipv4: Address already assigned" },
      { errno: 19, detail: "ipv4: Device not found" },
    ]);
  });

  it("reads the end of a dump", () => {
    assert.deepEqual(acknowledgementsIn("links"), [{ errno: 0 }]);
  });

  it("skips the echoed request where the kernel does not cap it", () => {
    const builder = new MessageBuilder();
    builder.begin({ type: NLMSG_ERROR, flags: NLM_F_ACK_TLVS, sequence: 1 });
    builder.u32(-22);
    for (const word of [20, 0, 0, 0, 0xdead_beef]) builder.u32(word);
    builder.attributeText(1, "no");
    builder.attributeU32(2, 16);
    builder.end();
    const [refusal] = messagesIn(builder.bytes());
    assert.ok(refusal);
    assert.deepEqual(decodeAcknowledgement(refusal), {
      ok: true,
      value: { errno: 22, detail: "no", offset: 16 },
    });
  });

  it("reads the kernel's words at the end of a dump, where no request is echoed", () => {
    const builder = new MessageBuilder();
    builder.begin({ type: NLMSG_DONE, flags: NLM_F_ACK_TLVS, sequence: 1 });
    builder.u32(-22);
    builder.attributeText(1, "no");
    builder.end();
    const [end] = messagesIn(builder.bytes());
    assert.ok(end);
    assert.deepEqual(decodeAcknowledgement(end), { ok: true, value: { errno: 22, detail: "no" } });
  });

  it("refuses an errno that the kernel cannot give", () => {
    const body = new Uint8Array(4);
    body[0] = 1;
    assert.deepEqual(decodeAcknowledgement(message({ body })), { ok: false, reason: "bad-attribute" });
  });

  it("refuses an echoed request that ends beyond the message", () => {
    const body = new Uint8Array(24).fill(0);
    body[4] = 200;
    const flags = NLM_F_ACK_TLVS;
    assert.deepEqual(decodeAcknowledgement(message({ body, flags })), { ok: false, reason: "bad-length" });
  });

  it("never throws on arbitrary bytes", () => {
    const flags = fc.constantFrom(0, NLM_F_ACK_TLVS, NLM_F_ACK_TLVS | NLM_F_CAPPED);
    const type = fc.constantFrom(NLMSG_ERROR, NLMSG_DONE);
    const body = fc
      .tuple(fc.constantFrom([0, 0, 0, 0], [0xef, 0xff, 0xff, 0xff]), fc.array(fc.nat(255)))
      .map(([errno, rest]) => Uint8Array.from([...errno, ...rest]));
    fc.assert(
      fc.property(type, flags, body, (type, flags, body) => {
        decodeAcknowledgement(message({ type, flags, body }));
      }),
    );
  });
});
