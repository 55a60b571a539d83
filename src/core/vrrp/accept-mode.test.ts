import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { virtualAddress, virtualRouter } from "#testing/values";
import { unacceptedAddresses } from "./accept-mode.ts";

describe("unaccepted addresses (RFC 9568 §6.1, Accept_Mode)", () => {
  const strict = virtualRouter({
    acceptMode: false,
    addresses: [virtualAddress("192.0.2.100/24"), virtualAddress("192.0.2.20/24")],
    unadvertisedAddresses: [virtualAddress("2001:db8::1/64")],
  });

  it("are all of a router that accepts nothing, advertised or not, in order", () => {
    const other = { ...strict, name: "again" };
    assert.deepEqual(unacceptedAddresses([virtualRouter(), strict, other]), [
      "192.0.2.20",
      "192.0.2.100",
      "2001:db8::1",
    ]);
  });

  it("are none of an owner, and none by default", () => {
    assert.deepEqual(unacceptedAddresses([{ ...strict, priority: 255 }, virtualRouter()]), []);
  });
});
