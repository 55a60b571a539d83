/** Prefixes as keys of maps, and in order. */
import { addressBytes, type IpFamily } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";

declare const keyBrand: unique symbol;

/** Stands for a prefix. In the order of strings: IPv4 before IPv6, lower addresses first, wider prefixes first. */
export type PrefixKey = string & { readonly [keyBrand]: true };

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The key of a prefix, whose host bits are zero. */
export const prefixKey = ({ address, prefixLength }: InterfaceAddress): PrefixKey => {
  const bytes = addressBytes(address);
  const parts = [bytes.length === 4 ? "4" : "6"];
  for (const byte of bytes) parts.push(HEX[byte] ?? "");
  parts.push(HEX[prefixLength] ?? "");
  // Joined, and so kept as one string and not as a tree of its parts.
  return parts.join("") as PrefixKey;
};

/** The family of the prefix that a key stands for. */
export const familyOfKey = (key: PrefixKey): IpFamily => (key.startsWith("4") ? "IPv4" : "IPv6");
