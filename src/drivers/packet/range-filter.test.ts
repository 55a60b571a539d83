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
import { arpRangeFilter, MOST_RANGES, ndpRangeFilter } from "./range-filter.ts";
import { coveringRanges } from "./ranges.ts";

/** How a frame came (linux/if_packet.h). */
const [HOST, BROADCAST, OTHER_HOST, OUTGOING] = [0, 1, 3, 4];

/** Runs a program of the instructions that these filters use, as the kernel would; gives the accepted bytes. */
const interpret = (program: Uint8Array, packet: Uint8Array, type = BROADCAST): number => {
  const code = new DataView(program.buffer);
  const data = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const constant = code.getUint32(at + 4, true);
    const jump = (holds: boolean): void => {
      at += 8 * code.getUint8(at + (holds ? 2 : 3));
    };
    switch (code.getUint16(at, true)) {
      case 0x20:
        // The kernel ends the program with 0 when a load goes beyond the packet.
        if (constant + 4 > packet.length) return 0;
        accumulator = data.getUint32(constant);
        break;
      case 0x30:
        if (constant === 0xffff_f004) accumulator = type;
        else if (constant >= packet.length) return 0;
        else accumulator = data.getUint8(constant);
        break;
      case 0x05:
        at += 8 * constant;
        break;
      case 0x15:
        jump(accumulator === constant);
        break;
      case 0x25:
        jump(accumulator > constant);
        break;
      case 0x35:
        jump(accumulator >= constant);
        break;
      case 0x06:
        return constant;
      default:
        assert.fail("unknown instruction");
    }
  }
  return assert.fail("the program has no end");
};

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
  for (const { name, length, filter } of [
    { name: "ARP", length: 4, filter: arpRangeFilter },
    { name: "Neighbour Discovery", length: 16, filter: ndpRangeFilter },
  ] as const) {
    const rangesOf = (addresses: readonly IpAddress[], most: number) =>
      coveringRanges(Uint32Array.from(addresses.map(wordOf)), most);

    it(`pass exactly what is about an address in the ranges, in ${name}`, () => {
      fc.assert(
        fc.property(
          fc.array(addressOf(length), { maxLength: 20 }),
          fc.integer({ min: 1, max: 20 }),
          addressOf(length),
          (listened, most, address) => {
            const ranges = rangesOf(listened, most);
            const within = ranges.some(({ low, high }) => low <= wordOf(address) && wordOf(address) <= high);
            for (const packet of [question(address), ...claims(address)]) {
              assert.equal(interpret(filter(ranges), packet) > 0, within);
            }
          },
        ),
      );
    });

    it(`pass what was sent to this host, to a group or to all, and nothing else, in ${name}`, () => {
      const [address] = fc.sample(addressOf(length), 1);
      assert.ok(address !== undefined);
      const program = filter(rangesOf([address], 1));
      for (const [type, passes] of [
        [HOST, true],
        [BROADCAST, true],
        [OTHER_HOST, false],
        [OUTGOING, false],
      ] as const) {
        assert.equal(interpret(program, question(address), type) > 0, passes);
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
      for (const address of many) assert.ok(interpret(program, question(address)) > 0);
      const whole = question(many[7] ?? assert.fail("none"));
      for (let size = 0; size < (length === 4 ? 28 : 64); size += 1) {
        assert.equal(interpret(program, whole.slice(0, size)), 0);
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
      assert.equal(interpret(program, packet), 0);
    }
  });
});
