import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createSha256 } from "./sha256.ts";

const hex = (words: Int32Array): string =>
  [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");

describe("SHA-256", () => {
  it("gives the digests of the examples that go with FIPS 180-4", () => {
    const { digest } = createSha256();
    assert.equal(hex(digest("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert.equal(
      hex(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    assert.equal(hex(digest("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  it("agrees with another implementation at every length around the ends of blocks", () => {
    const { digest } = createSha256();
    for (let length = 0; length < 300; length += 1) {
      const text = "x".repeat(length);
      assert.equal(hex(digest(text)), createHash("sha256").update(text).digest("hex"));
    }
  });

  it("agrees with another implementation on any ASCII text", () => {
    const { digest } = createSha256();
    const ascii = fc.string({ unit: "binary-ascii", maxLength: 300 });
    fc.assert(
      fc.property(ascii, (text) => {
        assert.equal(hex(digest(text)), createHash("sha256").update(text).digest("hex"));
      }),
    );
  });
});
