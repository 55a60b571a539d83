/** Text as UTF-8 (RFC 3629), which the language itself does not read or write. */

/** What stands where the bytes, or the text, are none. */
export const REPLACEMENT = "\uFFFD";

/** The bytes of one code point. */
const codePointBytes = (code: number): readonly number[] => {
  if (code < 0x80) return [code];
  const tail = (shift: number): number => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x1_0000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
};

/** The bytes of a text, as many whole characters of it as fit in `most` bytes. */
export const encodeUtf8 = (text: string, most: number): Uint8Array => {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const next = codePointBytes(code >= 0xd800 && code <= 0xdfff ? 0xfffd : code);
    if (bytes.length + next.length > most) break;
    bytes.push(...next);
  }
  return Uint8Array.from(bytes);
};

/** How many bytes a character has that begins with this one, and what it can be at least; `undefined` where none begins so. */
const sequence = (first: number): { readonly length: number; readonly least: number } | undefined => {
  if (first < 0x80) return { length: 1, least: 0 };
  if (first >= 0xc2 && first < 0xe0) return { length: 2, least: 0x80 };
  if (first >= 0xe0 && first < 0xf0) return { length: 3, least: 0x800 };
  if (first >= 0xf0 && first < 0xf5) return { length: 4, least: 0x1_0000 };
  return undefined;
};

/** The code point at `offset` and the number of its bytes; `undefined` where there is none. */
const codePointAt = (
  bytes: Uint8Array,
  offset: number,
): { readonly code: number; readonly length: number } | undefined => {
  const first = bytes[offset] ?? 0;
  const { length = 0, least = 0 } = sequence(first) ?? {};
  if (length === 0) return undefined;
  let code = length === 1 ? first : first & (0x7f >> length);
  for (let index = 1; index < length; index += 1) {
    const next = bytes[offset + index] ?? 0;
    if ((next & 0xc0) !== 0x80) return undefined;
    code = (code << 6) | (next & 0x3f);
  }
  const isScalar = code >= least && code <= 0x10_ffff && (code < 0xd800 || code > 0xdfff);
  return isScalar ? { code, length } : undefined;
};

/** The text that bytes spell; each byte that belongs to no character becomes U+FFFD. */
export const decodeUtf8 = (bytes: Uint8Array): string => {
  let text = "";
  let offset = 0;
  while (offset < bytes.length) {
    const found = codePointAt(bytes, offset);
    text += found === undefined ? REPLACEMENT : String.fromCodePoint(found.code);
    offset += found?.length ?? 1;
  }
  return text;
};
