import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, addressFromBytes, type IpAddress, isIpv4 } from "#base/address";
import { readU32 } from "#base/bytes";
import { macFromBytes } from "#base/mac";
import { framesFor } from "#core/announce/frames";
import { encode as encodeArp, probe } from "#core/arp/packet";
import { detect } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import { PACKET_TYPE, runFilter } from "#testing/packet-filter";
import {
  arpClaimFilter,
  arpRangeFilter,
  MOST_RANGES,
  ndpClaimFilter,
  ndpRangeFilter,
} from "./range-filter.ts";
import { coveringRanges } from "./ranges.ts";

const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 1));

const question = (address: IpAddress): Uint8Array => {
  if (isIpv4(address)) return encodeArp(probe(address, mac));
  const { message, context } = detect(address);
  return encodePacket(message, context);
};
const claims = (address: IpAddress): readonly Uint8Array[] =>
  framesFor({ address, mac, router: false }).map(({ payload }) => payload);

const wordOf = (address: IpAddress): number => {
  const bytes = addressBytes(address);
  return readU32(bytes, bytes.length - 4);
};

/** Addresses that differ in their last byte only, so that some are in the ranges and some between them. */
const addressOf = (length: 4 | 16) =>
  fc.nat(255).map((last) => {
    const bytes = new Uint8Array(length).fill(0x20);
    bytes[length - 1] = last;
    return addressFromBytes(bytes);
  });

describe("filters by ranges", () => {
  for (const { name, length, filter, claimFilter } of [
    { name: "ARP", length: 4, filter: arpRangeFilter, claimFilter: arpClaimFilter },
    { name: "Neighbour Discovery", length: 16, filter: ndpRangeFilter, claimFilter: ndpClaimFilter },
  ] as const) {
    const rangesOf = (addresses: readonly IpAddress[], most: number) =>
      coveringRanges(Uint32Array.from(addresses.map(wordOf)), most);

    it(`pass exactly what is about an address in the ranges, or claims one, in ${name}`, () => {
      fc.assert(
        fc.property(
          fc.array(addressOf(length), { maxLength: 20 }),
          fc.integer({ min: 1, max: 20 }),
          addressOf(length),
          (listened, most, address) => {
            const ranges = rangesOf(listened, most);
            const within = ranges.some(({ low, high }) => low <= wordOf(address) && wordOf(address) <= high);
            for (const packet of [question(address), ...claims(address)]) {
              assert.equal(runFilter(filter(ranges), packet) > 0, within);
            }
            for (const packet of claims(address))
              assert.equal(runFilter(claimFilter(ranges), packet) > 0, within);
            assert.equal(runFilter(claimFilter(ranges), question(address)), 0);
          },
        ),
      );
    });

    it(`pass what was sent to this host, to a group or to all, and nothing else, in ${name}`, () => {
      const [address] = fc.sample(addressOf(length), 1);
      assert.ok(address !== undefined);
      const program = filter(rangesOf([address], 1));
      for (const [type, passes] of [
        [PACKET_TYPE.host, true],
        [PACKET_TYPE.broadcast, true],
        [PACKET_TYPE.otherHost, false],
        [PACKET_TYPE.outgoing, false],
      ] as const) {
        assert.equal(runFilter(program, question(address), type) > 0, passes);
      }
    });

    it(`refuse every truncation in ${name}, and fit into the kernel's 4096 instructions`, () => {
      const many = Array.from({ length: MOST_RANGES }, (_, index) => {
        const bytes = new Uint8Array(length).fill(1);
        bytes[length - 2] = index;
        return addressFromBytes(bytes);
      });
      const ranges = rangesOf(many, MOST_RANGES);
      assert.equal(ranges.length, MOST_RANGES);
      const program = filter(ranges);
      assert.ok(program.length / 8 <= 4_096, `${program.length / 8}`);
      for (const address of many) assert.ok(runFilter(program, question(address)) > 0);
      const whole = question(many[7] ?? assert.fail("none"));
      for (let size = 0; size < (length === 4 ? 28 : 64); size += 1) {
        assert.equal(runFilter(program, whole.slice(0, size)), 0);
      }
    });
  }

  it("pass no other traffic over IPv6, whatever its bytes", () => {
    const address = addressFromBytes(new Uint8Array(16).fill(0x20));
    const program = ndpRangeFilter([{ low: 0, high: 0xffff_ffff }]);
    for (const [offset, value] of [
      [6, 6],
      [6, 17],
      [40, 133],
      [40, 134],
      [40, 137],
      [40, 1],
    ] as const) {
      const packet = question(address).slice();
      packet[offset] = value;
      assert.equal(runFilter(program, packet), 0);
    }
  });
});
