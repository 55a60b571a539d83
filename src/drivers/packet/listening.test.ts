import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "#base/address";
import type { Door } from "#native/door";
import { address } from "#testing/values";
import { AddressFilter } from "./listening.ts";
import { MOST_RANGES } from "./range-filter.ts";
import type { Range } from "./ranges.ts";

/** A filter on a socket that is none, what it lets through, and how often the kernel was given a program. */
const bench = (attach: () => number = () => 0) => {
  let ranges: readonly Range[] = [];
  let programs = 0;
  const door = {
    attachFilter: () => {
      programs += 1;
      return attach();
    },
  } as unknown as Door;
  const filter = new AddressFilter(door, {
    ...{ fd: 7, link: { index: 2, name: "eth0" } },
    programFor: (next) => {
      ranges = next;
      return new Uint8Array(Float64Array.from(next.flatMap(({ low, high }) => [low, high])).buffer);
    },
  });
  const passes = (word: number): boolean => ranges.some(({ low, high }) => low <= word && word <= high);
  return { filter, passes, programs: () => programs };
};

const addressOf = (word: number): IpAddress =>
  address([word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join("."));

const pool = (first: number, count: number): readonly IpAddress[] =>
  Array.from({ length: count }, (_, index) => addressOf(first + index));

const FIRST = 0x0a_c8_00_00;

describe("a filter of addresses", () => {
  it("lets few addresses through, and nothing beside them", () => {
    const { filter, passes } = bench();
    filter.set(pool(FIRST, 3));
    filter.add(pool(FIRST + 8, 1));
    const heard = Array.from({ length: 12 }, (_, index) => index).filter((index) => passes(FIRST + index));
    assert.deepEqual(heard, [0, 1, 2, 8]);
  });

  it("gives the kernel no new program for the next address of a large pool", () => {
    const { filter, programs } = bench();
    filter.set(pool(FIRST, MOST_RANGES + 1));
    const before = programs();
    for (let next = 0; next < 320; next += 1) filter.add(pool(FIRST + MOST_RANGES + 1 + next, 1));
    assert.ok(programs() - before <= 320 / 32, `${programs() - before}`);
  });

  it("lets every address through that was set or came later, whatever was", () => {
    const word = fc.nat(0xffff_ffff);
    const words = fc.array(word, { maxLength: 600 });
    fc.assert(
      fc.property(words, fc.array(fc.array(word, { maxLength: 40 }), { maxLength: 10 }), (first, more) => {
        const { filter, passes } = bench();
        filter.set(first.map(addressOf));
        for (const some of more) filter.add(some.map(addressOf));
        for (const each of [...first, ...more.flat()]) assert.ok(passes(each), addressOf(each));
      }),
      { numRuns: 50 },
    );
  });

  it("goes by the last four bytes of an IPv6 address, wherever it has zeros", () => {
    const group = fc.constantFrom(0, 0, 1, 0x9, 0xab, 0xffff, 0x1234);
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const { filter } = bench();
        const given = address(groups.map((each) => each.toString(16)).join(":"));
        const [former = 0, last = 0] = groups.slice(6);
        assert.deepEqual(filter.set([given]), {
          ok: true,
          value: Uint32Array.of(former * 0x1_0000 + last),
        });
      }),
    );
  });

  it("forgets those that are not set any more", () => {
    const { filter, passes } = bench();
    filter.set(pool(FIRST, 1));
    filter.add(pool(FIRST + 9, 1));
    filter.set(pool(FIRST, 1));
    filter.add(pool(FIRST + 20, 1));
    assert.ok(passes(FIRST) && passes(FIRST + 20) && !passes(FIRST + 9));
  });

  it("offers a program again that the kernel has refused", () => {
    let outcome = -12;
    const { filter, programs } = bench(() => outcome);
    assert.equal(filter.set(pool(FIRST, 1)).ok, false);
    assert.equal(filter.add(pool(FIRST, 1)).ok, false);
    outcome = 0;
    assert.equal(filter.add(pool(FIRST, 1)).ok, true);
    assert.equal(programs(), 3);
  });
});
