import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes, type Ipv4Address, isIpv4 } from "#base/address";
import { concatBytes } from "#base/bytes";
import { macFromBytes } from "#base/mac";
import { readHexDump } from "#testing/golden";
import { type ArpPacket, decode, encode, gratuitous, isProbe, probe, replyTo } from "./packet.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));
const captured = golden("gratuitous");

const byteString = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const mac = byteString(6).map(macFromBytes);
const address = byteString(4)
  .map(addressFromBytes)
  .filter((value): value is Ipv4Address => isIpv4(value));
const packet: fc.Arbitrary<ArpPacket> = fc.record(
  {
    operation: fc.constantFrom("request", "reply"),
    senderMac: mac,
    senderAddress: address,
    targetMac: mac,
    targetAddress: address,
  },
  { noNullPrototype: true },
);

const broken = (offset: number, ...bytes: readonly number[]): Uint8Array => {
  const copy = captured.slice();
  copy.set(bytes, offset);
  return copy;
};

describe("ARP packets", () => {
  it("reads a captured gratuitous request", () => {
    assert.deepEqual(decode(captured), {
      ok: true,
      value: {
        operation: "request",
        senderMac: "02:00:00:00:00:0a",
        senderAddress: "192.0.2.10",
        targetMac: "ff:ff:ff:ff:ff:ff",
        targetAddress: "192.0.2.10",
      },
    });
  });

  it("re-encodes a captured packet byte for byte", () => {
    const result = decode(captured);
    assert.ok(result.ok);
    assert.deepEqual(encode(result.value), captured);
  });

  it("ignores the padding of short Ethernet frames", () => {
    assert.deepEqual(decode(concatBytes(captured, new Uint8Array(18))), decode(captured));
  });

  it("rejects every truncation", () => {
    for (let length = 0; length < captured.length; length += 1) {
      assert.deepEqual(decode(captured.subarray(0, length)), { ok: false, reason: "truncated" });
    }
  });

  it("rejects other hardware, other protocols, other lengths and other operations", () => {
    const cases: readonly (readonly [Uint8Array, string])[] = [
      [broken(0, 0, 6), "not-ethernet-ipv4"],
      [broken(2, 0x86, 0xdd), "not-ethernet-ipv4"],
      [broken(4, 8), "not-ethernet-ipv4"],
      [broken(5, 16), "not-ethernet-ipv4"],
      [broken(6, 0, 0), "operation"],
      [broken(6, 0, 3), "operation"],
      [broken(6, 1, 1), "operation"],
    ];
    for (const [bytes, reason] of cases) assert.deepEqual(decode(bytes), { ok: false, reason });
  });

  it("reads back whatever it writes", () => {
    fc.assert(fc.property(packet, (value) => assert.deepEqual(decode(encode(value)), { ok: true, value })));
  });

  it("never throws on arbitrary bytes, and what it accepts it writes the same", () => {
    const nearlyRight = fc.tuple(fc.nat(27), fc.nat(255)).map(([offset, byte]) => broken(offset, byte));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), nearlyRight), (bytes) => {
        const result = decode(bytes);
        if (result.ok) assert.deepEqual(encode(result.value), bytes.slice(0, 28));
      }),
    );
  });
});

describe("gratuitous ARP", () => {
  it("names the address as sender and target, in both forms (RFC 5227 §2.3, RFC 5944 §4.6)", () => {
    fc.assert(
      fc.property(mac, address, (senderMac, senderAddress) => {
        const request = gratuitous("request", { mac: senderMac, address: senderAddress });
        const reply = gratuitous("reply", { mac: senderMac, address: senderAddress });
        assert.deepEqual(request, {
          operation: "request",
          senderMac,
          senderAddress,
          targetMac: "00:00:00:00:00:00",
          targetAddress: senderAddress,
        });
        assert.deepEqual(reply, { ...request, operation: "reply", targetMac: senderMac });
      }),
    );
  });
});

describe("an answer", () => {
  it("to a captured request is the kernel's own, byte for byte (RFC 826)", () => {
    const request = decode(golden("request"));
    assert.ok(request.ok);
    const answer = replyTo(request.value, macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0a)));
    assert.deepEqual(encode(answer), golden("reply"));
  });

  it("to a probe names no address of the asker's, who has none yet (RFC 5227 §2.1.1)", () => {
    fc.assert(
      fc.property(mac, mac, address, (asker, owner, wanted) => {
        const answer = replyTo(probe(wanted, asker), owner);
        assert.deepEqual([answer.senderAddress, answer.targetAddress], [wanted, "0.0.0.0"]);
        assert.deepEqual([answer.senderMac, answer.targetMac], [owner, asker]);
      }),
    );
  });
});

describe("a probe", () => {
  it("has no sender's address, so that nobody learns from it (RFC 5227 §2.1.1)", () => {
    fc.assert(
      fc.property(mac, address, (asker, wanted) => {
        const packet = probe(wanted, asker);
        assert.deepEqual(packet, {
          operation: "request",
          senderMac: asker,
          senderAddress: "0.0.0.0",
          targetMac: "00:00:00:00:00:00",
          targetAddress: wanted,
        });
        assert.ok(isProbe(packet));
        assert.ok(!isProbe({ ...packet, operation: "reply" }));
      }),
    );
  });

  it("is no announcement", () => {
    const result = decode(captured);
    assert.ok(result.ok && !isProbe(result.value));
  });
});
