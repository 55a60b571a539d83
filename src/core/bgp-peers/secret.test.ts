import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { byteLength, readSecret } from "./secret.ts";

const secret = (fields: object) => ({
  metadata: { name: "tor" },
  type: "kubernetes.io/basic-auth",
  ...fields,
});
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const readingOf = (fields: object) => readSecret(secret(fields))?.reading;

describe("a Secret", () => {
  it("of the right type gives its password, whatever letters it has", () => {
    for (const password of ["x", "sécret", "p".repeat(80)])
      assert.deepEqual(readingOf({ data: { password: base64(password), username: base64("u") } }), {
        type: "password",
        password,
      });
  });

  it("of another type, without the key, or with what no router can be told is of no use, and says why", () => {
    const reasons: readonly (readonly [object, RegExp])[] = [
      [{ type: "Opaque", data: { password: base64("x") } }, /is not of type kubernetes.io\/basic-auth/],
      [{}, /nothing under the key password/],
      [{ data: { password: "" } }, /nothing under the key password/],
      [{ data: { password: "!" } }, /no text/],
      [{ data: { password: Buffer.from([0xff, 0xfe]).toString("base64") } }, /no text/],
      [{ data: { password: base64("secret\n") } }, /a line break/],
      [{ data: { password: base64("p".repeat(81)) } }, /81 bytes/],
    ];
    for (const [fields, reason] of reasons) {
      const reading = readingOf(fields);
      assert.equal(reading?.type, "wrong");
      assert.match(reading?.type === "wrong" ? reading.text : "", reason);
    }
  });

  it("is never repeated in what is said of it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 81, maxLength: 200, unit: "grapheme-ascii" }), (password) => {
        const reading = readingOf({ data: { password: base64(password) } });
        assert.ok(reading?.type === "wrong" && !reading.text.includes(password));
      }),
    );
  });

  it("without a name is none, and nothing makes reading throw", () => {
    assert.equal(readSecret({}), undefined);
    fc.assert(fc.property(fc.anything(), (data) => void readSecret(secret({ data }))));
  });
});

describe("the length of a password", () => {
  it("is counted in bytes", () => {
    assert.deepEqual(
      [byteLength("abc"), byteLength("ü"), byteLength("\ud800")],
      [3, 2, Number.POSITIVE_INFINITY],
    );
  });
});
