import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseMac } from "#base/mac";
import { address } from "#testing/values";
import { decodeRouterAdvertisement, encodeRouterAdvertisement } from "./router-advertisement.ts";

const ROUTER = address("fe80::1");
/** From a router with a lifetime, a prefix and its link-layer address. */
const HEARD = Uint8Array.from(
  Buffer.from(
    "86001234 40c0070800000000 00000000 0101020000000001 0304 40c0 00015180 00003840 00000000 20010db8000000000000000000000000".replaceAll(
      " ",
      "",
    ),
    "hex",
  ),
);

describe("a Router Advertisement", () => {
  it("says who sent it", () => {
    assert.deepEqual(decodeRouterAdvertisement(HEARD, ROUTER), { ok: true, value: { router: ROUTER } });
  });

  it("is written with no lifetime, no prefix, and our link-layer address (RFC 4861 §6.2.3)", () => {
    const mac = parseMac("02:00:00:00:00:05");
    assert.equal(
      Buffer.from(encodeRouterAdvertisement(mac)).toString("hex"),
      "860000000000000000000000000000000101020000000005",
    );
    assert.deepEqual(decodeRouterAdvertisement(encodeRouterAdvertisement(mac), ROUTER), {
      ok: true,
      value: { router: ROUTER },
    });
    assert.equal(encodeRouterAdvertisement(undefined).length, 16);
  });

  it("is dropped for every check of RFC 4861 §6.1.2", () => {
    const change = (place: number, value: number): Uint8Array => HEARD.with(place, value);
    const reason = (bytes: Uint8Array, source = ROUTER): string => {
      const result = decodeRouterAdvertisement(bytes, source);
      return result.ok ? "accepted" : result.reason;
    };
    assert.equal(reason(HEARD.subarray(0, 15)), "truncated");
    assert.equal(reason(change(0, 133)), "type");
    assert.equal(reason(change(1, 1)), "code");
    assert.equal(reason(HEARD, address("2001:db8::1")), "source");
    assert.equal(reason(HEARD, address("169.254.0.1")), "source");
    assert.equal(reason(change(17, 0)), "option-length");
    assert.equal(reason(change(17, 200)), "option-length");
    for (let length = 17; length < HEARD.length; length += 1)
      if ((length - 16) % 8 !== 0)
        assert.equal(reason(HEARD.subarray(0, length)), "option-length", `${length}`);
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        decodeRouterAdvertisement(bytes, ROUTER);
      }),
    );
  });
});
