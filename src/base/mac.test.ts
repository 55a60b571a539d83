import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BROADCAST_MAC, macBytes, macFromBytes, parseMac } from "./mac.ts";

describe("an Ethernet address", () => {
  it("is read in either case, and as six pairs of digits only", () => {
    assert.equal(parseMac("02:AB:cd:00:5E:ff"), "02:ab:cd:00:5e:ff");
    for (const text of ["", "02:ab:cd:00:5e", "02-ab-cd-00-5e-ff", "2:ab:cd:0:5e:ff", "02:ab:cd:00:5e:fg"])
      assert.equal(parseMac(text), undefined, text);
  });

  it("is its bytes, in order", () => {
    const bytes = Uint8Array.of(0x00, 0x09, 0x0a, 0x9f, 0xf9, 0xff);
    assert.equal(macFromBytes(bytes), "00:09:0a:9f:f9:ff");
    assert.deepEqual(macBytes(macFromBytes(bytes)), bytes);
    assert.deepEqual(macBytes(BROADCAST_MAC), new Uint8Array(6).fill(0xff));
    assert.throws(() => macFromBytes(new Uint8Array(5)));
  });

  it("comes back from its bytes, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const mac = macFromBytes(bytes);
        assert.equal(parseMac(mac), mac);
        assert.deepEqual(macBytes(mac), bytes);
      }),
    );
  });
});
