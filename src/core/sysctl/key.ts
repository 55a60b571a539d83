/** Names of kernel settings below /proc/sys. */
import { assert } from "#base/assert";

declare const keyBrand: unique symbol;

/** A path below /proc/sys, such as `net/ipv4/conf/eth0/forwarding`; slashes, since interface names may hold dots. */
export type SysctlKey = string & { readonly [keyBrand]: true };

/** The key of these path segments, none of which may climb out of /proc/sys. */
export const sysctlKey = (...segments: readonly string[]): SysctlKey => {
  const safe = segments.every((segment) => /^[^/\0]+$/.test(segment) && segment !== "." && segment !== "..");
  assert(safe && segments.length > 0, "not the segments of a kernel setting", { segments });
  return segments.join("/") as SysctlKey;
};

/** As sysctl(8) spells it: `net.ipv4.conf.eth0.forwarding`, with a dot inside a name as a slash. */
export const formatSysctlKey = (key: SysctlKey): string =>
  key.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
