import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "./address.ts";
import { contains, disjoint, formatInterfaceAddress, networkOf, parseInterfaceAddress } from "./prefix.ts";

const octets = fc.uint8Array({ minLength: 4, maxLength: 4 });
const network = fc
  .tuple(octets, fc.integer({ min: 0, max: 32 }))
  .map(([bytes, prefixLength]) => ({ address: addressFromBytes(bytes), prefixLength }));

describe("networks", () => {
  it("have no host bits, and hold the address they were made from", () => {
    const of = (text: string) => {
      const parsed = parseInterfaceAddress(text);
      assert.ok(parsed);
      return formatInterfaceAddress(networkOf(parsed));
    };
    assert.equal(of("192.0.2.130/25"), "192.0.2.128/25");
    assert.equal(of("192.0.2.7"), "192.0.2.7/32");
    assert.equal(of("255.255.255.255/0"), "0.0.0.0/0");
    assert.equal(of("2001:db8:ffff::1/33"), "2001:db8:8000::/33");
    fc.assert(fc.property(network, (any) => contains(networkOf(any), any.address)));
  });

  it("made disjoint hold the same addresses as before, each once", () => {
    fc.assert(
      fc.property(fc.array(network.map(networkOf), { maxLength: 8 }), octets, (networks, bytes) => {
        const address = addressFromBytes(bytes);
        const holding = disjoint(networks).filter((kept) => contains(kept, address)).length;
        assert.equal(holding, networks.some((given) => contains(given, address)) ? 1 : 0);
      }),
    );
  });
});
