/**
 * Datagrams that nobody else can make, and that are good for some seconds only: sealed with a secret of both edges.
 *
 * ```
 * +--------------------------+------------+-----------+--------------------------------------+
 * | a datagram, version 0x81 | nonce (8)  | echo (8)  | tag (32): HMAC-SHA-256 of all before |
 * +--------------------------+------------+-----------+--------------------------------------+
 * ```
 *
 * `nonce` is a random number of the sender, another one each second; `echo` is the one that it has heard last. What
 * echoes no nonce that we have sent within `WINDOW` was recorded earlier, was meant for somebody else, or is our own
 * that came back. Within the window a datagram with pins counts once, by its number. A session that ends would leave
 * its last datagrams good for as long: so what begins another one must echo a nonce from after the last that began.
 *
 * An edge that has heard no good datagram for a while believes the nonce of any that has the right tag, and echoes that:
 * so two that have just started find each other, and whoever replays old ones wins nothing but their time.
 */
import { concatBytes, readU8, readU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { after, between, type Duration, type Instant, seconds } from "#base/time";
import { LONGEST_DATAGRAM } from "./packet.ts";

const VERSION_AT = 4;
const PLAIN = 1;
const SEALED = 0x81;
const SESSION_AT = 8;
const SHORTEST = 16;
const NONCE_LENGTH = 8;
const TAG_LENGTH = 32;
const TRAILER = 2 * NONCE_LENGTH + TAG_LENGTH;

/** How often our nonce changes. */
const TURN: Duration = seconds(1);
/** How long what echoes a nonce of ours is good. */
const WINDOW: Duration = seconds(8);
/** How long nothing good must have been heard before a nonce is believed that comes without a good echo. */
const DEAF: Duration = seconds(3);

/** Why a datagram was not opened. */
export type UnsealReason =
  | "truncated"
  | "too-long"
  /** Nobody has sealed it. */
  | "unsealed"
  /** Its tag is not ours: another secret, or forged. */
  | "forged"
  /** It echoes no nonce that we have sent lately. */
  | "stale";

export type Seal = {
  /** A datagram of version 1 as it is sent. */
  close(datagram: Uint8Array, now: Instant): Uint8Array;
  /** The datagram in what came. */
  open(bytes: Uint8Array, now: Instant): Decoded<Uint8Array, UnsealReason>;
};

type Parts = {
  /** HMAC-SHA-256 with the secret: 32 bytes. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  /** Eight random bytes. */
  readonly nonce: () => Uint8Array;
};

/** One of ours. `era` counts the sessions of the peer that had begun when it was made. */
type Nonce = { readonly bytes: Uint8Array; readonly madeAt: Instant; readonly era: number };

/** Whether somebody has sealed it, with whatever secret. */
export const isSealed = (bytes: Uint8Array): boolean =>
  bytes.length >= SHORTEST + TRAILER && bytes[VERSION_AT] === SEALED;

/** In a time that does not tell where they differ. */
const equal = (left: Uint8Array, right: Uint8Array): boolean => {
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index += 1) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
};

const withVersion = (datagram: Uint8Array, version: number): Uint8Array => {
  const copy = datagram.slice();
  copy[VERSION_AT] = version;
  return copy;
};

/** The parts of what came. */
const partsOf = (bytes: Uint8Array) => {
  const [end, tagAt] = [bytes.length - TRAILER, bytes.length - TAG_LENGTH];
  return {
    datagram: bytes.subarray(0, end),
    nonce: bytes.slice(end, end + NONCE_LENGTH),
    echo: bytes.subarray(end + NONCE_LENGTH, tagAt),
    signed: bytes.subarray(0, tagAt),
    tag: bytes.subarray(tagAt),
  };
};

/** Nobody was heard yet. */
export const createSeal = ({ sign, nonce }: Parts): Seal => {
  let own: Nonce[] = [];
  let heard: Uint8Array = new Uint8Array(NONCE_LENGTH);
  let goodAt: Instant | undefined;
  let session: number | undefined;
  let era = 0;

  const current = (now: Instant): Uint8Array => {
    const last = own.at(-1);
    if (last !== undefined && between(last.madeAt, now) < TURN) return last.bytes;
    own = own.filter(({ madeAt }) => after(madeAt, WINDOW) > now);
    const bytes = nonce();
    own.push({ bytes, madeAt: now, era });
    return bytes;
  };

  /** Whether this echo is good in a datagram of this session. */
  const isGood = (echo: Uint8Array, of: number, now: Instant): boolean =>
    own.some(
      (made) =>
        after(made.madeAt, WINDOW) > now && (of === session || made.era === era) && equal(made.bytes, echo),
    );

  return {
    close(datagram, now) {
      const signed = concatBytes(withVersion(datagram, SEALED), current(now), heard);
      return concatBytes(signed, sign(signed));
    },
    open(bytes, now) {
      if (bytes.length < SHORTEST) return refused("truncated");
      if (readU8(bytes, VERSION_AT) !== SEALED) return refused("unsealed");
      if (bytes.length < SHORTEST + TRAILER) return refused("truncated");
      if (bytes.length > LONGEST_DATAGRAM + TRAILER) return refused("too-long");
      const parts = partsOf(bytes);
      const of = readU32(bytes, SESSION_AT);
      const good = isGood(parts.echo, of, now);
      const isDeaf = goodAt === undefined || between(goodAt, now) >= DEAF;
      // A flood of old ones must not cost a signature each.
      if (!good && !isDeaf) return refused("stale");
      if (!equal(sign(parts.signed), parts.tag)) return refused("forged");
      heard = parts.nonce;
      if (!good) return refused("stale");
      goodAt = now;
      if (of !== session) {
        session = of;
        era += 1;
      }
      return decoded(withVersion(parts.datagram, PLAIN));
    },
  };
};
