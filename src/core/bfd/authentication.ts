/**
 * Authentication of control packets (RFC 5880 §6.7): whoever does not know the secret can neither begin nor end a session.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+---------------+---------------+
 * |   Auth Type   |   Auth Len    |  Auth Key ID  |  Password...  |  simple password, 1..16 bytes
 * +---------------+---------------+---------------+---------------+
 * |   Auth Type   |   Auth Len    |  Auth Key ID  |   Reserved    |  keyed digests
 * +---------------+---------------+---------------+---------------+
 * |                        Sequence Number                        |
 * +---------------------------------------------------------------+
 * |              Digest: 16 bytes (MD5) or 20 (SHA1)              |
 * +---------------------------------------------------------------+
 * ```
 *
 * The digest covers the whole packet with the secret in the digest's place. The hash functions come from the caller.
 *
 * Sequence numbers keep old packets from being played again, within one run of packets. What they leave open is closed
 * in `session.ts` by a new discriminator whenever a session goes down.
 */
import { assert } from "#base/assert";
import { readU8, readU32, writeU8, writeU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { HEADER_LENGTH } from "./packet.ts";

/** The types in the order of their codes, which begin with 1 (RFC 5880 §4.1). */
export const AUTHENTICATION_TYPES = [
  /** The secret travels in clear: against mistakes only. */
  "simple-password",
  "keyed-md5",
  /** Meticulous: every packet has a new sequence number, so none can be played again. */
  "meticulous-keyed-md5",
  "keyed-sha1",
  "meticulous-keyed-sha1",
] as const;
export type AuthenticationType = (typeof AUTHENTICATION_TYPES)[number];

/** A shared secret. */
export type AuthenticationKey = {
  /** 0..255, the same on both sides. */
  readonly id: number;
  /** 1..16 bytes for passwords and MD5, 1..20 for SHA1. */
  readonly secret: Uint8Array;
};

export type Authentication = {
  readonly type: AuthenticationType;
  /** We send with the first and accept any: to change a secret, add the new one behind, everywhere, then put it first. */
  readonly keys: readonly [AuthenticationKey, ...AuthenticationKey[]];
};

/** The hash of bytes: 16 for MD5, 20 for SHA1. */
export type Digest = (algorithm: "md5" | "sha1", bytes: Uint8Array) => Uint8Array;

/** Why a packet's authentication was refused. Each is also a `reason` label of the drop counter. */
export const AUTHENTICATION_REASONS = [
  "authentication-missing",
  /** It has authentication, and none is configured. */
  "authentication-unexpected",
  "authentication-type",
  "authentication-length",
  /** Its key is not among ours. */
  "authentication-key",
  /** Its sequence number is not among the next: it is old, was played again, or its sender started anew. */
  "authentication-sequence",
  /** Password or digest are wrong. */
  "authentication-digest",
] as const;
/** Why a packet's authentication was refused. */
export type AuthenticationReason = (typeof AUTHENTICATION_REASONS)[number];

const MINIMUM_PASSWORD_SECTION = 4;
const DIGEST_AT = 8;

type Kind = {
  readonly algorithm: "md5" | "sha1";
  readonly digestLength: 16 | 20;
  readonly meticulous: boolean;
};

/** What there is to know of a type with digests; `undefined` for a password. */
const kindOf = (type: AuthenticationType): Kind | undefined => {
  switch (type) {
    case "simple-password":
      return undefined;
    case "keyed-md5":
    case "meticulous-keyed-md5":
      return { algorithm: "md5", digestLength: 16, meticulous: type === "meticulous-keyed-md5" };
    case "keyed-sha1":
    case "meticulous-keyed-sha1":
      return { algorithm: "sha1", digestLength: 20, meticulous: type === "meticulous-keyed-sha1" };
  }
};

const longestSecret = (type: AuthenticationType): number => kindOf(type)?.digestLength ?? 16;

/** What is wrong with keys, each in half a sentence for the operator. Secrets are not shown. */
export const authenticationProblems = ({ type, keys }: Authentication): readonly string[] => {
  const longest = longestSecret(type);
  const problems = keys.flatMap(({ id, secret }) => [
    ...(Number.isInteger(id) && id >= 0 && id <= 255 ? [] : [`key id ${id} is not in 0..255`]),
    ...(secret.length >= 1 && secret.length <= longest
      ? []
      : [`secret of key ${id} has ${secret.length} bytes, ${type} takes 1..${longest}`]),
  ]);
  const ids = new Set(keys.map(({ id }) => id));
  return ids.size === keys.length ? problems : [...problems, "two keys have the same id"];
};

/** Length of the section that a packet of ours has. */
export const sectionLength = ({ type, keys }: Authentication): number => {
  const kind = kindOf(type);
  return kind === undefined ? 3 + keys[0].secret.length : DIGEST_AT + kind.digestLength;
};

/** Compares without telling by time how much was right. */
const areEqual = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index += 1) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
};

/** The digest of a packet: the secret, filled up with zeros, is in its place while it is taken (RFC 5880 §6.7.3). */
const digestOf = (bytes: Uint8Array, secret: Uint8Array, kind: Kind, digest: Digest): Uint8Array => {
  const keyed = bytes.slice();
  keyed.fill(0, HEADER_LENGTH + DIGEST_AT, HEADER_LENGTH + DIGEST_AT + kind.digestLength);
  keyed.set(secret, HEADER_LENGTH + DIGEST_AT);
  const result = digest(kind.algorithm, keyed);
  assert(result.length === kind.digestLength, "a digest of the wrong length", { length: result.length });
  return result;
};

/** Fills in the section behind a packet that `encode` left room in; `sequence` is 0..2^32-1. */
export const seal = (
  bytes: Uint8Array,
  { type, keys }: Authentication,
  { sequence, digest }: { readonly sequence: number; readonly digest: Digest },
): void => {
  const [{ id, secret }] = keys;
  const kind = kindOf(type);
  const length = bytes.length - HEADER_LENGTH;
  writeU8(bytes, HEADER_LENGTH, AUTHENTICATION_TYPES.indexOf(type) + 1);
  writeU8(bytes, HEADER_LENGTH + 1, length);
  writeU8(bytes, HEADER_LENGTH + 2, id);
  if (kind === undefined) {
    bytes.set(secret, HEADER_LENGTH + 3);
    return;
  }
  writeU32(bytes, HEADER_LENGTH + 4, sequence);
  bytes.set(digestOf(bytes, secret, kind, digest), HEADER_LENGTH + DIGEST_AT);
};

/** Whether `sequence` is among the numbers that may follow `last`, in a circle of 2^32 (RFC 5880 §6.7.3). */
const mayFollow = (
  last: number,
  sequence: number,
  { meticulous, window }: { meticulous: boolean; window: number },
) => {
  const ahead = (sequence - last) >>> 0;
  return ahead >= (meticulous ? 1 : 0) && ahead <= window;
};

/** What the peer's packets must satisfy. */
export type Expectation = {
  /** The last sequence number that was accepted; `undefined` means that any will do. */
  readonly lastSequence: number | undefined;
  /** Of the packet; three times as many numbers may have been lost. */
  readonly detectMultiplier: number;
  readonly digest: Digest;
};

const verifyDigest = (
  bytes: Uint8Array,
  { kind, secret }: { readonly kind: Kind; readonly secret: Uint8Array },
  { lastSequence, detectMultiplier, digest }: Expectation,
): Decoded<number, AuthenticationReason> => {
  const sequence = readU32(bytes, HEADER_LENGTH + 4);
  const { meticulous } = kind;
  const window = 3 * detectMultiplier;
  if (lastSequence !== undefined && !mayFollow(lastSequence, sequence, { meticulous, window })) {
    return refused("authentication-sequence");
  }
  const found = bytes.subarray(HEADER_LENGTH + DIGEST_AT);
  return areEqual(found, digestOf(bytes, secret, kind, digest))
    ? decoded(sequence)
    : refused("authentication-digest");
};

/**
 * Checks the section of a packet with the A bit; `bytes` are those that its length field covers. Gives its sequence
 * number, and 0 for a password.
 */
export const verify = (
  bytes: Uint8Array,
  { type, keys }: Authentication,
  expectation: Expectation,
): Decoded<number, AuthenticationReason> => {
  const length = bytes.length - HEADER_LENGTH;
  if (AUTHENTICATION_TYPES[readU8(bytes, HEADER_LENGTH) - 1] !== type) return refused("authentication-type");
  const kind = kindOf(type);
  const fits =
    kind === undefined ? length >= MINIMUM_PASSWORD_SECTION : length === DIGEST_AT + kind.digestLength;
  if (readU8(bytes, HEADER_LENGTH + 1) !== length || !fits) return refused("authentication-length");
  const key = keys.find(({ id }) => id === readU8(bytes, HEADER_LENGTH + 2));
  if (key === undefined) return refused("authentication-key");
  if (kind !== undefined) return verifyDigest(bytes, { kind, secret: key.secret }, expectation);
  return areEqual(bytes.subarray(HEADER_LENGTH + 3), key.secret)
    ? decoded(0)
    : refused("authentication-digest");
};
