/** Address families as the kernel numbers them, and addresses as attributes hold them. */
import { addressFromBytes, type IpAddress, type IpFamily } from "#base/address";
import { AF_INET, AF_INET6 } from "./constants.ts";

/** AF_INET or AF_INET6. */
export const familyNumber = (family: IpFamily): number => (family === "IPv4" ? AF_INET : AF_INET6);

/** The bits in an address of this numbered family: 32, 128, or `undefined` for a family that is not IP. */
export const familyBits = (family: number): 32 | 128 | undefined => {
  if (family === AF_INET) return 32;
  return family === AF_INET6 ? 128 : undefined;
};

/** The address that an attribute of an object of this family holds; `undefined` when missing or of another size. */
export const addressOf = (family: number, value: Uint8Array | undefined): IpAddress | undefined =>
  value !== undefined && value.length * 8 === familyBits(family) ? addressFromBytes(value) : undefined;
