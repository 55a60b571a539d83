/** The options of sockets: how far packets go, how they are marked and signed, which device they leave by. */
import { constants } from "node:os";
import type { IpAddress, IpFamily } from "#base/address";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { int32, md5Signature, nameBytes } from "./layout.ts";
import type { BgpHops } from "./port.ts";

export type Option = readonly [level: number, name: number, value: Uint8Array];

/** The octets of a password; a negative errno if they are none or too many. */
const keyOf = (password: string): Uint8Array | number => {
  const key = new TextEncoder().encode(password);
  return key.length >= 1 && key.length <= linux.LONGEST_PASSWORD ? key : -constants.errno.EINVAL;
};

export const hopOptions = (family: IpFamily, { send, least }: BgpHops): readonly Option[] =>
  family === "IPv4"
    ? [
        [linux.SOL_IP, linux.IP_TTL, int32(send)],
        [linux.SOL_IP, linux.IP_MINTTL, int32(least ?? 0)],
      ]
    : [
        [linux.SOL_IPV6, linux.IPV6_UNICAST_HOPS, int32(send)],
        [linux.SOL_IPV6, linux.IPV6_MINHOPCOUNT, int32(least ?? 0)],
      ];

/** What every socket has. */
export const commonOptions = (family: IpFamily): readonly Option[] => [
  family === "IPv4"
    ? [linux.SOL_IP, linux.IP_TOS, int32(linux.NETWORK_CONTROL)]
    : [linux.SOL_IPV6, linux.IPV6_TCLASS, int32(linux.NETWORK_CONTROL)],
  [linux.IPPROTO_TCP, linux.TCP_NODELAY, int32(1)],
  [linux.IPPROTO_TCP, linux.TCP_NOTSENT_LOWAT, int32(linux.WAITS_IN_KERNEL)],
];

export const deviceOption = (device: string | undefined): readonly Option[] =>
  device === undefined ? [] : [[linux.SOL_SOCKET, linux.SO_BINDTODEVICE, nameBytes(device)]];

/** Signs what goes to a peer, and demands its signature. */
export const setPassword = (door: Door, fd: number, peer: IpAddress, password: string): number => {
  const key = keyOf(password);
  if (typeof key === "number") return key;
  return door.setsockopt(fd, linux.IPPROTO_TCP, linux.TCP_MD5SIG, md5Signature(peer, key));
};

/** Sets options in order; gives the first negative errno, or 0. */
export const setOptions = (door: Door, fd: number, options: readonly Option[]): number => {
  for (const [level, name, value] of options) {
    const outcome = door.setsockopt(fd, level, name, value);
    if (outcome < 0) return outcome;
  }
  return 0;
};

/** A socket of TCP with these options; a negative errno if one step is refused. */
export const openSocket = (door: Door, family: IpFamily, options: readonly Option[]): number => {
  const fd = door.socket(linux.AF[family], linux.SOCK_STREAM, linux.IPPROTO_TCP);
  if (fd < 0) return fd;
  const failed = setOptions(door, fd, options);
  if (failed < 0) {
    door.close(fd);
    return failed;
  }
  // Last, because the type of service sets it too; above 6 it takes CAP_NET_ADMIN, and is no need.
  door.setsockopt(fd, linux.SOL_SOCKET, linux.SO_PRIORITY, int32(linux.PRIORITY_CONTROL));
  return fd;
};
