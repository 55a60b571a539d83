/** Base64 (RFC 4648 §4), for PEM and for the byte fields of Kubernetes objects. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUE_BY_DIGIT: ReadonlyMap<string, number> = new Map(
  [...ALPHABET].map((digit, value) => [digit, value]),
);

/** Padded, in one line. */
export const encodeBase64 = (bytes: Uint8Array): string => {
  let text = "";
  for (let offset = 0; offset < bytes.length; offset += 3) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(offset, offset + 3);
    const bits = (first << 16) | (second << 8) | third;
    for (const shift of [18, 12, 6, 0]) text += ALPHABET[(bits >>> shift) & 63];
  }
  const missing = (3 - (bytes.length % 3)) % 3;
  return missing === 0 ? text : text.slice(0, -missing) + "=".repeat(missing);
};

/** The bytes of padded base64 with white space anywhere; `undefined` for anything else. */
export const decodeBase64 = (text: string): Uint8Array | undefined => {
  const digits = text.replaceAll(/\s/g, "");
  const unpadded = digits.replace(/={1,2}$/, "");
  if (digits.length % 4 !== 0 || unpadded.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((unpadded.length * 3) / 4));
  let offset = 0;
  let bits = 0;
  let count = 0;
  for (const digit of unpadded) {
    const value = VALUE_BY_DIGIT.get(digit);
    if (value === undefined) return undefined;
    bits = ((bits << 6) | value) & 0xff_ffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[offset] = (bits >>> count) & 0xff;
    offset += 1;
  }
  return bytes;
};

/** The bytes of ASCII text; `undefined` where there is anything else in it. */
export const asciiBytes = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return undefined;
    bytes[index] = code;
  }
  return bytes;
};

/** One character for each byte, as ISO 8859-1 has them: what is ASCII reads as such, and nothing is refused. */
export const latinText = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};
