import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { asciiBytes, decodeBase64, encodeBase64, latinText } from "./base64.ts";
import { encodeField, encodePem, isSameBundle, readCaBundle, splitPem } from "./pem.ts";

describe("base64", () => {
  it("is what Node.js makes of the same bytes, in both directions", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        assert.equal(encodeBase64(bytes), text);
        assert.deepEqual(decodeBase64(text), bytes);
        assert.deepEqual(decodeBase64(text.replaceAll(/.{5}/g, "$&\n ")), bytes);
      }),
    );
  });

  it("refuses what is none", () => {
    for (const text of ["A", "AA", "AAA", "A===", "====", "AA=A", "AAAA=", "A-_A", "AAAé", "AAAAA"]) {
      assert.equal(decodeBase64(text), undefined, text);
    }
    assert.deepEqual(decodeBase64(""), new Uint8Array(0));
  });

  it("never throws on arbitrary text", () => {
    fc.assert(fc.property(fc.string(), (text) => void decodeBase64(text)));
  });

  it("is told apart from text that is not ASCII", () => {
    assert.equal(asciiBytes("größer"), undefined);
    assert.equal(latinText(Uint8Array.of(0x41, 0xff)), "A\u00ff");
  });
});

describe("certificates as text", () => {
  const one = encodePem(Uint8Array.from({ length: 100 }, (_, index) => index));
  const two = encodePem(Uint8Array.of(1, 2, 3));

  it("have lines of 64 characters between their marks", () => {
    const lines = one.trimEnd().split("\n");
    assert.equal(lines[0], "-----BEGIN CERTIFICATE-----");
    assert.equal(lines.at(-1), "-----END CERTIFICATE-----");
    assert.deepEqual(
      lines.slice(1, -1).map(({ length }) => length),
      [64, 64, 8],
    );
  });

  it("are found among other text, however they are wrapped", () => {
    const text = `# ours\n${one.replaceAll("\n", "\r\n")}subject=x\n${two.replace("AQID", "AQ\n ID")}`;
    assert.deepEqual(splitPem(text), [one, two]);
  });

  it("are skipped when they are not base64, empty, of another kind, or beyond measure", () => {
    assert.deepEqual(splitPem("-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"), []);
    assert.deepEqual(splitPem("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), []);
    assert.deepEqual(splitPem(two.replaceAll("CERTIFICATE", "PRIVATE KEY")), []);
    assert.equal(splitPem(two.repeat(5_000)).length, 0);
  });

  it("are read in time that grows with the text, whatever it is", () => {
    const before = performance.now();
    splitPem("-----BEGIN CERTIFICATE-----\n".repeat(9_000));
    splitPem(`-----BEGIN CERTIFICATE-----${"A".repeat(200_000)}`);
    assert.ok(performance.now() - before < 2_000);
  });

  it("are the same bundle in any order and form", () => {
    assert.ok(isSameBundle(one + two, `${two}\n\n${one.replaceAll("\n", "\r\n")}${two}`));
    assert.ok(!isSameBundle(one + two, one));
    assert.ok(!isSameBundle(one, one + two));
    assert.ok(isSameBundle("", "nothing"));
  });

  it("are what a caBundle field holds", () => {
    assert.equal(readCaBundle(encodeField(one + two)), one + two);
    for (const field of [undefined, null, 7, {}, "not base64"]) assert.equal(readCaBundle(field), "");
    assert.throws(() => encodeField("größer"), /ASCII/);
  });
});
