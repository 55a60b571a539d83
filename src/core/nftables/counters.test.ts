import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MessageBuilder } from "#core/netlink/builder";
import { decodeMessages } from "#core/netlink/message";
import { readExchange } from "#testing/exchange";
import { decodeCounter, writeCounterRequest } from "./counters.ts";

describe("reading counters", () => {
  const [question, answer] = readExchange(new URL("testdata/counters.hex", import.meta.url));
  assert.ok(question && answer);

  it("asks as the kernel understood it", () => {
    const builder = new MessageBuilder();
    writeCounterRequest(builder, 1, "inet");
    assert.deepEqual(builder.bytes(), question.bytes);
  });

  it("reads a captured answer", () => {
    const messages = decodeMessages(answer.bytes);
    assert.ok(messages.ok);
    assert.deepEqual(messages.value.map(decodeCounter), [
      { ok: true, value: { name: "limited/web/connections", packets: 3, bytes: 180 } },
      { ok: true, value: { name: "limited/web/rate", packets: 0x1_0000_0002, bytes: 99 } },
      { ok: false, reason: "other-message" },
    ]);
  });

  it("refuses every truncation, and never throws on arbitrary bytes", () => {
    const messages = decodeMessages(answer.bytes);
    const [first] = messages.ok ? messages.value : [];
    assert.ok(first);
    for (let length = 0; length < first.body.length; length += 1) {
      const cut = decodeCounter({ ...first, body: first.body.subarray(0, length) });
      if (cut.ok) assert.equal(cut.value.packets, 3);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (body) => void decodeCounter({ ...first, body })),
    );
  });
});
