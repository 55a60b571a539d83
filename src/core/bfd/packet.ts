/**
 * The BFD control packet (RFC 5880 §4.1).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 * |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 * +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 * |                       My Discriminator                        |
 * +---------------------------------------------------------------+
 * |                      Your Discriminator                       |
 * +---------------------------------------------------------------+
 * |               Desired Min TX Interval, microseconds           |
 * +---------------------------------------------------------------+
 * |              Required Min RX Interval, microseconds           |
 * +---------------------------------------------------------------+
 * |            Required Min Echo RX Interval, microseconds        |
 * +---------------------------------------------------------------+
 * |      Authentication section, if A is set (authentication.ts)  |
 * +---------------------------------------------------------------+
 * ```
 */
import { assert } from "#base/assert";
import { readU8, readU32, writeU8, writeU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Duration, micros } from "#base/time";
import {
  DIAGNOSTICS,
  type Diagnostic,
  LONGEST_INTERVAL,
  type SessionStateName,
  STATES,
} from "./constants.ts";

/** What one system says of a session to the other. */
export type ControlPacket = {
  /** The sender's state, and why it last changed. */
  readonly state: SessionStateName;
  readonly diagnostic: Diagnostic;
  /** The sender wants an answer with `final`. */
  readonly poll: boolean;
  /** This is the answer. */
  readonly final: boolean;
  /** The sender's BFD goes on when its control plane restarts. */
  readonly controlPlaneIndependent: boolean;
  /** The sender asks for silence while both are up, but for polls. */
  readonly demand: boolean;
  /** 1..255. */
  readonly detectMultiplier: number;
  /** The sender's name for the session, 1..2^32-1. */
  readonly myDiscriminator: number;
  /** The receiver's name for the session, as the sender last heard it; 0 if it has not. */
  readonly yourDiscriminator: number;
  /** The sender would like to send no faster than this. */
  readonly desiredMinTxInterval: Duration;
  /** The receiver must send no faster than this; 0: not at all. */
  readonly requiredMinRxInterval: Duration;
  /** The receiver may send echo packets no faster than this; 0: not at all. */
  readonly requiredMinEchoRxInterval: Duration;
};

/** A packet as it arrived, and the bytes that its length field covers: a view. */
export type DecodedPacket = {
  readonly packet: ControlPacket;
  /** Whether an authentication section follows the first 24 bytes. */
  readonly authenticated: boolean;
  readonly bytes: Uint8Array;
};

/** Why a packet was dropped before it was known whose it is (RFC 5880 §6.8.6). Each is also a `reason` label. */
export const DECODE_REASONS = [
  /** Shorter than its length field says, or than any packet. */
  "truncated",
  /** Not version 1. */
  "version",
  /** Its length field is too small for what it has. */
  "length",
  "multiplier-zero",
  "multipoint",
  "my-discriminator-zero",
  /** It names no session, and its state is neither Down nor AdminDown. */
  "your-discriminator-zero",
] as const;
/** Why a packet was dropped before it was known whose it is. */
export type DecodeReason = (typeof DECODE_REASONS)[number];

/** Length of a packet without authentication. */
export const HEADER_LENGTH = 24;
const VERSION = 1;
/** The shortest authentication section: type and length. */
const SHORTEST_SECTION = 2;

const FLAG = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
} as const;

const STATE_BITS = 0xc0;
const UP_BITS = STATES.indexOf("up") << 6;

const durationAt = (bytes: Uint8Array, offset: number): Duration => micros(readU32(bytes, offset));

const readPacket = (bytes: Uint8Array): ControlPacket => {
  const flags = readU8(bytes, 1);
  return {
    // Two bits, four states.
    state: STATES[flags >> 6] ?? "down",
    diagnostic: DIAGNOSTICS[readU8(bytes, 0) & 0x1f] ?? "unassigned",
    poll: (flags & FLAG.poll) !== 0,
    final: (flags & FLAG.final) !== 0,
    controlPlaneIndependent: (flags & FLAG.controlPlaneIndependent) !== 0,
    demand: (flags & FLAG.demand) !== 0,
    detectMultiplier: readU8(bytes, 2),
    myDiscriminator: readU32(bytes, 4),
    yourDiscriminator: readU32(bytes, 8),
    desiredMinTxInterval: durationAt(bytes, 12),
    requiredMinRxInterval: durationAt(bytes, 16),
    requiredMinEchoRxInterval: durationAt(bytes, 20),
  };
};

/** Reads a UDP payload. Bytes after those that the length field covers are ignored, as the standard has it. */
export const decode = (payload: Uint8Array): Decoded<DecodedPacket, DecodeReason> => {
  if (payload.length < HEADER_LENGTH) return refused("truncated");
  if (readU8(payload, 0) >> 5 !== VERSION) return refused("version");
  const length = readU8(payload, 3);
  const authenticated = (readU8(payload, 1) & FLAG.authentication) !== 0;
  if (length < HEADER_LENGTH + (authenticated ? SHORTEST_SECTION : 0)) return refused("length");
  if (length > payload.length) return refused("truncated");
  if ((readU8(payload, 1) & FLAG.multipoint) !== 0) return refused("multipoint");
  const packet = readPacket(payload);
  if (packet.detectMultiplier === 0) return refused("multiplier-zero");
  if (packet.myDiscriminator === 0) return refused("my-discriminator-zero");
  if (packet.yourDiscriminator === 0 && packet.state !== "down" && packet.state !== "admin-down") {
    return refused("your-discriminator-zero");
  }
  return decoded({ packet, authenticated, bytes: payload.subarray(0, length) });
};

/**
 * Whether a UDP payload says that all is well and wants no answer: in a session that is up nothing follows from it but that the peer lives.
 * Of arbitrary bytes, of which it may say so as well.
 */
export const isRoutine = (payload: Uint8Array): boolean =>
  payload.length > 1 && (readU8(payload, 1) & (STATE_BITS | FLAG.poll | FLAG.final)) === UP_BITS;

const writeDuration = (bytes: Uint8Array, offset: number, duration: Duration): void => {
  assert(duration >= 0 && duration <= LONGEST_INTERVAL, "interval does not fit the field", { duration });
  writeU32(bytes, offset, duration);
};

/**
 * Writes a packet, with room for an authentication section of `sectionLength` bytes behind it: its A bit and its length
 * are those of the whole.
 */
export const encode = (packet: ControlPacket, sectionLength = 0): Uint8Array => {
  const { diagnostic, detectMultiplier } = packet;
  assert(diagnostic !== "unassigned", "only assigned diagnostics are sent");
  assert(detectMultiplier >= 1 && detectMultiplier <= 255, "1..255 fits", { detectMultiplier });
  const length = HEADER_LENGTH + sectionLength;
  const bytes = new Uint8Array(length);
  writeU8(bytes, 0, (VERSION << 5) | DIAGNOSTICS.indexOf(diagnostic));
  writeU8(
    bytes,
    1,
    (STATES.indexOf(packet.state) << 6) |
      (packet.poll ? FLAG.poll : 0) |
      (packet.final ? FLAG.final : 0) |
      (packet.controlPlaneIndependent ? FLAG.controlPlaneIndependent : 0) |
      (sectionLength > 0 ? FLAG.authentication : 0) |
      (packet.demand ? FLAG.demand : 0),
  );
  writeU8(bytes, 2, detectMultiplier);
  writeU8(bytes, 3, length);
  writeU32(bytes, 4, packet.myDiscriminator);
  writeU32(bytes, 8, packet.yourDiscriminator);
  writeDuration(bytes, 12, packet.desiredMinTxInterval);
  writeDuration(bytes, 16, packet.requiredMinRxInterval);
  writeDuration(bytes, 20, packet.requiredMinEchoRxInterval);
  return bytes;
};
