import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { micros, millis, seconds } from "#base/time";
import { readHexDump } from "#testing/golden";
import { DIAGNOSTICS, STATES } from "./constants.ts";
import { type ControlPacket, decode, encode } from "./packet.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));

/** The packet of a dump with some bytes replaced. */
const altered = (name: string, changes: Readonly<Record<number, number>>): Uint8Array => {
  const bytes = golden(name);
  for (const [offset, value] of Object.entries(changes)) bytes[Number(offset)] = value;
  return bytes;
};

const FRR: ControlPacket = {
  state: "up",
  diagnostic: "none",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 4,
  myDiscriminator: 0x2d01_9a5e,
  yourDiscriminator: 0x60c1_3a54,
  desiredMinTxInterval: millis(100),
  requiredMinRxInterval: millis(250),
  requiredMinEchoRxInterval: millis(50),
};
const SLOW = { desiredMinTxInterval: seconds(1), requiredMinRxInterval: seconds(1) };

const CAPTURES: readonly (readonly [name: string, packet: ControlPacket])[] = [
  ["frr-init", { ...FRR, ...SLOW, state: "init" }],
  ["frr-up-poll", { ...FRR, poll: true }],
  ["frr-up-final", { ...FRR, final: true }],
  [
    "frr-down-signalled",
    { ...FRR, ...SLOW, state: "down", diagnostic: "neighbour-signalled-down", yourDiscriminator: 0 },
  ],
  ["frr-admin-down", { ...FRR, state: "admin-down" }],
  [
    "bird-down-expired",
    {
      ...FRR,
      state: "down",
      diagnostic: "detection-time-expired",
      myDiscriminator: 0xc40f_e55e,
      yourDiscriminator: 0,
      desiredMinTxInterval: seconds(1),
      requiredMinEchoRxInterval: micros(0),
    },
  ],
];

/** All captures, those with authentication among them. */
const ALL: readonly string[] = readdirSync(new URL("testdata/", import.meta.url))
  .filter((file) => file.endsWith(".hex"))
  .map((file) => file.slice(0, -".hex".length));

describe("packets of FRR 8.4.4 and BIRD 2.0.12", () => {
  for (const [name, packet] of CAPTURES) {
    it(`decodes ${name} and encodes it again byte for byte (RFC 5880 §4.1)`, () => {
      const bytes = golden(name);
      assert.deepEqual(decode(bytes), { ok: true, value: { packet, authenticated: false, bytes } });
      assert.deepEqual(encode(packet), bytes);
    });
  }
});

describe("decode", () => {
  it("refuses every truncation (RFC 5880 §6.8.6)", () => {
    for (const name of ALL) {
      const bytes = golden(name);
      for (let length = 0; length < bytes.length; length += 1) {
        assert.deepEqual(decode(bytes.subarray(0, length)), { ok: false, reason: "truncated" });
      }
    }
  });

  it("reads what every flipped bit says, or refuses it with a reason", () => {
    const refused = new Set<string>();
    for (const name of ALL) {
      for (let bit = 0; bit < 8 * golden(name).length; bit += 1) {
        const bytes = golden(name);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
        const result = decode(bytes);
        if (!result.ok) refused.add(result.reason);
        // Of a packet with authentication the section is checked by whoever has the secret.
        else if (bytes.length === 24 && result.value.packet.diagnostic !== "unassigned")
          assert.deepEqual(encode(result.value.packet), bytes.subarray(0, 24), `${name}, bit ${bit}`);
      }
    }
    const reasons = ["length", "multiplier-zero", "multipoint", "truncated", "version"];
    assert.deepEqual([...refused].sort(), [...reasons, "your-discriminator-zero"]);
  });

  it("ignores bytes after those that the length field covers", () => {
    const result = decode(Uint8Array.from([...golden("frr-up-poll"), 1, 2, 3]));
    assert.ok(result.ok);
    assert.equal(result.value.bytes.length, 24);
  });

  const refusals = [
    ["version", "version 0", { 0: 0x00 }],
    ["version", "version 2", { 0: 0x40 }],
    ["length", "a length field of 23", { 3: 23 }],
    ["length", "a length field of 25 with authentication", { 1: 0xc4, 3: 25 }],
    ["truncated", "a length field of 25 with 24 bytes", { 3: 25 }],
    ["multiplier-zero", "a multiplier of 0", { 2: 0 }],
    ["multipoint", "the multipoint bit", { 1: 0xc1 }],
    ["my-discriminator-zero", "no discriminator", { 4: 0, 5: 0, 6: 0, 7: 0 }],
    ["your-discriminator-zero", "an Up that names no session", { 8: 0, 9: 0, 10: 0, 11: 0 }],
    ["your-discriminator-zero", "an Init that names no session", { 1: 0x80, 8: 0, 9: 0, 10: 0, 11: 0 }],
  ] as const;
  for (const [reason, what, changes] of refusals) {
    it(`refuses ${what} as ${reason} (RFC 5880 §6.8.6)`, () => {
      assert.deepEqual(decode(altered("frr-up-poll", changes)), { ok: false, reason });
    });
  }

  it("lets Down and AdminDown name no session (RFC 5880 §6.8.6)", () => {
    for (const flags of [0x00, 0x40]) {
      assert.ok(decode(altered("frr-up-poll", { 1: flags, 8: 0, 9: 0, 10: 0, 11: 0 })).ok);
    }
  });

  it("reads a diagnostic that no standard explains as unassigned, and goes on", () => {
    for (let code = 0; code < 32; code += 1) {
      const result = decode(altered("frr-up-poll", { 0: 0x20 | code }));
      assert.ok(result.ok);
      assert.equal(result.value.packet.diagnostic, DIAGNOSTICS[code] ?? "unassigned");
    }
  });

  it("never throws on arbitrary bytes, nor on a packet with bytes changed", () => {
    const changed = fc
      .tuple(fc.constantFrom(...CAPTURES.map(([name]) => name)), fc.nat(23), fc.nat(255))
      .map(([name, offset, value]) => altered(name, { [offset]: value }));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), changed), (bytes) => {
        const result = decode(bytes);
        if (!result.ok) return;
        const { packet } = result.value;
        assert.ok(packet.detectMultiplier > 0 && packet.myDiscriminator > 0);
        assert.ok(result.value.bytes.length <= bytes.length);
      }),
      { numRuns: 5_000 },
    );
  });
});

const word = fc.integer({ min: 0, max: 0xffff_ffff });

const anyPacket: fc.Arbitrary<ControlPacket> = fc.record(
  {
    state: fc.constantFrom(...STATES),
    diagnostic: fc.constantFrom(...DIAGNOSTICS),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    demand: fc.boolean(),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    yourDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    desiredMinTxInterval: word.map(micros),
    requiredMinRxInterval: word.map(micros),
    requiredMinEchoRxInterval: word.map(micros),
  },
  { noNullPrototype: true },
);

describe("encode", () => {
  it("is undone by decode for every packet", () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        const result = decode(encode(packet));
        assert.ok(result.ok);
        assert.deepEqual(result.value.packet, packet);
      }),
    );
  });

  it("asserts that intervals and multiplier fit their fields", () => {
    assert.throws(() => encode({ ...FRR, desiredMinTxInterval: seconds(4_295) }), /does not fit/);
    assert.throws(() => encode({ ...FRR, detectMultiplier: 256 }), /1..255 fits/);
    assert.throws(() => encode({ ...FRR, diagnostic: "unassigned" }), /only assigned/);
  });
});
