/**
 * Echo requests and replies.
 *
 * ```
 *  0                   1                   2                   3
 * +---------------+---------------+-------------------------------+
 * |     Type      |    Code = 0   |           Checksum            |
 * +---------------+---------------+-------------------------------+
 * |           Identifier          |        Sequence Number        |
 * +-------------------------------+-------------------------------+
 * ```
 */
import type { IpFamily } from "#base/address";
import { readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";

const LENGTH = 8;
const IPV4_HEADER_LENGTH = 20;

/** Types of message by family. */
export const ECHO_TYPE: Readonly<Record<IpFamily, { readonly request: number; readonly reply: number }>> = {
  IPv4: { request: 8, reply: 0 },
  IPv6: { request: 128, reply: 129 },
};

/** What tells one question from another; both 16 bits. */
export type Echo = { readonly identifier: number; readonly sequence: number };

/** Writes a request. The checksum of IPv6 covers addresses that only the kernel knows, and it fills it in. */
export const encodeEcho = (family: IpFamily, { identifier, sequence }: Echo): Uint8Array => {
  const bytes = new Uint8Array(LENGTH);
  writeU8(bytes, 0, ECHO_TYPE[family].request);
  writeU16(bytes, 4, identifier);
  writeU16(bytes, 6, sequence);
  if (family === "IPv4") writeU16(bytes, 2, internetChecksum(bytes));
  return bytes;
};

/** What a raw socket gave without its IPv4 header, which has 20 bytes or more; `undefined` if that is not one. */
const messageIn = (family: IpFamily, packet: Uint8Array): Uint8Array | undefined => {
  if (family === "IPv6") return packet;
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  return headerLength < IPV4_HEADER_LENGTH ? undefined : packet.subarray(headerLength);
};

/** Whether what a raw socket gave is the answer to this question. */
export const isEchoReply = (family: IpFamily, packet: Uint8Array, asked: Echo): boolean => {
  const message = messageIn(family, packet);
  if (message === undefined || message.length < LENGTH) return false;
  return (
    readU8(message, 0) === ECHO_TYPE[family].reply &&
    readU8(message, 1) === 0 &&
    readU16(message, 4) === asked.identifier &&
    readU16(message, 6) === asked.sequence
  );
};
