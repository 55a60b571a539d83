import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { unixSockaddr } from "./unix-address.ts";

describe("the address of a unix socket", () => {
  it("ends a path with a zero byte and begins an abstract name with one", () => {
    assert.deepEqual([...(unixSockaddr("/a") ?? [])], [1, 0, 0x2f, 0x61, 0]);
    assert.deepEqual([...(unixSockaddr("@a") ?? [])], [1, 0, 0, 0x61]);
  });

  it("does not cut a name that is too long", () => {
    assert.equal(unixSockaddr(`/${"x".repeat(107)}`), undefined);
    assert.equal(unixSockaddr(`/${"x".repeat(106)}`)?.length, 110);
  });
});
