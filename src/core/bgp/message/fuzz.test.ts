import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes } from "#base/bytes";
import { rawMessage } from "#testing/bgp-message";
import { readHexDump } from "#testing/golden";
import type { DecodeContext } from "./context.ts";
import { decodeMessage } from "./decode.ts";
import { encodeNotification } from "./encode.ts";
import type { HeardMessage } from "./message.ts";
import { describeNotification } from "./notification.ts";

const CAPTURES = readdirSync(new URL("testdata", import.meta.url)).map(
  (file) => [file, readHexDump(new URL(`testdata/${file}`, import.meta.url))] as const,
);

const CONTEXTS: readonly DecodeContext[] = [true, false].flatMap((hasFourOctetAsn) =>
  (["internal", "external", undefined] as const).map((kind) => ({ hasFourOctetAsn, kind })),
);

/** Codes of errors that a message of this type may be refused with. */
const CODES: Readonly<Record<number, readonly number[]>> = {
  1: [1, 2],
  2: [1, 3],
  3: [1],
  4: [1],
  5: [1, 7],
};

/** Everything that is promised of whatever is heard: bounds above all. */
const checkValue = (value: HeardMessage, length: number): void => {
  switch (value.type) {
    case "update":
      assert.ok(value.announced >= 0 && value.withdrawn >= 0);
      assert.ok(value.announced + value.withdrawn <= length);
      assert.ok(value.nextHops.length <= 3);
      assert.ok(value.leniency.length <= 512);
      break;
    case "open":
      assert.equal(value.version, 4);
      assert.ok(value.asn !== 0 && value.holdTime !== 1 && value.holdTime !== 2);
      assert.notEqual(value.routerId, "0.0.0.0");
      break;
    case "notification":
      assert.ok(describeNotification(value).length <= 400);
      break;
    default:
  }
};

const check = (bytes: Uint8Array, context: DecodeContext): void => {
  const result = decodeMessage(bytes, context);
  if (result.ok) {
    checkValue(result.value, bytes.length);
    return;
  }
  const { code, data } = result.error;
  assert.ok((CODES[bytes[18] ?? 0] ?? [1]).includes(code), `code ${code}`);
  assert.ok(data.length <= 4075);
  assert.ok(encodeNotification(result.error).length <= 4096);
};

describe("decodeMessage", () => {
  it("refuses every capture that is cut short, as Bad Message Length (RFC 4271 §6.1)", () => {
    for (const [, bytes] of CAPTURES) {
      for (let length = 0; length < bytes.length; length += 1) {
        for (const context of CONTEXTS) {
          const result = decodeMessage(bytes.subarray(0, length), context);
          assert.ok(!result.ok && result.error.code === 1 && result.error.subcode === 2);
        }
      }
    }
  });

  it("gives a value or an error of its own kind for every capture that is cut short with a length that says so", () => {
    for (const [, bytes] of CAPTURES) {
      for (let length = 19; length < bytes.length; length += 1) {
        const cut = rawMessage(bytes[18] ?? 0, bytes.slice(19, length));
        for (const context of CONTEXTS) check(cut, context);
      }
    }
  });

  it("gives a value or an error of its own kind for every single bit that is wrong in a capture", () => {
    for (const [, bytes] of CAPTURES) {
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const changed = bytes.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
        for (const context of CONTEXTS) check(changed, context);
      }
    }
  });

  it("gives a value or an error of its own kind for every octet of an UPDATE's attributes that is 0 or 255", () => {
    for (const [, bytes] of CAPTURES.filter(([file]) => file.includes("update"))) {
      for (let offset = 19; offset < bytes.length; offset += 1) {
        for (const value of [0x00, 0xff]) {
          const changed = bytes.slice();
          changed[offset] = value;
          for (const context of CONTEXTS) check(changed, context);
        }
      }
    }
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...CONTEXTS), check), {
      numRuns: 2_000,
    });
  });

  it("never throws on arbitrary bodies behind a right header", () => {
    const anyMessage = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 4077, size: "max" }))
      .map(([type, body]) => rawMessage(type, body));
    fc.assert(fc.property(anyMessage, fc.constantFrom(...CONTEXTS), check), { numRuns: 500 });
  });

  it("never throws on attributes of arbitrary kinds, flags and values, in any number and order", () => {
    const attribute = fc
      .tuple(
        fc.constantFrom(0x40, 0x80, 0xc0, 0xe0, 0x00),
        fc.oneof(fc.integer({ min: 0, max: 36 }), fc.nat(255)),
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.uint8Array({ maxLength: 30 }).map((rest) => concatBytes(Uint8Array.of(0, 2, 1, 16), rest)),
        ),
      )
      .map(([flags, code, value]) => concatBytes(Uint8Array.of(flags, code, value.length), value));
    const anyUpdate = fc
      .tuple(fc.array(attribute, { maxLength: 30 }), fc.uint8Array({ maxLength: 20 }))
      .map(([attributes, nlri]) => {
        const list = concatBytes(...attributes);
        return rawMessage(
          2,
          concatBytes(Uint8Array.of(0, 0, list.length >> 8, list.length & 255), list, nlri),
        );
      });
    fc.assert(fc.property(anyUpdate, fc.constantFrom(...CONTEXTS), check), { numRuns: 5_000 });
  });

  it("says each thing once of a message that has a thousand times the same wrong", () => {
    const list = new Uint8Array(4000);
    for (let at = 0; at < list.length; at += 4) list.set([0xd0, 200, 0, 0], at);
    const nlri = Uint8Array.of(0x18, 192, 0, 2);
    const bytes = rawMessage(2, concatBytes(Uint8Array.of(0, 0, 0x0f, 0xa0), list, nlri));
    const result = decodeMessage(bytes, { hasFourOctetAsn: true, kind: "external" });
    assert.ok(result.ok && result.value.type === "update");
    assert.deepEqual(
      result.value.leniency.map(({ attribute }) => attribute),
      [200, 1, 2, 3],
    );
  });

  it("gives values that share no memory with the bytes", () => {
    const [, open] = CAPTURES.find(([file]) => file === "frr-open.hex") ?? assert.fail();
    const [, shutdown] = CAPTURES.find(([file]) => file === "frr-shutdown.hex") ?? assert.fail();
    for (const capture of [open, shutdown, rawMessage(5, "000101010000")]) {
      const bytes = capture.slice();
      const before = decodeMessage(bytes, { hasFourOctetAsn: true, kind: undefined });
      const wanted = decodeMessage(capture, { hasFourOctetAsn: true, kind: undefined });
      bytes.fill(0);
      assert.deepEqual(before, wanted);
    }
  });
});
