import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, addressFromBytes, type IpAddress } from "#base/address";
import { readU32 } from "#base/bytes";
import { decode, encodeSyn } from "#core/tcp/segment";
import { PACKET_TYPE, runFilter } from "#testing/packet-filter";
import { answerSegment, rejectSegment } from "#testing/segments";
import { MOST_RANGES } from "./range-filter.ts";
import { coveringRanges } from "./ranges.ts";
import { segmentFilter } from "./segment-filter.ts";

const PORTS = { low: 61_000, high: 61_099 };

const wordOf = (address: IpAddress): number => {
  const bytes = addressBytes(address);
  return readU32(bytes, bytes.length - 4);
};

for (const [family, length] of [
  ["IPv4", 4],
  ["IPv6", 16],
] as const) {
  const numbered = (last: number, before = 0x20): IpAddress => {
    const bytes = new Uint8Array(length).fill(0x20);
    bytes[length - 2] = before;
    bytes[length - 1] = last;
    return addressFromBytes(bytes);
  };
  const own = numbered(1, 0x77);
  const syn = (destination: IpAddress, sourcePort = PORTS.low): Uint8Array =>
    encodeSyn({ source: own, destination, sourcePort, destinationPort: 80 }, 7);
  const filterFor = (addresses: readonly IpAddress[]): Uint8Array =>
    segmentFilter(family, {
      ports: PORTS,
      ranges: coveringRanges(Uint32Array.from(addresses.map(wordOf)), MOST_RANGES),
    });
  const answersTo = (packet: Uint8Array): readonly Uint8Array[] => [
    answerSegment(packet, "syn-ack"),
    answerSegment(packet, "reset"),
    rejectSegment(packet, own),
  ];

  describe(`the filter for segments of ${family}`, () => {
    it("passes exactly the answers of its addresses to its ports", () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.nat(255), { maxLength: 20 }),
          fc.nat(255),
          fc.integer({ min: PORTS.low - 3, max: PORTS.high + 3 }),
          (listened, last, port) => {
            const program = filterFor(listened.map((each) => numbered(each)));
            const passes = listened.includes(last) && port >= PORTS.low && port <= PORTS.high;
            for (const answer of answersTo(syn(numbered(last), port))) {
              assert.equal(runFilter(program, answer, PACKET_TYPE.host) > 0, passes);
            }
          },
        ),
      );
    });

    it("passes no segment of other kinds, nor what was sent to others or by this host", () => {
      const program = filterFor([numbered(9)]);
      const [accepted, ...others] = answersTo(syn(numbered(9)));
      assert.ok(accepted !== undefined);
      const flagsAt = length === 4 ? 33 : 53;
      for (let flags = 0; flags < 64; flags += 1) {
        const packet: Uint8Array = accepted.slice();
        packet[flagsAt] = flags;
        const segment = decode(packet);
        assert.ok(segment.ok);
        assert.equal(
          runFilter(program, packet, PACKET_TYPE.host) > 0,
          segment.value.kind !== "other",
          `${flags}`,
        );
      }
      for (const packet of [accepted, ...others]) {
        for (const type of [PACKET_TYPE.otherHost, PACKET_TYPE.outgoing]) {
          assert.equal(runFilter(program, packet, type), 0);
        }
      }
    });

    it("refuses every truncation, and anything else without end", () => {
      const program = filterFor([numbered(9)]);
      const header = length === 4 ? 20 : 40;
      for (const [index, packet] of answersTo(syn(numbered(9))).entries()) {
        // Up to the flags, or up to the port of the segment that ICMP cites.
        const needed = index < 2 ? header + 14 : header + 8 + header + 2;
        for (let size = 0; size < needed; size += 1)
          assert.equal(runFilter(program, packet.slice(0, size)), 0);
      }
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
          assert.ok(runFilter(program, bytes) >= 0);
        }),
      );
    });

    it("fits into the kernel's 4096 instructions with as many ranges as there may be", () => {
      const many = Array.from({ length: MOST_RANGES }, (_, index) => numbered(1, index));
      const program = filterFor(many);
      assert.ok(program.length / 8 <= 4_096, `${program.length / 8}`);
      for (const each of many) {
        for (const answer of answersTo(syn(each))) assert.ok(runFilter(program, answer) > 0);
      }
    });
  });
}

describe("the filter for segments", () => {
  it("passes no fragment and no header with options over IPv4", () => {
    const target = addressFromBytes(Uint8Array.of(192, 0, 2, 9));
    const source = addressFromBytes(Uint8Array.of(192, 0, 2, 1));
    const program = segmentFilter("IPv4", { ports: PORTS, ranges: [{ low: 0, high: 0xffff_ffff }] });
    const packet = encodeSyn({ source, destination: target, sourcePort: PORTS.low, destinationPort: 80 }, 7);
    for (const answer of [answerSegment(packet, "syn-ack"), rejectSegment(packet, source)]) {
      for (const [offset, value] of [
        [0, 0x46],
        [6, 0x20],
        [7, 1],
      ] as const) {
        const broken = answer.slice();
        broken[offset] = value;
        assert.equal(runFilter(program, broken), 0);
      }
      assert.ok(runFilter(program, answer) > 0);
    }
  });
});
