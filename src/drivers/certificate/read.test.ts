import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { wallTime } from "#base/time";
import type { UnusableReason } from "#core/certificate/held";
import { encodePem } from "#core/certificate/pem";
import { encodeCertificate, encodeToBeSigned } from "#core/certificate/x509";
import { newAuthority, newServing } from "./issue.ts";
import { readSecret } from "./read.ts";

const HOUR = 3_600_000;
const NOW = wallTime(Date.parse("2028-02-29T00:00:00Z"));
const NAMES = ["w.n.svc", "w.n.svc.cluster.local"];
const AUTHORITY = newAuthority(NOW);
const SERVING = newServing({ authority: AUTHORITY, names: NAMES, time: NOW });
const OTHER = newAuthority(NOW);

const RIGHT = {
  "tls.crt": SERVING.certificate,
  "tls.key": SERVING.key,
  "ca.crt": OTHER.certificate + AUTHORITY.certificate,
  "ca.key": AUTHORITY.key,
};

const encoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]));

const secret = (data: unknown, metadata: object = {}): unknown => ({
  kind: "Secret",
  metadata: { resourceVersion: "3", ...metadata },
  data,
});

const contentsOf = (object: unknown) => {
  const { held } = readSecret(object);
  assert.ok(held.type === "present");
  return held.contents;
};

describe("a Secret", () => {
  it("tells who signed what, for which names, until when", () => {
    const contents = contentsOf(secret(encoded(RIGHT)));
    assert.ok(contents.state === "usable");
    assert.equal(contents.signer, 1);
    assert.deepEqual(contents.serving, {
      pem: SERVING.certificate,
      names: NAMES,
      signedBy: 1,
      isOurs: true,
      notBefore: NOW - HOUR,
      notAfter: NOW - HOUR + 365 * 24 * HOUR,
    });
    assert.deepEqual(
      contents.authorities.map(({ pem }) => pem),
      [OTHER.certificate, AUTHORITY.certificate],
    );
  });

  it("keeps its keys apart from what is decided by and told of", () => {
    const { held, contents } = readSecret(secret(encoded(RIGHT)));
    assert.ok(!JSON.stringify(held).includes("PRIVATE"));
    assert.equal(contents?.key, SERVING.key);
    assert.equal(contents?.authorityKey, AUTHORITY.key);
  });

  it("may be absent, or a placeholder", () => {
    assert.deepEqual(readSecret(undefined).held, { type: "absent" });
    for (const data of [
      undefined,
      null,
      {},
      { "tls.crt": "", "tls.key": "" },
      encoded({ "ca.crt": " \n" }),
    ]) {
      assert.deepEqual(contentsOf(secret(data)), { state: "empty" });
    }
  });

  it("has no signer where the authority's key is lost, broken or another's", () => {
    for (const key of ["", "x", newAuthority(NOW).key]) {
      const contents = contentsOf(secret(encoded({ ...RIGHT, "ca.key": key })));
      assert.ok(contents.state === "usable");
      assert.equal(contents.signer, undefined);
      assert.equal(contents.serving.signedBy, 1);
    }
  });

  it("is not signed by an authority that only has the right name", () => {
    const contents = contentsOf(secret(encoded({ ...RIGHT, "ca.crt": OTHER.certificate })));
    assert.ok(contents.state === "usable");
    assert.equal(contents.serving.signedBy, undefined);
  });

  it("is not signed by an authority that copies the name and the key identifier as well", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const ours = createPublicKey(AUTHORITY.certificate).export({ type: "spki", format: "der" });
    const toBeSigned = encodeToBeSigned({
      profile: { type: "authority" },
      serial: new Uint8Array(16).fill(1),
      publicKey: publicKey.export({ type: "spki", format: "der" }),
      keyId: createHash("sha256").update(ours).digest().subarray(0, 20),
      notBefore: wallTime(NOW - HOUR),
      notAfter: wallTime(NOW + HOUR),
    });
    const signature = sign("sha256", toBeSigned, privateKey);
    const forged = encodePem(encodeCertificate({ toBeSigned, signature }));
    assert.ok(new X509Certificate(SERVING.certificate).checkIssued(new X509Certificate(forged)));
    const contents = contentsOf(secret(encoded({ ...RIGHT, "ca.crt": forged })));
    assert.ok(contents.state === "usable");
    assert.equal(contents.serving.signedBy, undefined);
  });

  it("cannot be used for one reason out of a closed list", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
    const cases: readonly (readonly [object, UnusableReason])[] = [
      [{ ...encoded(RIGHT), "tls.crt": "A".repeat(70_000) }, "too-large"],
      [{ ...encoded(RIGHT), "tls.key": "***" }, "not-base64"],
      [encoded({ ...RIGHT, "tls.crt": "garbage" }), "certificate-unreadable"],
      [
        encoded({ ...RIGHT, "tls.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }),
        "certificate-unreadable",
      ],
      [encoded({ ...RIGHT, "tls.key": "garbage" }), "key-unreadable"],
      [encoded({ ...RIGHT, "tls.key": OTHER.key }), "key-of-another-certificate"],
      [
        encoded({ ...RIGHT, "tls.key": rsa.export({ type: "pkcs1", format: "pem" }).toString() }),
        "key-of-another-certificate",
      ],
      [encoded({ ...RIGHT, "ca.crt": "garbage" }), "authority-unreadable"],
    ];
    for (const [data, reason] of cases) {
      const contents = contentsOf(secret(data));
      assert.ok(contents.state === "unusable", reason);
      assert.equal(contents.reason, reason);
      assert.equal(readSecret(secret(data)).contents, undefined);
    }
  });

  it("gives the authorities that can be read although the rest cannot", () => {
    const contents = contentsOf(secret(encoded({ ...RIGHT, "tls.key": "garbage" })));
    assert.ok(contents.state === "unusable");
    assert.equal(contents.authorities.length, 2);
  });

  it("may hold text around its certificates, which goes no further", () => {
    const crt = `# für uns\n${SERVING.certificate}`;
    const { contents } = readSecret(secret(encoded({ ...RIGHT, "tls.crt": crt })));
    assert.equal(contents?.certificate, SERVING.certificate);
  });

  it("tells when the API server stamped it last, where its stamps are there", () => {
    const stamp = (metadata: object) => {
      const { held } = readSecret(secret({}, metadata));
      return held.type === "present" ? held.stampedAt : "absent";
    };
    const creationTimestamp = "2028-01-01T00:00:00Z";
    const managedFields = [
      { time: "2028-01-03T00:00:00Z" },
      { time: "2028-01-02T00:00:00Z" },
      { time: "x" },
      {},
    ];
    assert.equal(stamp({ creationTimestamp, managedFields }), Date.parse("2028-01-03T00:00:00Z"));
    assert.equal(stamp({ creationTimestamp }), undefined);
    assert.equal(stamp({}), undefined);
  });

  it("never throws, whatever bytes and objects it is made of", () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each).toString("base64"));
    const damaged = fc
      .tuple(fc.constantFrom(...Object.values(RIGHT)), fc.nat(2_000), fc.string({ maxLength: 5 }))
      .map(([text, at, insert]) => {
        const place = at % text.length;
        return Buffer.from(text.slice(0, place) + insert + text.slice(place + 1)).toString("base64");
      });
    const value = fc.oneof(bytes, damaged, fc.constantFrom(...Object.values(encoded(RIGHT))), fc.jsonValue());
    const data = fc.record({ "tls.crt": value, "tls.key": value, "ca.crt": value, "ca.key": value });
    fc.assert(
      fc.property(data, (each) => void readSecret(secret(each))),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.jsonValue(), (each) => void readSecret(each)));
  });
});
