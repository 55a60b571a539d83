/**
 * What an operator says to the other one with an Administrative Shutdown or Reset (RFC 9003 §2).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+-----------------------------------------------+
 * |    Length     |        Text in UTF-8, up to 255 octets        |
 * +---------------+-----------------------------------------------+
 * ```
 */
import { concatBytes } from "#base/bytes";
import { decodeUtf8, encodeUtf8, REPLACEMENT } from "./utf8.ts";

const MOST = 255;

/** The data of a NOTIFICATION that says this; the end of a long text is left out. No text, no data. */
export const shutdownData = (text: string): Uint8Array => {
  const bytes = encodeUtf8(text, MOST);
  return bytes.length === 0 ? bytes : concatBytes(Uint8Array.of(bytes.length), bytes);
};

/**
 * Control characters, and what turns text around or breaks lines (RFC 9003 §6 warns of it): a terminal or a log would obey them.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * The text in such data, fit to be printed: what is no character, or one that a terminal would obey, is U+FFFD. `undefined`: there is none.
 * A length that is not that of the data is the peer's mistake; what can be read is read.
 */
export const shutdownText = (data: Uint8Array): string | undefined => {
  const text = decodeUtf8(data.subarray(1, 1 + (data[0] ?? 0)));
  return text === "" ? undefined : text.replaceAll(UNPRINTABLE, REPLACEMENT);
};
