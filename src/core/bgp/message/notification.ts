/**
 * NOTIFICATION: the last message of a session, and why it ends (RFC 4271 §4.5).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |  Error code   | Error subcode |             Data              |
 * +---------------+---------------+-------------------------------+
 * ```
 */
import { concatBytes, readU8, readU16, readU32, toHex } from "#base/bytes";
import { HEADER_LENGTH } from "./constants.ts";
import { codeName, ERRORS, type ErrorWord, type SubcodeWord, subcodeName } from "./error-codes.ts";
import { encodeMessage, MOST_DATA } from "./header.ts";
import type { MessageError, Notification } from "./message.ts";
import { shutdownText } from "./shutdown-communication.ts";

export { shutdownData } from "./shutdown-communication.ts";

/** Reads a message whose header is right; whatever it says, it is the last one. */
export const decodeNotification = (bytes: Uint8Array): Notification => ({
  type: "notification",
  code: readU8(bytes, HEADER_LENGTH),
  subcode: readU8(bytes, HEADER_LENGTH + 1),
  data: bytes.slice(HEADER_LENGTH + 2),
});

/** Writes a message; data that is too long for one is cut. */
export const encodeNotification = ({ code, subcode, data }: MessageError): Uint8Array =>
  encodeMessage("notification", concatBytes(Uint8Array.of(code, subcode), data.subarray(0, MOST_DATA)));

/** Whether a NOTIFICATION says this. */
export const isError = <Word extends ErrorWord>(
  { code, subcode }: MessageError,
  word: Word,
  subcodeWord: SubcodeWord<Word>,
): boolean => {
  const { code: wantedCode, subcodes } = ERRORS[word];
  const [wanted] =
    (subcodes as Readonly<Record<string, readonly [number, string]>>)[subcodeWord as string] ?? [];
  return code === wantedCode && subcode === wanted;
};

/** Octets of data that a description shows. */
const MOST_SHOWN = 32;

const hexadecimal = (data: Uint8Array): string =>
  `data ${toHex(data.subarray(0, MOST_SHOWN))}${data.length > MOST_SHOWN ? "..." : ""}`;

/** What the data of an error says to a reader; `undefined`: nothing. */
const describeData = (error: MessageError): string | undefined => {
  const { data } = error;
  if (isError(error, "cease", "administrative-shutdown") || isError(error, "cease", "administrative-reset")) {
    const text = shutdownText(data);
    return text === undefined ? undefined : `"${text}"`;
  }
  if (isError(error, "cease", "hard-reset") && data.length >= 2) {
    const [code, subcode] = [readU8(data, 0), readU8(data, 1)];
    // Not deeper than once: a Hard Reset in a Hard Reset means nothing.
    return isError({ code, subcode, data }, "cease", "hard-reset")
      ? undefined
      : describeNotification({ code, subcode, data: data.subarray(2) });
  }
  if (data.length === 0) return undefined;
  if (isError(error, "open", "unsupported-version-number") && data.length === 2) {
    return `it speaks version ${readU16(data, 0)}`;
  }
  if (isError(error, "header", "bad-message-length") && data.length === 2) {
    return `length ${readU16(data, 0)}`;
  }
  if (isError(error, "header", "bad-message-type") && data.length === 1) return `type ${readU8(data, 0)}`;
  if (isError(error, "open", "bad-peer-as") && data.length === 2) return `AS ${readU16(data, 0)}`;
  if (isError(error, "open", "bad-peer-as") && data.length === 4) return `AS ${readU32(data, 0)}`;
  return hexadecimal(data);
};

/**
 * A NOTIFICATION in words, such as `Cease: Administrative Shutdown, "new cables until 14:00"`. Bounded in length, and free of
 * characters that a terminal or a log would obey, whatever the peer has sent.
 */
export const describeNotification = (error: MessageError): string => {
  const name = [codeName(error.code), subcodeName(error.code, error.subcode)].filter(
    (part) => part !== undefined,
  );
  return [name.join(": "), describeData(error)].filter((part) => part !== undefined).join(", ");
};
