import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { at } from "#base/assert";
import { formatBlock } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";
import { hasBuggyAddress, prefixesOf, readBlocks, Taken, union, withoutEnds } from "./addresses.ts";

const blocks = (...texts: readonly string[]): readonly AddressBlock[] =>
  texts.flatMap((text) => {
    const read = readBlocks(text);
    assert.ok(typeof read !== "string", text);
    return read;
  });

/** Blocks of few addresses, so that they meet often. */
const anyBlock: fc.Arbitrary<AddressBlock> = fc
  .tuple(fc.constantFrom("IPv4" as const, "IPv6" as const), fc.nat(60), fc.nat(9))
  .map(([family, first, size]) => ({ family, first: BigInt(first), last: BigInt(first + size) }));

const members = (all: readonly AddressBlock[]): readonly string[] =>
  [
    ...new Set(
      all.flatMap(({ family, first, last }) =>
        Array.from({ length: Number(last - first) + 1 }, (_, index) => `${family} ${Number(first) + index}`),
      ),
    ),
  ].sort();

describe("blocks of addresses", () => {
  it("are put together where they meet, in order", () => {
    const together = union(
      blocks("192.0.2.128/25", "2001:db8::/64", "192.0.2.0/25", "192.0.2.10-192.0.2.20"),
    );
    assert.deepEqual(together.map(formatBlock), ["192.0.2.0/24", "2001:db8::/64"]);
  });

  it("hold the same addresses when put together, in blocks that do not touch", () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 12 }), (all) => {
        const together = union(all);
        assert.deepEqual(members(together), members(all));
        for (const [index, block] of together.entries()) {
          const before = together[index - 1];
          if (before?.family === block.family) assert.ok(before.last + 1n < block.first);
        }
      }),
    );
  });

  it("fall into prefixes that hold the same addresses", () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        const prefixes = prefixesOf(block);
        assert.deepEqual(members(prefixes), members([block]));
        for (const prefix of prefixes) assert.match(formatBlock(prefix), /\/\d+$/);
      }),
    );
    assert.deepEqual(prefixesOf(at(blocks("0.0.0.0-255.255.255.255"), 0)).map(formatBlock), ["0.0.0.0/0"]);
    assert.deepEqual(prefixesOf(at(blocks("::/0"), 0)).map(formatBlock), ["::/0"]);
  });

  it("lose their ends where more than two addresses are left to lose them", () => {
    for (const [text, left] of [
      ["192.0.2.0/29", "192.0.2.1-192.0.2.6"],
      ["192.0.2.0/31", "192.0.2.0/31"],
      ["192.0.2.4/32", "192.0.2.4/32"],
    ] as const)
      assert.equal(formatBlock(withoutEnds(at(blocks(text), 0))), left);
  });

  it("are known to hold an address that ends in .0 or .255", () => {
    for (const [text, has] of [
      ["192.0.2.1-192.0.2.254", false],
      ["192.0.2.0/32", true],
      ["192.0.2.250-192.0.3.3", true],
      ["192.0.2.255/32", true],
      ["10.0.0.0/8", true],
      ["2001:db8::/64", false],
    ] as const)
      assert.equal(hasBuggyAddress(blocks(text)), has, text);
  });
});

describe("addresses that are taken", () => {
  it("are found, and what is left is what nobody has", () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 12 }), anyBlock, (all, asked) => {
        const taken = new Taken();
        const held: AddressBlock[] = [];
        for (const [index, block] of all.entries()) {
          for (const free of taken.freeOf(block).free) {
            taken.add(free, `pool ${index}`);
            held.push(free);
          }
        }
        assert.deepEqual(members(held), members(all));
        const { free, owners } = taken.freeOf(asked);
        const expected = members([asked]).filter((address) => !members(all).includes(address));
        assert.deepEqual(members(free), expected);
        assert.equal(owners.length > 0, taken.ownerOf(asked) !== undefined);
        assert.equal(owners.length > 0, expected.length < members([asked]).length);
      }),
      { numRuns: 300 },
    );
  });
});
