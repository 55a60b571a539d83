/**
 * The two certificates that we make (RFC 5280): an authority, and what it signs for a server. ECDSA with SHA-256 only.
 *
 *  Certificate                           TBSCertificate
 *  +---------------------------+         +------------------------------------------+
 *  | tbsCertificate  ----------+-------> | version 3 | serial | signature algorithm |
 *  | signatureAlgorithm        |         | issuer | notBefore, notAfter | subject   |
 *  | signature (of the first)  |         | subjectPublicKeyInfo | extensions        |
 *  +---------------------------+         +------------------------------------------+
 */
import { addressBytes, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import type { WallTime } from "#base/time";
import {
  ascii,
  bitString,
  explicit,
  implicit,
  integer,
  isTrue,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from "./der.ts";

/** The name of every authority that we make. Verifiers tell two of them apart by their key identifiers. */
export const AUTHORITY_NAME = "steelyard webhook authority";
/** The name of the serving certificates; what they are for is in their alternative names. */
const SERVING_NAME = "steelyard webhook";

/** What kind of certificate it is to be. */
export type Profile =
  | { readonly type: "authority" }
  | {
      readonly type: "serving";
      /** DNS names and addresses, at least one. */
      readonly names: readonly string[];
      /** The `keyId` of the authority that signs. */
      readonly authorityKeyId: Uint8Array;
    };

export type CertificateRequest = {
  readonly profile: Profile;
  /** Random, 8 to 20 bytes, not all zero; its first bit is cleared, so that it is positive (RFC 5280 §4.1.2.2). */
  readonly serial: Uint8Array;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  /** Names the key; any digest of it (RFC 5280 §4.2.1.2). */
  readonly keyId: Uint8Array;
  readonly notBefore: WallTime;
  readonly notAfter: WallTime;
};

/** Carries no parameters, not even NULL (RFC 5758 §3.2). */
const ECDSA_WITH_SHA256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

const commonName = (text: string): Uint8Array =>
  sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8String(text))));

const extension = (id: string, value: Uint8Array): Uint8Array =>
  sequence(objectIdentifier(id), octetString(value));
/** A verifier that does not know it must refuse the certificate. */
const critical = (id: string, value: Uint8Array): Uint8Array =>
  sequence(objectIdentifier(id), isTrue(), octetString(value));

const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";

/** Signs certificates of servers, and none of further authorities. */
const AUTHORITY_EXTENSIONS = [
  critical(BASIC_CONSTRAINTS, sequence(isTrue(), integer(Uint8Array.of(0)))),
  // keyCertSign is bit 5.
  critical(KEY_USAGE, bitString(Uint8Array.of(0b0000_0100), 2)),
];

/** A name as it stands among the alternatives (RFC 5280 §4.2.1.6): dNSName is 2, iPAddress is 7. */
const alternativeName = (name: string): Uint8Array => {
  const address = parseAddress(name);
  return address === undefined ? implicit(2, ascii(name)) : implicit(7, addressBytes(address));
};

const servingExtensions = (names: readonly string[], authorityKeyId: Uint8Array): readonly Uint8Array[] => [
  critical(BASIC_CONSTRAINTS, sequence()),
  // digitalSignature is bit 0: all that ECDSA needs in TLS 1.2 and 1.3.
  critical(KEY_USAGE, bitString(Uint8Array.of(0b1000_0000), 7)),
  extension("2.5.29.37", sequence(objectIdentifier("1.3.6.1.5.5.7.3.1"))),
  extension("2.5.29.17", sequence(...names.map(alternativeName))),
  extension("2.5.29.35", sequence(implicit(0, authorityKeyId))),
];

const positive = (serial: Uint8Array): Uint8Array => {
  const number = serial.map((byte, index) => (index === 0 ? byte & 0x7f : byte));
  const isFit = serial.length >= 8 && serial.length <= 20 && number.some((byte) => byte !== 0);
  assert(isFit, "a serial number has 8 to 20 bytes and is not zero", { length: serial.length });
  return number;
};

/** The part of a certificate that its authority signs. */
export const encodeToBeSigned = (request: CertificateRequest): Uint8Array => {
  const { profile, keyId, notBefore, notAfter } = request;
  assert(notBefore < notAfter, "a certificate ends after it begins", { notBefore, notAfter });
  const own =
    profile.type === "authority"
      ? AUTHORITY_EXTENSIONS
      : servingExtensions(profile.names, profile.authorityKeyId);
  const extensions = [...own, extension("2.5.29.14", octetString(keyId))];
  return sequence(
    // Version 3 is written as 2.
    explicit(0, integer(Uint8Array.of(2))),
    integer(positive(request.serial)),
    ECDSA_WITH_SHA256,
    commonName(AUTHORITY_NAME),
    sequence(time(notBefore), time(notAfter)),
    commonName(profile.type === "authority" ? AUTHORITY_NAME : SERVING_NAME),
    request.publicKey,
    explicit(3, sequence(...extensions)),
  );
};

/** The whole certificate; the signature is ECDSA-Sig-Value in DER, as OpenSSL gives it. */
export const encodeCertificate = ({
  toBeSigned,
  signature,
}: {
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
}): Uint8Array => sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature));
