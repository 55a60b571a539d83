/**
 * What every message begins with (RFC 4271 §4.1).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |                   Marker: 16 octets of 0xff                   |
 * +-------------------------------+---------------+---------------+
 * |            Length             |     Type      |                  length: the whole message
 * +-------------------------------+---------------+
 * ```
 */
import { assert } from "#base/assert";
import { readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { HEADER_LENGTH, MAXIMUM_LENGTH, MESSAGE, type MessageType } from "./constants.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";

/** Octets of data that fit into a NOTIFICATION. */
export const MOST_DATA = MAXIMUM_LENGTH - HEADER_LENGTH - 2;

const MARKER_LENGTH = 16;
const LENGTH_AT = 16;
const TYPE_AT = 18;

/** The shortest and the longest message of each type, header included (RFC 4271 §6.1, RFC 2918 §3). */
const LENGTHS: Readonly<Record<MessageType, readonly [least: number, most: number]>> = {
  open: [29, MAXIMUM_LENGTH],
  update: [23, MAXIMUM_LENGTH],
  notification: [21, MAXIMUM_LENGTH],
  keepalive: [HEADER_LENGTH, HEADER_LENGTH],
  "route-refresh": [23, MAXIMUM_LENGTH],
};

const TYPE_BY_CODE: ReadonlyMap<number, MessageType> = new Map(
  Object.entries(MESSAGE).map(([type, code]) => [code, type as MessageType]),
);

export type Header = {
  readonly type: MessageType;
  /** Octets of the whole message, possible for its type. */
  readonly length: number;
};

/** Reads the first 19 octets of a message (RFC 4271 §6.1). */
export const readHeader = (bytes: Uint8Array): Heard<Header> => {
  for (let offset = 0; offset < MARKER_LENGTH; offset += 1) {
    if (bytes[offset] !== 0xff) return wrong(messageError("header", "connection-not-synchronized"));
  }
  const length = readU16(bytes, LENGTH_AT);
  const badLength = () =>
    wrong(messageError("header", "bad-message-length", bytes.subarray(LENGTH_AT, TYPE_AT)));
  if (length < HEADER_LENGTH || length > MAXIMUM_LENGTH) return badLength();
  const type = TYPE_BY_CODE.get(readU8(bytes, TYPE_AT));
  if (type === undefined) {
    return wrong(messageError("header", "bad-message-type", bytes.subarray(TYPE_AT, HEADER_LENGTH)));
  }
  const [least, most] = LENGTHS[type];
  return length < least || length > most ? badLength() : heard({ type, length });
};

/** A message of this type and length (header included) whose body is still zero. */
export const newMessage = (type: MessageType, length: number): Uint8Array => {
  assert(length <= MAXIMUM_LENGTH, "a message is too long", { type, length });
  const bytes = new Uint8Array(length);
  bytes.fill(0xff, 0, MARKER_LENGTH);
  writeU16(bytes, LENGTH_AT, length);
  writeU8(bytes, TYPE_AT, MESSAGE[type]);
  return bytes;
};

/** A message of this type and with this body. */
export const encodeMessage = (type: MessageType, body: Uint8Array): Uint8Array => {
  const bytes = newMessage(type, HEADER_LENGTH + body.length);
  bytes.set(body, HEADER_LENGTH);
  return bytes;
};
