/**
 * Datagrams between two edges. Integers are big-endian.
 *
 * ```
 *  0       4       5      6       7       8         12         16
 * +-------+-------+------+-------+-------+---------+----------+
 * | SYPN  |version| type | width | count | session | sequence |
 * +-------+-------+------+-------+-------+---------+----------+
 * hello (type 1, width and count 0): session heard (4) | datagrams of it that were missed (4)
 * pins (type 2): server (4) | count x [ client (4 or 16: width) | backend (4) | remaining ms (4) ]
 * ```
 *
 * A session is a random number of one run of the program. `sequence` numbers the datagrams with pins, from 0 on; a
 * hello has the number of the next one.
 */
import { concatBytes, readU8, readU32, writeU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { millis, toMillis } from "#base/time";
import { hashName } from "#core/balance/name-hash";
import { clientBytes, clientKey, type Pin } from "#core/balance/pin";

const MAGIC = 0x5359_504e;
const VERSION = 1;
const HELLO = 1;
const PINS = 2;
const HEADER_LENGTH = 16;
const HELLO_LENGTH = HEADER_LENGTH + 8;
const PINS_START = HEADER_LENGTH + 4;
const HIGHEST_BACKEND = 0x7fff_ffff;

/** No datagram is longer, in bytes: it fits any Ethernet in one piece. */
export const LONGEST_DATAGRAM = 1_400;

/** How many pins of clients of so many bytes a datagram has room for. */
export const pinsPerDatagram = (width: number): number =>
  Math.floor((LONGEST_DATAGRAM - PINS_START) / (width + 8));

type Header = {
  /** 1..2^32-1 */
  readonly session: number;
  /** 0..2^32-1 */
  readonly sequence: number;
};

/** What the sender of a hello has of the peer's pins; session 0 while it has heard nothing. */
export type Heard = { readonly session: number; readonly missed: number };

export type PinDatagram =
  | (Header & { readonly type: "hello"; readonly heard: Heard })
  | (Header & {
      readonly type: "pins";
      /** As `serverNumber` gives it. */
      readonly server: number;
      /** All of one family; at least one. */
      readonly pins: readonly Pin[];
    });

/** Why a datagram was not read. */
export type PinDecodeError =
  | "truncated"
  | "bad-magic"
  | "other-version"
  | "bad-type"
  | "bad-width"
  | "bad-length"
  | "bad-number";

const SERVER_SEED = 0x7365_7276;

/** The number of a virtual server in datagrams, from its name. */
export const serverNumber = (name: string): number => hashName(name, SERVER_SEED);

const words = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, index) => {
    writeU32(bytes, index * 4, value);
  });
  return bytes;
};

export const encodePinDatagram = (datagram: PinDatagram): Uint8Array => {
  const { session, sequence } = datagram;
  if (datagram.type === "hello") {
    const { heard } = datagram;
    const kind = Uint8Array.of(VERSION, HELLO, 0, 0);
    return concatBytes(words(MAGIC), kind, words(session, sequence, heard.session, heard.missed));
  }
  const { server, pins } = datagram;
  const width = pins[0]?.client.length ?? 0;
  return concatBytes(
    words(MAGIC),
    Uint8Array.of(VERSION, PINS, width, pins.length),
    words(session, sequence, server),
    ...pins.flatMap(({ client, backend, remaining }) => [
      clientBytes(client),
      words(backend, Math.round(toMillis(remaining))),
    ]),
  );
};

const decodePins = (bytes: Uint8Array, header: Header): Decoded<PinDatagram, PinDecodeError> => {
  const [width, count] = [readU8(bytes, 6), readU8(bytes, 7)];
  if (width !== 4 && width !== 16) return refused("bad-width");
  const each = width + 8;
  if (count === 0 || bytes.length !== PINS_START + count * each) return refused("bad-length");
  const pins: Pin[] = [];
  for (let at = PINS_START; at < bytes.length; at += each) {
    const backend = readU32(bytes, at + width);
    if (backend === 0 || backend > HIGHEST_BACKEND) return refused("bad-number");
    const client = clientKey(bytes.subarray(at, at + width));
    pins.push({ client, backend, remaining: millis(readU32(bytes, at + width + 4)) });
  }
  return decoded({ ...header, type: "pins", server: readU32(bytes, HEADER_LENGTH), pins });
};

/** Reads what came from the link. */
export const decodePinDatagram = (bytes: Uint8Array): Decoded<PinDatagram, PinDecodeError> => {
  if (bytes.length < HEADER_LENGTH) return refused("truncated");
  if (readU32(bytes, 0) !== MAGIC) return refused("bad-magic");
  if (readU8(bytes, 4) !== VERSION) return refused("other-version");
  if (bytes.length > LONGEST_DATAGRAM) return refused("bad-length");
  const header = { session: readU32(bytes, 8), sequence: readU32(bytes, 12) };
  if (header.session === 0) return refused("bad-number");
  const type = readU8(bytes, 5);
  if (type === PINS) return decodePins(bytes, header);
  if (type !== HELLO) return refused("bad-type");
  if (bytes.length !== HELLO_LENGTH) return refused("bad-length");
  const heard = { session: readU32(bytes, 16), missed: readU32(bytes, 20) };
  return decoded({ ...header, type: "hello", heard });
};
