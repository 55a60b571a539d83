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

/** The address that six bytes stand for. */
export const macFromBytes = (bytes: Uint8Array): MacAddress => {
  assert(bytes.length === 6, "an Ethernet address has 6 bytes", { length: bytes.length });
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":") as MacAddress;
};

/** The six bytes of an address. */
export const macBytes = (mac: MacAddress): Uint8Array =>
  Uint8Array.from(mac.split(":"), (part) => Number.parseInt(part, 16));

/** ff:ff:ff:ff:ff:ff. */
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff" as MacAddress;
