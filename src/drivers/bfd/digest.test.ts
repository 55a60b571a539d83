import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digest } from "./digest.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const ABC = new TextEncoder().encode("abc");

describe("digests of packets", () => {
  it("are SHA-1 (FIPS 180-4) and MD5 (RFC 1321 §A.5) as their standards' examples have them", () => {
    assert.equal(hex(digest("sha1", ABC)), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert.equal(hex(digest("md5", ABC)), "900150983cd24fb0d6963f7d28e17f72");
  });

  it("are those of a view's bytes alone, and not of the buffer that it lies in", () => {
    const wide = Uint8Array.of(1, ...ABC, 2);
    assert.equal(hex(digest("sha1", wide.subarray(1, 4))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  });

  it("stay as they are when another is taken", () => {
    const first = digest("sha1", ABC);
    digest("sha1", Uint8Array.of(9));
    assert.equal(hex(first), "a9993e364706816aba3e25717850c26c9cd0d89d");
  });
});
