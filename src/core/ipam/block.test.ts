import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { address } from "#testing/values";
import {
  addressToNumber,
  formatBlock,
  numberToAddress,
  overlap,
  parseBlocks,
  parseServiceAddress,
  sizeOf,
} from "./block.ts";
import type { AddressBlock } from "./pool.ts";

const spelled = (text: string): string => {
  const parsed = parseBlocks(text);
  return parsed.ok ? parsed.blocks.map(formatBlock).join(" ") : parsed.reason;
};

const anyBlock: fc.Arbitrary<AddressBlock> = fc
  .constantFrom("IPv4" as const, "IPv6" as const)
  .chain((family) => {
    const number = fc.bigInt({ min: 0n, max: 2n ** (family === "IPv4" ? 32n : 128n) - 1n });
    return fc.tuple(number, number).map(([a, b]) => {
      const [first = a, last = b] = a < b ? [a, b] : [b, a];
      return { family, first, last };
    });
  });

describe("blocks of addresses", () => {
  for (const [text, expected] of [
    ["192.0.2.0/24", "192.0.2.0/24"],
    ["192.0.2.77/24", "192.0.2.0/24"],
    ["192.0.2.7/32", "192.0.2.7/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["2001:DB8::/64", "2001:db8::/64"],
    ["2001:db8::1/128", "2001:db8::1/128"],
    ["::/0", "::/0"],
    ["192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20"],
    ["192.0.2.10 -  192.0.2.20", "192.0.2.10-192.0.2.20"],
    [" 192.0.2.0-192.0.2.255 ", "192.0.2.0/24"],
    ["192.0.2.9-192.0.2.9", "192.0.2.9/32"],
    ["2001:db8::-2001:db8::ffff", "2001:db8::/112"],
    ["192.0.2.20-192.0.2.10", "backwards"],
    ["192.0.2.1", "missing-length"],
    ["2001:db8::1", "missing-length"],
    ["192.0.2.1-2001:db8::1", "families-differ"],
    ["192.0.2.0/33", "length-out-of-range"],
    ["192.0.2.0/", "length-out-of-range"],
    ["192.0.2.0/-1", "not-an-address"],
    ["2001:db8::/129", "length-out-of-range"],
    ["::ffff:192.0.2.0/120", "mapped-address"],
    ["::ffff:192.0.2.1-::ffff:192.0.2.9", "mapped-address"],
    ["", "not-an-address"],
    ["-", "not-an-address"],
    ["192.0.2.1-", "not-an-address"],
    ["192.0.2.256/32", "not-an-address"],
    ["fe80::1%eth0/128", "not-an-address"],
    [`192.0.2.1${" ".repeat(200)}-192.0.2.2`, "not-an-address"],
  ] as const) {
    it(`reads ${JSON.stringify(text).slice(0, 60)} as ${expected}`, () => {
      assert.equal(spelled(text), expected);
    });
  }

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        const text = formatBlock(block);
        const isMapped = text.includes("::ffff:") && text.includes(".");
        if (!isMapped) assert.deepEqual(parseBlocks(text), { ok: true, blocks: [block] });
      }),
    );
  });

  it("never throws, whatever the text", () => {
    const piece = fc.constantFrom("192.0.2.1", "2001:db8::", "/", "-", "24", ":", ".", " ", "::ffff:1.2.3.4");
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    fc.assert(fc.property(text, (value) => typeof parseBlocks(value).ok === "boolean"));
  });

  it("turns addresses into numbers and back", () => {
    fc.assert(
      fc.property(anyBlock, ({ family, first }) => {
        assert.equal(addressToNumber(numberToAddress(family, first)), first);
      }),
    );
    assert.equal(addressToNumber(address("192.0.2.1")), 0xc0000201n);
    assert.equal(addressToNumber(address("2001:db8::1")), 0x2001_0db8_0000_0000_0000_0000_0000_0001n);
  });

  it("tells whether two blocks have an address in common", () => {
    fc.assert(
      fc.property(anyBlock, anyBlock, (left, right) => {
        const isIn = ({ first, last }: AddressBlock, number: bigint): boolean =>
          first <= number && number <= last;
        const expected = left.family === right.family && (isIn(left, right.first) || isIn(right, left.first));
        assert.equal(overlap(left, right), expected);
        assert.equal(overlap(right, left), expected);
      }),
    );
  });

  it("counts the addresses of a block", () => {
    assert.equal(sizeOf({ family: "IPv4", first: 5n, last: 5n }), 1n);
    assert.equal(sizeOf({ family: "IPv6", first: 0n, last: 2n ** 128n - 1n }), 2n ** 128n);
  });

  it("takes IPv4 in IPv6 spelling for IPv4 where a Service asks for it", () => {
    assert.equal(parseServiceAddress("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(parseServiceAddress("2001:DB8::1"), "2001:db8::1");
    assert.equal(parseServiceAddress("nonsense"), undefined);
  });
});
