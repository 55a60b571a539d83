import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { blocks } from "#testing/services";
import { address } from "#testing/values";
import { addressToNumber } from "./block.ts";
import type { AddressBlock } from "./pool.ts";
import { Positions } from "./positions.ts";

const isBuggy = (number: bigint): boolean => number % 256n === 0n || number % 256n === 255n;

/** Up to five blocks that do not overlap, in any order, some of them across the end of a /24. */
const someBlocks = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 1, max: 700 })), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((gaps) => {
    let next = 0xc000_0200n - 5n;
    const made = gaps.map(([gap, length]): AddressBlock => {
      const first = next + BigInt(gap);
      next = first + BigInt(length);
      return { family: "IPv4", first, last: next - 1n };
    });
    return fc.shuffledSubarray(made, { minLength: made.length });
  });

describe("positions in a pool", () => {
  it("number the addresses in written order, without those left out, and back", () => {
    fc.assert(
      fc.property(someBlocks, fc.boolean(), (made, avoidBuggyIps) => {
        const positions = new Positions(made, { avoidBuggyIps });
        let expected = 0n;
        for (const { first, last } of made) {
          for (let number = first; number <= last; number += 1n) {
            const isLeftOut = avoidBuggyIps && isBuggy(number);
            assert.equal(positions.of(number), isLeftOut ? undefined : expected);
            if (isLeftOut) continue;
            assert.equal(positions.at(expected), number);
            expected += 1n;
          }
          if (!made.some((other) => other.first === last + 1n))
            assert.equal(positions.of(last + 1n), undefined);
        }
        assert.equal(positions.size, expected);
        assert.equal(positions.at(expected), undefined);
      }),
      { numRuns: 60 },
    );
  });

  it("leave nothing out of an IPv6 block", () => {
    const positions = new Positions(blocks("2001:db8::/64"), { avoidBuggyIps: true });
    assert.equal(positions.of(addressToNumber(address("2001:db8::"))), 0n);
    assert.equal(positions.of(addressToNumber(address("2001:db8::ff"))), 255n);
    assert.equal(positions.size, 2n ** 64n);
  });

  it("do not exist in a block of nothing but addresses that are left out", () => {
    const positions = new Positions(blocks("192.0.2.255-192.0.3.0", "192.0.3.9/32"), { avoidBuggyIps: true });
    assert.equal(positions.size, 1n);
    assert.equal(positions.at(0n), addressToNumber(address("192.0.3.9")));
    assert.equal(positions.of(addressToNumber(address("192.0.2.255"))), undefined);
  });
});
