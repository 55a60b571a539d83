import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, addressFromBytes, type IpFamily } from "#base/address";
import { concatBytes, toHex } from "#base/bytes";
import { millis, seconds } from "#base/time";
import { readHexDump } from "#testing/golden";
import { address, vrid } from "#testing/values";
import type { ChecksumCoverage } from "./config.ts";
import { multicastGroup } from "./constants.ts";
import { type Advertisement, type DecodedAdvertisement, decode, encode, peekVrid } from "./packet.ts";

const V4 = {
  family: "IPv4",
  source: address("192.0.2.1"),
  destination: address("224.0.0.18"),
  hopLimit: 255,
} as const;
const V6 = {
  family: "IPv6",
  source: address("fe80::ac30:9fff:fee8:84b5"),
  destination: address("ff02::12"),
  hopLimit: 255,
} as const;

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));

/** The packet of a dump with some bytes replaced. */
const altered = (name: string, changes: Readonly<Record<number, number>>): Uint8Array => {
  const bytes = golden(name);
  for (const [offset, value] of Object.entries(changes)) bytes[Number(offset)] = value;
  return bytes;
};

const CAPTURES = [
  {
    name: "v3-ipv4-multicast",
    context: V4,
    checksum: "pseudo-header",
    value: { version: 3, vrid: vrid(31), priority: 150, addresses: [address("192.0.2.13")] },
  },
  {
    name: "v3-ipv4-multicast-leaving",
    context: V4,
    checksum: "pseudo-header",
    value: { version: 3, vrid: vrid(31), priority: 0, addresses: [address("192.0.2.13")] },
  },
  {
    name: "v3-ipv4-unicast",
    context: { ...V4, destination: address("192.0.2.2") },
    checksum: "pseudo-header",
    value: { version: 3, vrid: vrid(32), priority: 150, addresses: [address("192.0.2.14")] },
  },
  {
    name: "v3-ipv6-multicast",
    context: V6,
    checksum: "pseudo-header",
    value: {
      version: 3,
      vrid: vrid(61),
      priority: 150,
      addresses: [address("fe80::10"), address("2001:db8::10")],
    },
  },
  {
    name: "v3-ipv6-unicast",
    context: {
      ...V6,
      source: address("2001:db8::1"),
      destination: address("2001:db8::2"),
      hopLimit: 64,
    },
    checksum: "pseudo-header",
    value: { version: 3, vrid: vrid(62), priority: 150, addresses: [address("fe80::11")] },
  },
  {
    name: "v2-multicast",
    context: V4,
    checksum: "message",
    value: {
      version: 2,
      vrid: vrid(21),
      priority: 150,
      addresses: [address("192.0.2.10"), address("192.0.2.11")],
      authentication: { type: "none" },
    },
  },
  {
    name: "v2-password",
    context: V4,
    checksum: "message",
    value: {
      version: 2,
      vrid: vrid(22),
      priority: 150,
      addresses: [address("192.0.2.12")],
      authentication: { type: "simple", password: "s3cret" },
    },
  },
] as const;

const advertisementOf = ({ value }: (typeof CAPTURES)[number]): Advertisement =>
  value.version === 3
    ? { ...value, advertisementInterval: millis(200) }
    : { ...value, advertisementInterval: seconds(1) };

/** What is in a packet, its addresses read. */
const readIn = (...given: Parameters<typeof decode>): DecodedAdvertisement => {
  const result = decode(...given);
  assert.ok(result.ok, JSON.stringify(result));
  return { ...result.value, advertisement: { ...result.value.advertisement } };
};

describe("packets of keepalived 2.2.7", () => {
  for (const capture of CAPTURES) {
    it(`decodes ${capture.name}, with its checksum over the ${capture.checksum}`, () => {
      const bytes = golden(capture.name);
      assert.deepEqual(readIn(bytes, capture.context), {
        ...{ advertisement: advertisementOf(capture), checksum: capture.checksum },
        addressBytes: concatBytes(...advertisementOf(capture).addresses.map(addressBytes)),
      });
    });
    it(`encodes ${capture.name} byte for byte`, () => {
      const bytes = encode(advertisementOf(capture), { ...capture.context, checksum: capture.checksum });
      assert.equal(toHex(bytes), toHex(golden(capture.name)));
    });
    it(`refuses every truncation of ${capture.name}`, () => {
      const bytes = golden(capture.name);
      for (let length = 0; length < bytes.length; length += 1) {
        const result = decode(bytes.subarray(0, length), capture.context);
        assert.deepEqual(result, { ok: false, reason: "truncated" }, `first ${length} bytes`);
      }
    });
  }
});

describe("decode", () => {
  it("accepts a version 3 IPv4 checksum over the message alone (RFC 9568 §5.2.8)", () => {
    const advertisement: Advertisement = {
      version: 3,
      vrid: vrid(7),
      priority: 1,
      advertisementInterval: millis(10),
      addresses: [address("192.0.2.10")],
    };
    const bytes = encode(advertisement, { ...V4, checksum: "message" });
    assert.equal(toHex(bytes), "3107010100010bec" + "c000020a");
    const { advertisement: read, checksum } = readIn(bytes, V4);
    assert.deepEqual([read, checksum], [advertisement, "message"]);
  });

  it("ignores the reserved bits before the interval (RFC 9568 §5.2.6)", () => {
    // Bit 0x80 goes from the reserved nibble and comes back in the checksum, which stays right.
    const bytes = altered("v3-ipv4-multicast", { 4: 0x80, 6: 0x54 });
    const result = decode(bytes, V4);
    assert.ok(result.ok);
    assert.equal(result.value.advertisement.advertisementInterval, millis(200));
  });

  const refusals = [
    ["hop-limit", "TTL 254 by multicast", golden("v3-ipv4-multicast"), { ...V4, hopLimit: 254 }],
    [
      "hop-limit",
      "TTL 254 by IPv4 unicast",
      golden("v3-ipv4-unicast"),
      { ...V4, destination: address("192.0.2.2"), hopLimit: 254 },
    ],
    ["hop-limit", "Hop Limit 64 by IPv6 multicast", golden("v3-ipv6-multicast"), { ...V6, hopLimit: 64 }],
    ["version", "version 4", altered("v3-ipv4-multicast", { 0: 0x41 }), V4],
    ["version", "version 2 over IPv6", altered("v3-ipv6-multicast", { 0: 0x21 }), V6],
    ["type", "type 2", altered("v3-ipv4-multicast", { 0: 0x32 }), V4],
    ["vrid-zero", "VRID 0", altered("v3-ipv4-multicast", { 1: 0 }), V4],
    ["address-count-zero", "no address", altered("v3-ipv4-multicast", { 3: 0 }), V4],
    ["trailing-bytes", "a byte too many", Uint8Array.from([...golden("v3-ipv4-multicast"), 0]), V4],
    ["checksum", "a changed priority", altered("v3-ipv4-multicast", { 2: 151 }), V4],
    [
      "checksum",
      "another source than the pseudo-header's",
      golden("v3-ipv4-multicast"),
      { ...V4, source: address("192.0.2.3") },
    ],
    ["checksum", "version 2 with a pseudo-header", altered("v2-multicast", { 6: 0x22, 7: 0x34 }), V4],
    ["interval-zero", "interval 0", altered("v3-ipv4-multicast", { 4: 0, 5: 0, 7: 0x40 }), V4],
    ["auth-type", "authentication type 2", altered("v2-password", { 4: 2, 6: 0x48 }), V4],
  ] as const;
  for (const [reason, what, bytes, context] of refusals) {
    it(`refuses ${what} as ${reason} (RFC 9568 §7.1)`, () => {
      assert.deepEqual(decode(bytes, context), { ok: false, reason });
    });
  }

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, ipv6) => {
        decode(bytes, ipv6 ? V6 : V4);
        peekVrid(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses a packet with any one bit flipped", () => {
    for (const capture of CAPTURES) {
      const original = golden(capture.name);
      for (let bit = 0; bit < original.length * 8; bit += 1) {
        const bytes = Uint8Array.from(original);
        bytes[bit >> 3] = (original[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(decode(bytes, capture.context).ok, false, `${capture.name} bit ${bit}`);
      }
    }
  });
});

/** Objects as literals make them, so that `deepEqual` compares values only. */
const PLAIN = { noNullPrototype: true } as const;

const anyAdvertisement = (family: IpFamily): fc.Arbitrary<Advertisement> => {
  const size = family === "IPv4" ? 4 : 16;
  const common = {
    vrid: fc.integer({ min: 1, max: 255 }).map(vrid),
    priority: fc.integer({ min: 0, max: 255 }),
    addresses: fc.array(fc.uint8Array({ minLength: size, maxLength: size }).map(addressFromBytes), {
      minLength: 1,
      maxLength: 255,
    }),
  };
  const version3 = fc.record(
    {
      version: fc.constant(3 as const),
      advertisementInterval: fc.integer({ min: 1, max: 4_095 }).map((n) => millis(10 * n)),
      ...common,
    },
    PLAIN,
  );
  if (family === "IPv6") return version3;
  const password = fc
    .array(fc.integer({ min: 1, max: 255 }), { maxLength: 8 })
    .map((codes) => String.fromCharCode(...codes));
  const version2 = fc.record(
    {
      version: fc.constant(2 as const),
      advertisementInterval: fc.integer({ min: 1, max: 255 }).map(seconds),
      authentication: fc.oneof(
        fc.constant({ type: "none" as const }),
        password.map((text) => ({ type: "simple" as const, password: text })),
      ),
      ...common,
    },
    PLAIN,
  );
  return fc.oneof(version2, version3);
};

describe("encode", () => {
  for (const family of ["IPv4", "IPv6"] as const) {
    it(`is undone by decode for every ${family} advertisement and coverage`, () => {
      const context = family === "IPv4" ? V4 : V6;
      const coverage = fc.constantFrom<ChecksumCoverage>("message", "pseudo-header");
      fc.assert(
        fc.property(anyAdvertisement(family), coverage, (advertisement, checksum) => {
          const result = decode(encode(advertisement, { ...context, checksum }), context);
          assert.ok(result.ok);
          assert.deepEqual(result.value.advertisement, advertisement);
          const one =
            advertisement.version === 2 ? "message" : family === "IPv6" ? "pseudo-header" : checksum;
          assert.equal(result.value.checksum, one);
        }),
      );
    });
  }

  it("asserts that the interval fits the field (RFC 9568 §5.2.7)", () => {
    const base = { version: 3, vrid: vrid(1), priority: 1, addresses: [address("192.0.2.1")] } as const;
    for (const interval of [millis(0), millis(5), millis(40_960)]) {
      const advertisement = { ...base, advertisementInterval: interval };
      assert.throws(() => encode(advertisement, { ...V4, checksum: "message" }), /interval does not fit/);
    }
  });
});

describe("peekVrid", () => {
  it("finds the router of a packet that is wrong otherwise", () => {
    assert.equal(peekVrid(Uint8Array.of(0xff, 51)), 51);
    assert.equal(peekVrid(Uint8Array.of(0x31)), undefined);
    assert.equal(peekVrid(Uint8Array.of(0x31, 0)), undefined);
  });
});

it("sends to 224.0.0.18 and ff02::12 (RFC 9568 §5.1.1.2, §5.1.2.2)", () => {
  assert.equal(multicastGroup("IPv4"), "224.0.0.18");
  assert.equal(multicastGroup("IPv6"), "ff02::12");
});
