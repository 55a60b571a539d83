/** Ethernet addresses as lower-case, colon-separated hexadecimal. */
import { assert } from "./assert.ts";

declare const macBrand: unique symbol;

/** A 48-bit Ethernet address such as `00:00:5e:00:01:33`. */
export type MacAddress = string & { readonly [macBrand]: true };

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** Reads a colon-separated address in either case; `undefined` if the text is none. */
export const parseMac = (text: string): MacAddress | undefined => {
  const lower = text.toLowerCase();
  return MAC.test(lower) ? (lower as MacAddress) : undefined;
};

/** Each byte in two digits. Every frame that is sent or heard has two addresses or more, thousands in a takeover. */
const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/** The address that six bytes stand for. */
export const macFromBytes = (bytes: Uint8Array): MacAddress => {
  assert(bytes.length === 6, "an Ethernet address has 6 bytes", { length: bytes.length });
  let text = DIGITS[bytes[0] ?? 0] ?? "";
  for (let index = 1; index < 6; index += 1) text += `:${DIGITS[bytes[index] ?? 0]}`;
  return text as MacAddress;
};

/** What a digit is worth. */
const digitAt = (code: number): number => (code > 0x39 ? code - 0x57 : code - 0x30);

/** The six bytes of an address. */
export const macBytes = (mac: MacAddress): Uint8Array => {
  const bytes = new Uint8Array(6);
  for (let index = 0; index < 6; index += 1)
    bytes[index] = digitAt(mac.charCodeAt(3 * index)) * 16 + digitAt(mac.charCodeAt(3 * index + 1));
  return bytes;
};

/** ff:ff:ff:ff:ff:ff. */
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff" as MacAddress;
