import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { wallTime } from "#base/time";
import { bitString, integer, objectIdentifier, octetString, sequence, time, utf8String } from "./der.ts";

describe("DER", () => {
  it("writes lengths in as few bytes as there can be (X.690 §10.1)", () => {
    const heads = [0, 127, 128, 255, 256, 65_535, 65_536].map((length) =>
      toHex(octetString(new Uint8Array(length))).slice(0, 10),
    );
    assert.deepEqual(
      heads.map((head, index) => head.slice(0, [4, 4, 6, 6, 8, 8, 10][index])),
      ["0400", "047f", "048180", "0481ff", "04820100", "0482ffff", "0483010000"],
    );
  });

  it("writes numbers in as few bytes as there can be, and never as negative (X.690 §8.3)", () => {
    const cases: readonly (readonly [readonly number[], string])[] = [
      [[], "020100"],
      [[0, 0], "020100"],
      [[0x7f], "02017f"],
      [[0x80], "02020080"],
      [[0, 0, 1, 0], "02020100"],
    ];
    for (const [bytes, hex] of cases) assert.equal(toHex(integer(Uint8Array.from(bytes))), hex);
  });

  it("writes a number that reads as itself", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), (value) => {
        const hex = value.toString(16);
        const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
        assert.equal(BigInt(`0x${toHex(integer(bytes).subarray(2))}`), value);
      }),
    );
  });

  it("writes identifiers, strings and sequences", () => {
    assert.equal(toHex(objectIdentifier("1.2.840.10045.4.3.2")), "06082a8648ce3d040302");
    assert.equal(toHex(objectIdentifier("2.5.29.17")), "0603551d11");
    assert.equal(
      toHex(sequence(utf8String("ab"), bitString(Uint8Array.of(4), 2))),
      "30080c026162" + "03020204",
    );
    assert.throws(() => utf8String("ü"), /ASCII/);
  });

  it("writes years with two digits until 2049 and with four from then on (RFC 5280 §4.1.2.5)", () => {
    const text = (iso: string): string => Buffer.from(time(wallTime(Date.parse(iso)))).toString("latin1");
    assert.equal(text("2049-12-31T23:59:59Z"), "\x17\x0d491231235959Z");
    assert.equal(text("2050-01-01T00:00:00Z"), "\x18\x0f20500101000000Z");
    assert.throws(() => time(wallTime(Date.parse("1949-12-31T00:00:00Z"))), /year/);
  });
});
