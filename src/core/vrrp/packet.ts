/**
 * The one VRRP packet there is, the advertisement, in version 3 (RFC 9568 §5) and version 2 (RFC 3768 §5).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+-------+---------------+---------------+---------------+
 * |Version| Type=1| Virtual Rtr ID|   Priority    |IPvX Addr Count|
 * +-------+-------+---------------+---------------+---------------+
 * | Rsvd  |   Max Advertise Int   |           Checksum            |  version 3: 12 bits, centiseconds
 * +-------+-------+---------------+---------------+---------------+
 * |   Auth Type   |   Adver Int   |           Checksum            |  version 2: 8 bits, seconds
 * +---------------+---------------+-------------------------------+
 * |              IPvX addresses, 4 or 16 bytes each               |
 * +---------------------------------------------------------------+
 * |               Authentication data, 8 bytes                    |  version 2 only
 * +---------------------------------------------------------------+
 * ```
 *
 * The checksum of IPv6 covers a pseudo-header. For version 3 over IPv4 the world is divided: RFC 9568 §5.2.8
 * covers the message alone, while keepalived (seen: 2.2.7) and others read RFC 5798 as asking for the
 * pseudo-header here too. Decoding accepts both and says which it was; encoding does what it is told.
 */
import { addressBytes, addressFromBytes, type IpAddress, type IpFamily, isMulticast } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes, readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Duration, micros, seconds } from "#base/time";
import { type ChecksumCoverage, parseVrid, type Vrid } from "./config.ts";
import { CENTISECOND, HOP_LIMIT, IP_PROTOCOL } from "./constants.ts";

/** Version 2 authentication; version 3 has none. `simple` is a password in clear text (RFC 2338 §5.3.6). */
export type Authentication =
  | { readonly type: "none" }
  /** At most 8 characters, each one byte (0x01..0xff). */
  | { readonly type: "simple"; readonly password: string };

/** What one router says of itself to the others. */
export type Advertisement = {
  readonly vrid: Vrid;
  /** 0 (leaving), 1..254, or 255 (owner). */
  readonly priority: number;
  /** Version 3: 10 ms..40.95 s in steps of 10 ms; version 2: whole seconds, 1..255. */
  readonly advertisementInterval: Duration;
  /** 1..255 addresses, all of the packet's family. */
  readonly addresses: readonly IpAddress[];
} & ({ readonly version: 3 } | { readonly version: 2; readonly authentication: Authentication });

/** What the IP header says; the checksum and the checks of RFC 9568 §7.1 depend on it. */
export type IpContext = {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly family: IpFamily;
};

/**
 * An advertisement as it arrived. Its addresses are read when they are first asked for, which is rare and for 90 of IPv6
 * takes longer than all else: ask before the bytes are used again.
 */
export type DecodedAdvertisement = {
  readonly advertisement: Advertisement;
  /** The addresses as they are on the wire: a view. */
  readonly addressBytes: Uint8Array;
  /** What the sender's checksum covered. */
  readonly checksum: ChecksumCoverage;
};

/** Why a packet was dropped, in the order of the checks. Each is also a `reason` label of the drop counter. */
export const DECODE_REASONS = [
  /** It crossed a router, or its sender does not set TTL or Hop Limit to 255. */
  "hop-limit",
  "truncated",
  /** Neither 2 nor 3, or version 2 over IPv6. */
  "version",
  "type",
  "vrid-zero",
  "address-count-zero",
  /** More bytes than the address count explains. */
  "trailing-bytes",
  "checksum",
  "interval-zero",
  /** Neither none nor simple text. */
  "auth-type",
] as const;
/** Why a packet was dropped. */
export type DecodeReason = (typeof DECODE_REASONS)[number];

const TYPE_ADVERTISEMENT = 1;
const HEADER_LENGTH = 8;
const AUTHENTICATION_LENGTH = 8;
const AUTH_TYPE_NONE = 0;
const AUTH_TYPE_SIMPLE = 1;
const INTERVAL_MASK = 0x0fff;

const addressLength = (family: IpFamily): number => (family === "IPv4" ? 4 : 16);

/** The IPv4 (RFC 5798 §5.2.8) or IPv6 (RFC 8200 §8.1) pseudo-header of a message of `length` bytes. */
const pseudoHeader = (context: IpContext, length: number): Uint8Array => {
  const tail = new Uint8Array(context.family === "IPv4" ? 4 : 8);
  if (context.family === "IPv4") {
    writeU8(tail, 1, IP_PROTOCOL);
    writeU16(tail, 2, length);
  } else {
    writeU16(tail, 2, length);
    writeU8(tail, 7, IP_PROTOCOL);
  }
  return concatBytes(addressBytes(context.source), addressBytes(context.destination), tail);
};

/** Which coverage makes the checksum right; `undefined` if none that this version and family may use does. */
const coverageThatFits = (
  bytes: Uint8Array,
  version: 2 | 3,
  context: IpContext,
): ChecksumCoverage | undefined => {
  // A sum that includes its own checksum field is zero when it is right.
  if (context.family === "IPv4" && internetChecksum(bytes) === 0) return "message";
  if (version === 2) return undefined;
  return internetChecksum(pseudoHeader(context, bytes.length), bytes) === 0 ? "pseudo-header" : undefined;
};

/**
 * Whether the TTL or Hop Limit shows that no router forwarded the packet (RFC 9568 §7.1).
 *
 * Unicast over IPv6 is exempt: RFC 9568 does not know unicast, and keepalived (seen: 2.2.7) sends it with the
 * system's default of 64. What remains is that the source must be a configured peer (`admission.ts`).
 */
const hopLimitIsRight = (hopLimit: number, context: IpContext): boolean =>
  hopLimit === HOP_LIMIT || (context.family === "IPv6" && !isMulticast(context.destination));

const decodeAddresses = (bytes: Uint8Array, family: IpFamily, count: number): readonly IpAddress[] => {
  const length = addressLength(family);
  return Array.from({ length: count }, (_, index) => {
    const start = HEADER_LENGTH + index * length;
    return addressFromBytes(bytes.subarray(start, start + length));
  });
};

/** Authentication data is text padded with zero bytes; the first zero ends it. */
const decodePassword = (data: Uint8Array): string => {
  const end = data.indexOf(0);
  return String.fromCharCode(...(end < 0 ? data : data.subarray(0, end)));
};

const decodeAuthentication = (bytes: Uint8Array): Authentication | undefined => {
  const type = readU8(bytes, 4);
  if (type === AUTH_TYPE_NONE) return { type: "none" };
  if (type !== AUTH_TYPE_SIMPLE) return undefined;
  return { type: "simple", password: decodePassword(bytes.subarray(bytes.length - AUTHENTICATION_LENGTH)) };
};

/** The VRID of a packet that may be anything else wrong, to find the router it is for; `undefined` if there is none. */
export const peekVrid = (bytes: Uint8Array): Vrid | undefined => parseVrid(bytes[1] ?? 0);

/** Reads an IP payload. `hopLimit` is the IPv4 TTL or the IPv6 Hop Limit it came with. */
export const decode = (
  bytes: Uint8Array,
  context: IpContext & { readonly hopLimit: number },
): Decoded<DecodedAdvertisement, DecodeReason> => {
  const { family } = context;
  if (!hopLimitIsRight(context.hopLimit, context)) return refused("hop-limit");
  if (bytes.length < HEADER_LENGTH) return refused("truncated");
  const version = readU8(bytes, 0) >> 4;
  if (version !== 3 && (version !== 2 || family !== "IPv4")) return refused("version");
  if ((readU8(bytes, 0) & 0x0f) !== TYPE_ADVERTISEMENT) return refused("type");
  const vrid = peekVrid(bytes);
  if (vrid === undefined) return refused("vrid-zero");
  const count = readU8(bytes, 3);
  if (count === 0) return refused("address-count-zero");
  const length = HEADER_LENGTH + count * addressLength(family) + (version === 2 ? AUTHENTICATION_LENGTH : 0);
  if (bytes.length < length) return refused("truncated");
  if (bytes.length > length) return refused("trailing-bytes");
  const checksum = coverageThatFits(bytes, version, context);
  if (checksum === undefined) return refused("checksum");
  const field = version === 3 ? readU16(bytes, 4) & INTERVAL_MASK : readU8(bytes, 5);
  if (field === 0) return refused("interval-zero");
  const advertisementInterval = version === 3 ? micros(field * CENTISECOND) : seconds(field);
  const authentication = version === 2 ? decodeAuthentication(bytes) : undefined;
  if (version === 2 && authentication === undefined) return refused("auth-type");
  const common = {
    ...{ vrid, priority: readU8(bytes, 2), advertisementInterval },
    ...(authentication === undefined ? ({ version: 3 } as const) : ({ version: 2, authentication } as const)),
  };
  let addresses: readonly IpAddress[] | undefined;
  return decoded({
    advertisement: {
      ...common,
      get addresses() {
        addresses ??= decodeAddresses(bytes, family, count);
        return addresses;
      },
    },
    addressBytes: bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + count * addressLength(family)),
    checksum,
  });
};

const encodePassword = (password: string): Uint8Array => {
  assert(password.length <= AUTHENTICATION_LENGTH, "password is too long for the field", {
    length: password.length,
  });
  const data = new Uint8Array(AUTHENTICATION_LENGTH);
  for (let index = 0; index < password.length; index += 1) data[index] = password.charCodeAt(index);
  return data;
};

const writeInterval = (header: Uint8Array, { version, advertisementInterval }: Advertisement): void => {
  const field = advertisementInterval / (version === 3 ? CENTISECOND : seconds(1));
  const largest = version === 3 ? INTERVAL_MASK : 0xff;
  assert(Number.isInteger(field) && field >= 1 && field <= largest, "interval does not fit the field", {
    version,
    advertisementInterval,
  });
  if (version === 3) writeU16(header, 4, field);
  else writeU8(header, 5, field);
};

/** Writes the IP payload. `checksum` matters for version 3 over IPv4 only; the other forms have one coverage. */
export const encode = (
  advertisement: Advertisement,
  context: IpContext & { readonly checksum: ChecksumCoverage },
): Uint8Array => {
  const { version, vrid, priority, addresses } = advertisement;
  assert(addresses.length >= 1 && addresses.length <= 0xff, "1..255 addresses fit", {
    count: addresses.length,
  });
  const header = new Uint8Array(HEADER_LENGTH);
  writeU8(header, 0, (version << 4) | TYPE_ADVERTISEMENT);
  writeU8(header, 1, vrid);
  writeU8(header, 2, priority);
  writeU8(header, 3, addresses.length);
  writeInterval(header, advertisement);
  const parts = [header, ...addresses.map(addressBytes)];
  if (advertisement.version === 2) {
    const { authentication } = advertisement;
    writeU8(header, 4, authentication.type === "simple" ? AUTH_TYPE_SIMPLE : AUTH_TYPE_NONE);
    parts.push(encodePassword(authentication.type === "simple" ? authentication.password : ""));
  }
  const bytes = concatBytes(...parts);
  const covered = version === 3 && (context.family === "IPv6" || context.checksum === "pseudo-header");
  const prefix = covered ? pseudoHeader(context, bytes.length) : new Uint8Array(0);
  writeU16(bytes, 6, internetChecksum(prefix, bytes));
  return bytes;
};
