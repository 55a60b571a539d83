import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { instant, millis, seconds } from "#base/time";
import { address } from "#testing/values";
import { type Estate, estateText, LONGEST_ESTATE, readEstate } from "./legacy-words.ts";

const BOOT = "00000000-0000-4000-8000-000000000001";
const ESTATE: Estate = {
  until: instant(120_000_000),
  bootId: BOOT,
  sessions: [
    {
      ...{ localAddress: address("192.0.2.1"), peer: address("192.0.2.2"), linkIndex: 2, vrf: undefined },
      legacy: {
        localDiscriminator: 0xffff_ffff,
        advertised: { desiredMinTxInterval: seconds(40), requiredMinRxInterval: millis(100) },
        remote: {
          ...{ discriminator: 1, desiredMinTxInterval: millis(100), requiredMinRxInterval: millis(0) },
          detectMultiplier: 3,
        },
      },
    },
    {
      ...{ localAddress: address("fe80::1"), peer: address("fe80::2"), linkIndex: undefined, vrf: "blue" },
      legacy: {
        localDiscriminator: 7,
        advertised: { desiredMinTxInterval: seconds(40), requiredMinRxInterval: millis(100) },
        remote: {
          ...{ discriminator: 8, desiredMinTxInterval: millis(50), requiredMinRxInterval: millis(50) },
          detectMultiplier: 255,
        },
      },
    },
  ],
};

describe("what is left of BFD on disk", () => {
  const text = estateText(ESTATE);

  it("comes back as it was written", () => {
    assert.deepEqual(readEstate(text, BOOT), ESTATE);
  });

  it("is of no use after the machine has been started again, cut off, of another version, or too long", () => {
    assert.equal(readEstate(text, "00000000-0000-4000-8000-000000000002"), undefined);
    assert.equal(readEstate(text.replace('"version":1', '"version":2'), BOOT), undefined);
    assert.equal(readEstate(`${" ".repeat(LONGEST_ESTATE)}${text}`, BOOT), undefined);
    for (let length = 0; length < text.length - 1; length += 1)
      assert.equal(readEstate(text.slice(0, length), BOOT), undefined);
  });

  it("loses sessions with a field that cannot be, and no others", () => {
    for (const [field, wrong] of [
      ['"localDiscriminator":4294967295', '"localDiscriminator":0'],
      ['"discriminator":1,', '"discriminator":4294967296,'],
      ['"desiredMinTxInterval":40000000', '"desiredMinTxInterval":0'],
      ['"detectMultiplier":3', '"detectMultiplier":0'],
      ['"peer":"192.0.2.2"', '"peer":"router"'],
      ['"linkIndex":2', '"linkIndex":0'],
    ] as const) {
      assert.ok(text.includes(field), field);
      const read = readEstate(text.replace(field, wrong), BOOT);
      assert.deepEqual(
        read?.sessions.map(({ vrf }) => vrf),
        ["blue"],
        wrong,
      );
    }
    assert.equal(
      readEstate(text.replace('"vrf":"blue"', '"vrf":"a-name-that-is-too-long"'), BOOT)?.sessions.length,
      1,
    );
  });

  it("never throws, whatever is there", () => {
    fc.assert(fc.property(fc.json(), (json) => void readEstate(json, BOOT)));
    fc.assert(fc.property(fc.string(), (any) => void readEstate(any, BOOT)));
  });
});
