import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "#base/address";
import { concatBytes, toHex } from "#base/bytes";
import { macFromBytes } from "#base/mac";
import { addressOfSockaddr6, ipSockaddr, linkSockaddr, readIpv6Control, sourceControl } from "./sockaddr.ts";

const v4 = addressFromBytes(Uint8Array.of(192, 0, 2, 1));
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressFromBytes);

describe("socket addresses", () => {
  it("are laid out as the kernel reads them", () => {
    assert.equal(toHex(ipSockaddr(v4, 3)), "02000000c00002010000000000000000");
    assert.equal(
      toHex(linkSockaddr({ linkIndex: 3, etherType: 0x0806 })),
      "1100080603000000000000000000000000000000",
    );
    const destination = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 9));
    assert.equal(
      toHex(linkSockaddr({ linkIndex: 3, etherType: 0x86dd, destination })),
      "110086dd03000000000000060200000000090000",
    );
  });

  it("give an IPv6 address back", () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        const sockaddr = ipSockaddr(address, 7);
        assert.equal(sockaddr.length, 28);
        assert.equal(addressOfSockaddr6(sockaddr), address);
      }),
    );
  });
});

describe("ancillary data", () => {
  it("of a source address reads back as the same record does on arrival", () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        const control = sourceControl(address, 7);
        assert.deepEqual(readIpv6Control(control), { destination: address, hopLimit: undefined });
      }),
    );
  });

  it("is read past records of other kinds and in any order", () => {
    const address = addressFromBytes(Uint8Array.from({ length: 16 }, (_, index) => index));
    const control = concatBytes(sourceControl(v4, 7), sourceControl(address, 7));
    assert.equal(readIpv6Control(control).destination, address);
  });

  it("never throws and always ends, whatever the bytes", () => {
    const record = fc
      .tuple(fc.nat(40), fc.constantFrom(0, 41), fc.constantFrom(50, 52), fc.uint8Array({ maxLength: 24 }))
      .map(([length, level, type, data]) =>
        concatBytes(Uint8Array.of(length, 0, 0, 0, 0, 0, 0, 0, level, 0, 0, 0, type, 0, 0, 0), data),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), record), (bytes) => void readIpv6Control(bytes)),
    );
  });
});
