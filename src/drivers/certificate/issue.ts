/** Makes keys and certificates. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { assert } from "#base/assert";
import { type WallTime, wallTime } from "#base/time";
import { BACKDATING } from "#core/certificate/held";
import { encodePem } from "#core/certificate/pem";
import type { CertificateChange } from "#core/certificate/plan";
import type { SecretContents } from "#core/certificate/secret";
import { encodeCertificate, encodeToBeSigned, type Profile } from "#core/certificate/x509";

const DAY = 86_400_000;
const AUTHORITY_LIFE = 3_652 * DAY;
const SERVING_LIFE = 365 * DAY;
/** Of 20 that are allowed (RFC 5280 §4.1.2.2): enough that no two are the same. */
const SERIAL_BYTES = 16;

/** A certificate and the key that it is for, as PEM. */
type Pair = { readonly certificate: string; readonly key: string };

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

const publicBytes = (key: KeyObject): Buffer => createPublicKey(key).export({ type: "spki", format: "der" });

/** The first 160 bits of SHA-256 over the public key (RFC 7093 §2, method 1, over the whole SubjectPublicKeyInfo). */
const keyIdOf = (key: KeyObject): Uint8Array =>
  createHash("sha256").update(publicBytes(key)).digest().subarray(0, 20);

type Issue = {
  readonly profile: Profile;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly notBefore: WallTime;
  readonly notAfter: WallTime;
};

const issue = ({ profile, key, signer, notBefore, notAfter }: Issue): Pair => {
  const toBeSigned = encodeToBeSigned({
    profile,
    serial: randomBytes(SERIAL_BYTES),
    publicKey: publicBytes(key),
    keyId: keyIdOf(key),
    notBefore,
    notAfter,
  });
  const signature = sign("sha256", toBeSigned, { key: signer, dsaEncoding: "der" });
  return {
    certificate: encodePem(encodeCertificate({ toBeSigned, signature })),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
};

/** A new authority, valid from an hour before `time` on. */
export const newAuthority = (time: WallTime): Pair => {
  const key = newKey();
  const notBefore = wallTime(time - BACKDATING);
  const notAfter = wallTime(notBefore + AUTHORITY_LIFE);
  return issue({ profile: { type: "authority" }, key, signer: key, notBefore, notAfter });
};

/** A new serving certificate for these DNS names and addresses. It does not outlive its authority. */
export const newServing = ({
  authority,
  names,
  time,
}: {
  readonly authority: Pair;
  readonly names: readonly string[];
  readonly time: WallTime;
}): Pair => {
  const signer = createPrivateKey(authority.key);
  const ends = new X509Certificate(authority.certificate).validToDate.getTime();
  const notBefore = wallTime(time - BACKDATING);
  return issue({
    profile: { type: "serving", names, authorityKeyId: keyIdOf(signer) },
    key: newKey(),
    signer,
    notBefore,
    notAfter: wallTime(Math.min(notBefore + SERVING_LIFE, ends)),
  });
};

export type CarryOut = {
  readonly change: CertificateChange;
  /** What the Secret holds; `undefined` if nothing of it can be used. */
  readonly held: SecretContents | undefined;
  readonly names: readonly string[];
  /** As the plan has it. */
  readonly time: WallTime;
};

/** What the Secret must hold after a change that was planned. */
export const carryOut = ({ change, held, names, time }: CarryOut): SecretContents => {
  if (change.type === "create") {
    const authority = newAuthority(time);
    const serving = newServing({ authority, names, time });
    const authorities = [authority.certificate, ...change.keep];
    return { ...serving, authorities, authorityKey: authority.key };
  }
  assert(held !== undefined, "a change of what cannot be read was planned", { change: change.type });
  switch (change.type) {
    case "add-authority": {
      const authority = newAuthority(time);
      return {
        ...held,
        authorities: [authority.certificate, ...change.keep],
        authorityKey: authority.key,
      };
    }
    case "issue": {
      const { authorityKey } = held;
      assert(authorityKey !== undefined, "a certificate was planned without a key to sign it", {});
      const authority = { certificate: change.signer, key: authorityKey };
      return { ...held, ...newServing({ authority, names, time }), authorities: change.keep };
    }
    default:
      return { ...held, authorities: change.keep };
  }
};
