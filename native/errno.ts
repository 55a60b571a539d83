/** Names of the errno values that the door can give on Linux (generic ABI: x86-64, arm64, armv7, riscv64). */
import { constants } from "node:os";

/** Second names of EAGAIN and EOPNOTSUPP, the words of the kernel's own manual pages. */
const SYNONYMS: readonly string[] = ["EWOULDBLOCK", "ENOTSUP"];

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => !SYNONYMS.includes(name))
    .map(([name, value]) => [value, name]),
);

/** The symbolic name of an errno (positive or negative), such as `EPERM`; `E<n>` when it has none here. */
export const errnoName = (errno: number): string => NAMES.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`;
