import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, addressFromBytes } from "#base/address";
import { concatBytes, writeU16 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { readHexDump } from "#testing/golden";
import { address } from "#testing/values";
import { decode, encodeReset, encodeSyn, type Flow } from "./segment.ts";

const captured = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));
const IPV4 = { source: address("192.0.2.9"), destination: address("192.0.2.9") };
const IPV6 = { source: address("2001:db8::9"), destination: address("2001:db8::9") };

const byteString = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const port = fc.integer({ min: 1, max: 65_535 });
const flow: fc.Arbitrary<Flow> = fc
  .constantFrom(4, 16)
  .chain((length) => fc.tuple(byteString(length), byteString(length), port, port))
  .map(([source, destination, sourcePort, destinationPort]) => ({
    ...{ source: addressFromBytes(source), destination: addressFromBytes(destination) },
    ...{ sourcePort, destinationPort },
  }))
  // An IPv4 address in an IPv6 one is written as IPv4.
  .filter(({ source, destination }) => source.includes(":") === destination.includes(":"));
const word = fc.integer({ min: 0, max: 0xffff_ffff });

const pseudo = ({ source, destination }: Flow, length: number): Uint8Array => {
  const rest = Uint8Array.of(0, 6, 0, 0);
  writeU16(rest, 2, length);
  return concatBytes(addressBytes(source), addressBytes(destination), rest);
};

describe("segments of TCP", () => {
  for (const [name, ends, sourcePort, destinationPort, kind, acknowledges] of [
    ["syn-ack-ipv4", IPV4, 8080, 40_004, "syn-ack", 0x2a6d_2eb4],
    ["reset-ipv4", IPV4, 81, 40_006, "reset", 0x4044_0a98],
    ["syn-ack-ipv6", IPV6, 8080, 40_000, "syn-ack", 0x3f1a_a46e],
    ["reset-ipv6", IPV6, 81, 40_002, "reset", 0xc091_7790],
  ] as const) {
    it(`reads a captured answer: ${name}`, () => {
      assert.deepEqual(decode(captured(name)), {
        ok: true,
        value: { ...ends, sourcePort, destinationPort, kind, acknowledges },
      });
    });
  }

  it("writes packets whose checksums are right and which read as they were meant, with padding after them", () => {
    fc.assert(
      fc.property(flow, word, fc.boolean(), (ends, sequence, isSyn) => {
        const bytes = isSyn ? encodeSyn(ends, sequence) : encodeReset(ends, sequence);
        const header = ends.source.includes(":") ? 40 : 20;
        const segment = bytes.subarray(header);
        if (header === 20) assert.equal(internetChecksum(bytes.subarray(0, 20)), 0);
        assert.equal(internetChecksum(pseudo(ends, segment.length), segment), 0);
        assert.deepEqual(decode(concatBytes(bytes, new Uint8Array(6))), {
          ok: true,
          value: { ...ends, kind: isSyn ? "other" : "reset", acknowledges: 0 },
        });
      }),
    );
  });

  it("says why it does not read what is no whole segment", () => {
    const whole = captured("syn-ack-ipv4");
    const broken = (offset: number, ...bytes: readonly number[]): Uint8Array => {
      const copy = whole.slice();
      copy.set(bytes, offset);
      return copy;
    };
    const reason = (bytes: Uint8Array): string => {
      const result = decode(bytes);
      return result.ok ? "read" : result.reason;
    };
    assert.equal(reason(new Uint8Array(0)), "truncated");
    assert.equal(reason(whole.subarray(0, 19)), "truncated");
    assert.equal(reason(captured("syn-ack-ipv6").subarray(0, 39)), "truncated");
    assert.equal(reason(broken(9, 17)), "not-tcp");
    assert.equal(reason(broken(0, 0x55)), "not-tcp");
    assert.equal(reason(broken(6, 0x20)), "fragment");
    assert.equal(reason(broken(6, 0, 1)), "fragment");
    assert.equal(reason(broken(2, 0, 200)), "length");
    assert.equal(reason(broken(2, 0, 39)), "length");
    assert.equal(reason(broken(0, 0x44)), "length");
    assert.equal(reason(whole.subarray(0, 59)), "length");
  });

  it("reads anything without falling over", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x45, 0x60, undefined),
        (bytes, first) => {
          if (first !== undefined && bytes.length > 0) bytes[0] = first;
          const result = decode(bytes);
          assert.ok(result.ok || result.reason.length > 0);
        },
      ),
    );
  });
});
