/** Which addresses make sense in which place. */
import { addressBytes, familyOf, type IpAddress, isMulticast } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import { error, type Finding, type Path, warning } from "./problem.ts";

/** Whether an address can belong to one host: not unspecified, multicast, broadcast or IPv4-mapped. */
const isHostAddress = (address: IpAddress): boolean => {
  const bytes = addressBytes(address);
  if (isMulticast(address) || address.startsWith("::ffff:")) return false;
  return !bytes.every((byte) => byte === 0) && !(bytes.length === 4 && bytes.every((byte) => byte === 255));
};

/** An error when no single host can have this address. */
export const hostAddressFindings = (address: IpAddress, path: Path): readonly Finding[] =>
  isHostAddress(address) ? [] : [error(path, `${address} cannot be a host's address`)];

/** A warning when the address is the network's own: all host bits zero, as in `192.0.2.0/24`. */
export const networkAddressFindings = (network: InterfaceAddress, path: Path): readonly Finding[] => {
  const bytes = addressBytes(network.address);
  if (network.prefixLength >= bytes.length * 8 - 1) return [];
  const hostBitsAreZero = bytes.every((byte, index) => {
    const inNetwork = Math.max(0, Math.min(8, network.prefixLength - index * 8));
    return (byte & (0xff >> inNetwork)) === 0;
  });
  if (!hostBitsAreZero) return [];
  return [
    warning(
      path,
      `${network.address}/${network.prefixLength} is the network's own address`,
      "Give the address of a host in it.",
    ),
  ];
};

/** An error when two addresses that must go together are of different families. */
export const familyFindings = (
  address: IpAddress,
  { like, whose, path }: { readonly like: IpAddress; readonly whose: string; readonly path: Path },
): readonly Finding[] =>
  familyOf(address) === familyOf(like)
    ? []
    : [
        error(
          path,
          `${address} is ${familyOf(address)}, but ${whose} is ${familyOf(like)}`,
          `Use ${familyOf(like)} here; ${familyOf(address)} goes into a resource of its own.`,
        ),
      ];

/** An error for every value that stood in the list before. */
export const duplicateFindings = (
  values: readonly string[],
  pathOf: (index: number) => Path,
): readonly Finding[] =>
  values.flatMap((value, index) =>
    values.indexOf(value) < index
      ? [error(pathOf(index), `${value} is given twice`, "Remove one of them.")]
      : [],
  );
