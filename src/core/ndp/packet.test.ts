import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, addressFromBytes, type IpAddress, isMulticast, parseAddress } from "#base/address";
import { writeU16 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { type MacAddress, macFromBytes } from "#base/mac";
import { readHexDump } from "#testing/golden";
import { ALL_NODES, groupMac, solicitedNodeGroup, UNSPECIFIED } from "./group.ts";
import {
  decode,
  decodePacket as decodeWhole,
  encode,
  encodePacket,
  type Ipv6Context,
  type NdpMessage,
  unsolicited,
} from "./packet.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));
const advertised = golden("unsolicited");
const detecting = golden("duplicate-address-detection");

const contextOf = (packet: Uint8Array) => ({
  source: addressFromBytes(packet.subarray(8, 24)),
  destination: addressFromBytes(packet.subarray(24, 40)),
  hopLimit: packet[7] ?? 0,
});
const decodePacket = (packet: Uint8Array) => decode(packet.subarray(40), contextOf(packet));

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined);
  return address;
};

/** Gives the message a checksum that fits whatever was changed in it; too short ones have none. */
const resealed = (message: Uint8Array, { source, destination }: Ipv6Context): Uint8Array => {
  if (message.length < 4) return message;
  const whole = message.slice();
  writeU16(whole, 2, 0);
  const length = Uint8Array.of(0, whole.length, 0, 58);
  writeU16(whole, 2, internetChecksum(addressBytes(source), addressBytes(destination), length, whole));
  return whole;
};

const result = (answer: ReturnType<typeof decode>): string | undefined =>
  answer.ok ? undefined : answer.reason;

const byteString = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const mac = byteString(6).map(macFromBytes);
const unicast = byteString(16)
  .map(addressFromBytes)
  .filter((address) => !isMulticast(address) && address !== UNSPECIFIED);
const maybeMac: fc.Arbitrary<MacAddress | undefined> = fc.option(mac, { nil: undefined });
const message: fc.Arbitrary<NdpMessage> = fc.oneof(
  fc.record(
    { type: fc.constant("solicitation" as const), target: unicast, mac: maybeMac },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant("advertisement" as const),
      target: unicast,
      mac: maybeMac,
      router: fc.boolean(),
      solicited: fc.boolean(),
      override: fc.boolean(),
    },
    { noNullPrototype: true },
  ),
);

describe("neighbour discovery messages", () => {
  it("reads a captured unsolicited advertisement", () => {
    assert.deepEqual(decodePacket(advertised), {
      ok: true,
      value: {
        type: "advertisement",
        target: "2001:db8::10",
        mac: "02:00:00:00:00:0a",
        router: false,
        solicited: false,
        override: true,
      },
    });
  });

  it("reads the kernel's Duplicate Address Detection, which carries an option of RFC 7527 besides", () => {
    assert.deepEqual(decodePacket(detecting), {
      ok: true,
      value: { type: "solicitation", target: "2001:db8::dad", mac: undefined },
    });
  });

  it("re-encodes a captured advertisement byte for byte, IPv6 header included", () => {
    const result = decodePacket(advertised);
    assert.ok(result.ok);
    assert.deepEqual(encodePacket(result.value, contextOf(advertised)), advertised);
  });

  it("rejects every truncation", () => {
    const whole = advertised.subarray(40);
    const context = contextOf(advertised);
    for (let length = 0; length < whole.length; length += 1) {
      const reason = length < 24 ? "truncated" : length === 24 ? undefined : "option-length";
      assert.equal(result(decode(resealed(whole.subarray(0, length), context), context)), reason);
    }
  });

  it("rejects what crossed a router (RFC 4861 §7.1)", () => {
    for (const hopLimit of [0, 64, 254]) {
      const refusal = decode(advertised.subarray(40), { ...contextOf(advertised), hopLimit });
      assert.deepEqual(refusal, { ok: false, reason: "hop-limit" });
    }
  });

  it("rejects a message whose bytes or addresses were changed on the way", () => {
    const context = contextOf(advertised);
    for (let offset = 0; offset < 32; offset += 1) {
      const changed = advertised.slice(40);
      changed[offset] = (changed[offset] ?? 0) ^ 1;
      assert.equal(result(decode(changed, context)), "checksum");
    }
    assert.equal(
      result(decode(advertised.subarray(40), { ...context, source: ip("2001:db8::11") })),
      "checksum",
    );
  });

  it("rejects what breaks a rule of RFC 4861 §7.1.1 and §7.1.2", () => {
    const context = { source: ip("fe80::1"), destination: ALL_NODES, hopLimit: 255 };
    const base = advertised.subarray(40);
    const target = ip("2001:db8::10");
    const cases: readonly (readonly [string, number, number, Ipv6Context])[] = [
      ["type", 0, 134, context],
      ["code", 1, 1, context],
      ["target-multicast", 8, 0xff, context],
      ["option-length", 25, 0, context],
      ["option-length", 25, 2, context],
      ["solicited-multicast", 4, 0x40, context],
    ];
    for (const [reason, offset, value, { source, destination }] of cases) {
      const changed = base.slice();
      changed[offset] = value;
      assert.equal(result(decode(resealed(changed, { source, destination }), context)), reason);
    }
    const solicitation: NdpMessage = { type: "solicitation", target, mac: undefined };
    const fromNobody = { source: UNSPECIFIED, destination: ALL_NODES };
    assert.equal(
      result(decode(encode(solicitation, fromNobody), { ...fromNobody, hopLimit: 255 })),
      "unspecified-source",
    );
    const named: NdpMessage = { ...solicitation, mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 1)) };
    const detects = { source: UNSPECIFIED, destination: solicitedNodeGroup(target) };
    assert.equal(result(decode(encode(named, detects), { ...detects, hopLimit: 255 })), "unspecified-source");
  });

  it("ignores unknown options and link-layer addresses of another length (RFC 4861 §4.6)", () => {
    const context = contextOf(advertised);
    const long = new Uint8Array(24 + 16 + 8);
    long.set(advertised.subarray(40, 64));
    long.set([253, 1, 1, 2, 3, 4, 5, 6], 24);
    long.set([2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], 32);
    const value = decode(resealed(long, context), context);
    assert.ok(value.ok);
    assert.equal(value.value.mac, undefined);
  });

  it("believes the first of two options of the same type", () => {
    const context = contextOf(advertised);
    const twice = new Uint8Array(40);
    twice.set(advertised.subarray(40));
    twice.set([2, 1, 2, 0, 0, 0, 0, 0x99], 32);
    const value = decode(resealed(twice, context), context);
    assert.ok(value.ok);
    assert.equal(value.value.mac, "02:00:00:00:00:0a");
  });

  it("reads back whatever it writes", () => {
    fc.assert(
      fc.property(message, unicast, unicast, (value, source, destination) => {
        const context = { source, destination };
        assert.deepEqual(decode(encode(value, context), { ...context, hopLimit: 255 }), { ok: true, value });
      }),
    );
  });

  it("never throws on arbitrary bytes, also where the checksum is right", () => {
    const context = contextOf(advertised);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), fc.constantFrom(135, 136), (noise, type) => {
        decode(noise, context);
        const typed = noise.slice();
        typed.set([type, 0].slice(0, typed.length));
        decode(resealed(typed, context), context);
      }),
      { numRuns: 500 },
    );
  });
});

describe("IPv6 packets around the messages", () => {
  it("are read with their addresses, and what Ethernet padded is ignored", () => {
    const padded = new Uint8Array(advertised.length + 6).fill(0xaa);
    padded.set(advertised);
    const { hopLimit, ...context } = contextOf(advertised);
    const message = decodePacket(advertised);
    assert.equal(hopLimit, 255);
    assert.ok(message.ok);
    assert.deepEqual(decodeWhole(padded), { ok: true, value: { message: message.value, context } });
  });

  it("are refused in every truncation", () => {
    for (let length = 0; length < advertised.length; length += 1) {
      assert.deepEqual(decodeWhole(advertised.subarray(0, length)), { ok: false, reason: "truncated" });
    }
  });

  it("are refused when they are of another version, carry something else first, or crossed a router", () => {
    for (const [offset, value, reason] of [
      [0, 0x45, "type"],
      [6, 0, "type"],
      [6, 44, "type"],
      [7, 64, "hop-limit"],
      [8, 0xfe, "checksum"],
    ] as const) {
      const changed = advertised.slice();
      changed[offset] = value;
      assert.deepEqual(decodeWhole(changed), { ok: false, reason });
    }
  });

  it("never throw, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(71), fc.nat(255), (noise, offset, byte) => {
        decodeWhole(noise);
        const changed = advertised.slice();
        changed[offset] = byte;
        decodeWhole(changed);
      }),
    );
  });

  it("are read back as they were written", () => {
    fc.assert(
      fc.property(message, unicast, unicast, (value, source, destination) => {
        const context = { source, destination };
        assert.deepEqual(decodeWhole(encodePacket(value, context)), {
          ok: true,
          value: { message: value, context },
        });
      }),
    );
  });
});

describe("unsolicited advertisements", () => {
  it("come from the address itself, go to all nodes and override (RFC 4861 §7.2.6)", () => {
    const address = ip("2001:db8::10");
    const { message: announced, context } = unsolicited({
      mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0a)),
      address,
      router: false,
    });
    assert.deepEqual(encodePacket(announced, context), advertised);
  });
});

describe("groups", () => {
  it("maps addresses to solicited-node groups and groups to Ethernet (RFC 4291 §2.7.1, RFC 2464 §7)", () => {
    assert.equal(solicitedNodeGroup(ip("4037::1:800:200e:8c6c")), "ff02::1:ff0e:8c6c");
    assert.equal(groupMac(ALL_NODES), "33:33:00:00:00:01");
    assert.equal(groupMac(ip("ff02::1:ff0e:8c6c")), "33:33:ff:0e:8c:6c");
  });
});
