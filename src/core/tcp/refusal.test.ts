import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readHexDump } from "#testing/golden";
import { rejectSegment } from "#testing/segments";
import { address } from "#testing/values";
import { decodeRefusal } from "./refusal.ts";
import { encodeSyn } from "./segment.ts";

const IPV4 = {
  ...{ source: address("192.0.2.9"), destination: address("192.0.2.100") },
  ...{ sourcePort: 61_001, destinationPort: 80 },
};
const IPV6 = { ...IPV4, source: address("2001:db8::9"), destination: address("2001:db8::100") };
const SEQUENCE = 0xdead_beef;

const reasonOf = (bytes: Uint8Array): string => {
  const result = decodeRefusal(bytes);
  return result.ok ? "read" : result.reason;
};

const captured = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));

describe("a refusal by ICMP", () => {
  it("is read as captured", () => {
    assert.deepEqual(decodeRefusal(captured("refusal-ipv4")), {
      ok: true,
      value: {
        ...{ source: address("192.0.2.1"), destination: address("192.0.2.100") },
        ...{ sourcePort: 61_002, destinationPort: 83, sequence: 0xedff_04a0 },
      },
    });
    assert.deepEqual(decodeRefusal(captured("refusal-ipv6")), {
      ok: true,
      value: {
        ...{ source: address("2001:db8::1"), destination: address("2001:db8::101") },
        ...{ sourcePort: 61_003, destinationPort: 84, sequence: 0x0ffd_dda2 },
      },
    });
  });

  for (const [family, flow, router] of [
    ["IPv4", IPV4, address("192.0.2.1")],
    ["IPv6", IPV6, address("2001:db8::1")],
  ] as const) {
    const whole = rejectSegment(encodeSyn(flow, SEQUENCE), router);
    const changed = (offset: number, ...bytes: readonly number[]): Uint8Array => {
      const copy = whole.slice();
      copy.set(bytes, offset);
      return copy;
    };
    const header = family === "IPv4" ? 20 : 40;

    it(`says of which segment it speaks, in ${family}`, () => {
      assert.deepEqual(decodeRefusal(whole), { ok: true, value: { ...flow, sequence: SEQUENCE } });
    });

    it(`is not read in part, nor when it is something else, in ${family}`, () => {
      for (let size = 1; size < whole.length; size += 1) {
        assert.equal(reasonOf(whole.subarray(0, size)), "truncated");
      }
      assert.equal(reasonOf(changed(family === "IPv4" ? 9 : 6, 17)), "not-icmp");
      assert.equal(reasonOf(changed(0, 0x55)), "not-icmp");
      assert.equal(reasonOf(changed(header, 11)), "type");
      // What is cited is a datagram of UDP.
      assert.equal(reasonOf(changed(header + 8 + (family === "IPv4" ? 9 : 6), 17)), "citation");
      assert.equal(reasonOf(changed(header + 8, 0x46)), "citation");
    });
  }

  it("is none where smaller packets are asked for, or a fragment speaks", () => {
    assert.equal(reasonOf(rejectSegment(encodeSyn(IPV4, 1), IPV4.source, 4)), "type");
    const whole = rejectSegment(encodeSyn(IPV4, 1), IPV4.source);
    for (const [offset, reason] of [
      [6, "fragment"],
      [34, "citation"],
    ] as const) {
      const copy = whole.slice();
      copy[offset] = 0x20;
      assert.equal(reasonOf(copy), reason);
    }
  });

  it("reads anything without falling over", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom([0x45, 9, 1, 20, 3], [0x60, 6, 58, 40, 1]),
        ([...bytes], [first, at, protocol, typeAt, type]) => {
          const packet = Uint8Array.from(bytes);
          for (const [offset, value] of [
            [0, first],
            [at, protocol],
            [typeAt, type],
          ] as const) {
            if (offset !== undefined && value !== undefined && offset < packet.length) packet[offset] = value;
          }
          const result = decodeRefusal(packet);
          assert.ok(result.ok || result.reason.length > 0);
        },
      ),
    );
  });
});
