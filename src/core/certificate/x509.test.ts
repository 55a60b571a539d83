import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { wallTime } from "#base/time";
import { AUTHORITY_NAME, encodeCertificate, encodeToBeSigned, type Profile } from "./x509.ts";

const DAY = 86_400_000;
const START = Date.parse("2027-03-01T12:00:00Z");
const KEYS = generateKeyPairSync("ec", { namedCurve: "P-256" });
const OTHER_KEYS = generateKeyPairSync("ec", { namedCurve: "P-256" });
const SERIAL = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index);
const KEY_ID = Uint8Array.from({ length: 20 }, (_, index) => index);

const made = (
  profile: Profile,
  overrides: { serial?: Uint8Array; keys?: typeof KEYS; days?: number } = {},
) => {
  const { serial = SERIAL, keys = KEYS, days = 365 } = overrides;
  const toBeSigned = encodeToBeSigned({
    profile,
    serial,
    publicKey: createPublicKey(keys.privateKey).export({ type: "spki", format: "der" }),
    keyId: KEY_ID,
    notBefore: wallTime(START),
    notAfter: wallTime(START + days * DAY),
  });
  const signature = sign("sha256", toBeSigned, KEYS.privateKey);
  return new X509Certificate(encodeCertificate({ toBeSigned, signature }));
};

const SERVING: Profile = {
  type: "serving",
  names: ["a.b.svc", "a.b.svc.cluster.local"],
  authorityKeyId: KEY_ID,
};

describe("an authority", () => {
  const authority = made({ type: "authority" }, { days: 3_652 });

  it("is one, signed by itself", () => {
    assert.ok(authority.ca);
    assert.ok(authority.verify(KEYS.publicKey));
    assert.ok(authority.checkIssued(authority));
    assert.equal(authority.subject, `CN=${AUTHORITY_NAME}`);
    assert.equal(authority.issuer, authority.subject);
  });

  it("has the dates it was given, to the second", () => {
    assert.equal(authority.validFromDate.getTime(), START);
    assert.equal(authority.validToDate.getTime(), START + 3_652 * DAY);
  });
});

describe("a serving certificate", () => {
  const authority = made({ type: "authority" });
  const serving = made(SERVING, { keys: OTHER_KEYS });

  it("is signed by its authority and by nobody else", () => {
    assert.ok(serving.checkIssued(authority));
    assert.ok(serving.verify(KEYS.publicKey));
    assert.ok(!serving.verify(OTHER_KEYS.publicKey));
    assert.ok(!serving.ca);
  });

  it("is for its names and no others", () => {
    assert.equal(serving.subjectAltName, "DNS:a.b.svc, DNS:a.b.svc.cluster.local");
    assert.equal(serving.checkHost("a.b.svc"), "a.b.svc");
    assert.equal(serving.checkHost("c.b.svc"), undefined);
  });

  it("may be for addresses too", () => {
    const names = ["a.b.svc", "192.0.2.1", "2001:db8::1"];
    const certificate = made({ ...SERVING, names });
    assert.equal(certificate.checkIP("192.0.2.1"), "192.0.2.1");
    assert.equal(certificate.checkIP("2001:db8::1"), "2001:db8::1");
    assert.equal(certificate.checkIP("192.0.2.2"), undefined);
    assert.equal(certificate.checkHost("a.b.svc"), "a.b.svc");
  });

  it("is for servers only", () => assert.deepEqual(serving.keyUsage, ["1.3.6.1.5.5.7.3.1"]));

  it("holds the key it was given", () => assert.ok(serving.checkPrivateKey(OTHER_KEYS.privateKey)));

  it("may end after 2050", () => {
    assert.equal(made(SERVING, { days: 12_000 }).validToDate.getTime(), START + 12_000 * DAY);
  });
});

describe("the serial number", () => {
  it("is positive, whatever the dice say (RFC 5280 §4.1.2.2)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 20 }), (serial) => {
        fc.pre(serial.some((byte, index) => (index === 0 ? byte & 0x7f : byte) !== 0));
        const expected = BigInt(
          `0x${toHex(serial.map((byte, index) => (index === 0 ? byte & 0x7f : byte)))}`,
        );
        assert.equal(BigInt(`0x${made(SERVING, { serial }).serialNumber}`), expected);
      }),
      { numRuns: 50 },
    );
  });

  it("is refused when it is zero, too short or too long", () => {
    for (const serial of [new Uint8Array(16), Uint8Array.of(1), new Uint8Array(21).fill(1)]) {
      assert.throws(() => made(SERVING, { serial }), /serial/);
    }
  });
});
