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
import { concatBytes, readU8 } from "#base/bytes";
import { HEADER_LENGTH } from "./constants.ts";
import { describeData } from "./describe-data.ts";
import { codeName, ERRORS, type ErrorWord, type SubcodeWord, subcodeName } from "./error-codes.ts";
import { encodeMessage, MOST_DATA } from "./header.ts";
import type { MessageError, Notification } from "./message.ts";

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

/**
 * What a Hard Reset has inside (RFC 8538 §3.1); `undefined`: the error is none, or is empty. Not deeper than once: a Hard Reset in a Hard
 * Reset means nothing.
 */
const insideOf = (error: MessageError): MessageError | undefined => {
  const [code, subcode] = error.data;
  if (!isError(error, "cease", "hard-reset") || code === undefined || subcode === undefined) return undefined;
  const inside = { code, subcode, data: error.data.subarray(2) };
  return isError(inside, "cease", "hard-reset") ? undefined : inside;
};

/** Code and subcode by their names in the standards. */
const nameOf = ({ code, subcode }: MessageError): string =>
  [codeName(code), subcodeName(code, subcode)].filter((part) => part !== undefined).join(": ");

const withData = (error: MessageError): string =>
  [nameOf(error), describeData(error)].filter((part) => part !== undefined).join(", ");

/**
 * A NOTIFICATION in words, such as `Cease: Administrative Shutdown, "new cables until 14:00"`. Bounded in length, and free of
 * characters that a terminal or a log would obey, whatever the peer has sent.
 */
export const describeNotification = (error: MessageError): string => {
  const inside = insideOf(error);
  return inside === undefined ? withData(error) : `${nameOf(error)}, ${withData(inside)}`;
};
