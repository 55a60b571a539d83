import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MessageBuilder } from "#core/netlink/builder";
import { decodeMessages, type NetlinkMessage } from "#core/netlink/message";
import { readExchange } from "#testing/exchange";
import { decodeFamily, encodeFamilyQuestion } from "./family.ts";
import { decodeGeneric } from "./message.ts";

const only = (bytes: Uint8Array): NetlinkMessage => {
  const messages = decodeMessages(bytes);
  assert.ok(messages.ok);
  const [message] = messages.value;
  assert.ok(message);
  return message;
};

const [question, answer] = readExchange(new URL("testdata/family.hex", import.meta.url));
assert.ok(question && answer);

describe("asking for a family", () => {
  it("asks for it by name, byte for byte as ipvsadm does but for the flags and numbers", () => {
    const builder = new MessageBuilder();
    encodeFamilyQuestion(builder, 7, "IPVS");
    const asked = only(builder.bytes());
    assert.deepEqual(asked.body, only(question.bytes).body);
    assert.equal(asked.type, only(question.bytes).type);
  });

  it("reads its number from the kernel's answer", () => {
    assert.deepEqual(decodeFamily(only(answer.bytes)), { ok: true, value: 0x1c });
  });

  it("refuses another command, another family, and an answer without a number", () => {
    const message = only(answer.bytes);
    assert.deepEqual(decodeFamily({ ...message, type: 0x1c }), { ok: false, reason: "other-family" });
    assert.deepEqual(decodeFamily(only(question.bytes)), { ok: false, reason: "other-family" });
    const empty = { ...message, body: message.body.subarray(0, 4) };
    assert.deepEqual(decodeFamily(empty), { ok: false, reason: "missing-attribute" });
  });

  it("never throws on arbitrary bytes", () => {
    const message = only(answer.bytes);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        decodeGeneric(body);
        decodeFamily({ ...message, body });
      }),
    );
    for (let length = 0; length < message.body.length; length += 1) {
      decodeFamily({ ...message, body: message.body.subarray(0, length) });
    }
  });
});
