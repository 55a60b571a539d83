/** What is wrong with a message, as the NOTIFICATION that says so, and what a decoder gives: a value or that. */
import { assert } from "#base/assert";
import { concatBytes } from "#base/bytes";
import { ERRORS, type ErrorWord, type SubcodeWord } from "./error-codes.ts";
import type { MessageError } from "./message.ts";

/** What comes of bytes from a peer. */
export type Heard<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: MessageError };

/** A message that is all right. */
export const heard = <Value>(value: Value): { readonly ok: true; readonly value: Value } => ({
  ok: true,
  value,
});

/** A message that ends the session. */
export const wrong = (error: MessageError): { readonly ok: false; readonly error: MessageError } => ({
  ok: false,
  error,
});

const NOTHING = new Uint8Array(0);

/**
 * An error by its words, such as `messageError("cease", "bfd-down")`. Data is copied: it may be a view of a buffer that is
 * used again.
 */
export const messageError = <Word extends ErrorWord>(
  word: Word,
  subcodeWord: SubcodeWord<Word>,
  data: Uint8Array = NOTHING,
): MessageError => {
  const { code, subcodes } = ERRORS[word];
  const [subcode] =
    (subcodes as Readonly<Record<string, readonly [number, string]>>)[subcodeWord as string] ?? [];
  assert(subcode !== undefined, "an error without a subcode", { word, subcodeWord });
  return { code, subcode, data: data.slice() };
};

/** RFC 8538 §3.1: the session ends for good, and routes are not to be kept, for the reason that is inside. */
export const hardReset = ({ code, subcode, data }: MessageError): MessageError =>
  messageError("cease", "hard-reset", concatBytes(Uint8Array.of(code, subcode), data));
