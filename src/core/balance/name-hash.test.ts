import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hashName, mix32 } from "./name-hash.ts";

describe("the hash of names", () => {
  it("never changes: edges of different versions must agree on it", () => {
    const golden: readonly (readonly [string, number, number])[] = [
      ["", 0, 0xab3e_7c0b],
      ["w1", 0, 0xad16_84a0],
      ["w1", 1, 0x758f_bae1],
      ["node-a.example", 7, 0x8f5c_c6ba],
      ["größe", 7, 0xb641_1d36],
      ["ノード", 7, 0x842b_c0e2],
    ];
    for (const [name, seed, hash] of golden) assert.equal(hashName(name, seed), hash, name);
  });

  it("is a 32-bit unsigned integer for any name and seed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(0xffff_ffff), (name, seed) => {
        const hash = hashName(name, seed);
        return Number.isInteger(hash) && hash >= 0 && hash <= 0xffff_ffff;
      }),
    );
  });

  it("spreads similar names evenly over a few places", () => {
    const counts = new Array<number>(8).fill(0);
    for (let index = 0; index < 8_000; index += 1) {
      const place = hashName(`node-${index}`, 1) >>> 29;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join());
  });

  it("mixes without losing a bit", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (a, b) => (a === b) === (mix32(a) === mix32(b))),
    );
  });
});
