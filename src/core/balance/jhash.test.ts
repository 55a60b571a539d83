import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type IpAddress, parseAddress } from "#base/address";
import { clientSlot, jhash, scaleHash, sourceSlot } from "./jhash.ts";

const ip = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index + 1);

// The kernel itself is asked in test/kernel/balance-flows.test.ts: flows must go where this hash says.
describe("the kernel's Jenkins hash", () => {
  it("gives the same for every number of bytes around its blocks of 12", () => {
    const golden: readonly (readonly [number, number])[] = [
      [0, 0xdeae_1ddc],
      [1, 0x4cd7_36cc],
      [4, 0x5ef8_1f7a],
      [8, 0xbd6e_209d],
      [12, 0x7bf6_93ac],
      [13, 0x97e1_2dec],
      [20, 0xecd2_2938],
      [24, 0xedcc_4042],
      [25, 0x6821_d9a5],
    ];
    for (const [length, hash] of golden) assert.equal(jhash(counting(length), 0x5eed), hash, `${length}`);
  });

  it("puts a client into the slot where the kernel puts it", () => {
    const ring = { size: 1021, seed: 0x57ee_17a4 };
    assert.equal(clientSlot({ address: ip("192.0.2.7"), port: 40_000 }, ring), 725);
    assert.equal(clientSlot({ address: ip("2001:db8::7"), port: 40_000 }, ring), 422);
  });

  it("of the address alone does not depend on the port", () => {
    const ring = { size: 1021, seed: 0x57ee17a4 };
    for (const text of ["192.0.2.7", "2001:db8::7"]) {
      const slot = sourceSlot(ip(text), ring);
      assert.ok(slot >= 0 && slot < 1021);
      assert.notEqual(slot, clientSlot({ address: ip(text), port: 40_000 }, ring));
    }
  });

  it("scales to the size of the ring by the high half of the product", () => {
    assert.equal(scaleHash(0, 1021), 0);
    assert.equal(scaleHash(0xffff_ffff, 1021), 1020);
    assert.equal(scaleHash(0x8000_0000, 2), 1);
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 0xffff_ffff }), (hash, size) => {
        const slot = scaleHash(hash, size);
        return slot >= 0 && slot < size;
      }),
    );
  });
});
