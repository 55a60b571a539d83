/**
 * Ports at which the kernel answers nothing, for handshakes that it knows nothing of.
 *
 * To a segment for a port that nobody has the kernel says a reset. It would resolve the sender's address for that, which fills
 * its table of neighbours where thousands are asked for. So the ports are taken by sockets that listen and hear nothing: what has passed
 * a router or a Service has a smaller TTL than they take, and a filter keeps out the rest where a process without CAP_NET_ADMIN may
 * have one (Linux 6.18 wants it for TCP sockets).
 */
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { writeU16 } from "#base/bytes";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { NOTHING } from "./filter.ts";
import type { PacketError, PacketResult } from "./port.ts";
import { refusal } from "./receiver.ts";
import type { PortRange, SegmentPort } from "./segment-port.ts";
import { int32, ipSockaddr } from "./sockaddr.ts";
import { openSocket } from "./socket.ts";

const ANY = { IPv4: parseAddress("0.0.0.0"), IPv6: parseAddress("::") };

/** Every address of this host, with a port. */
const sockaddrOf = (family: "IPv4" | "IPv6", port: number): Uint8Array => {
  const any = ANY[family];
  assert(any !== undefined, "an address");
  const sockaddr = ipSockaddr(any, 0);
  writeU16(sockaddr, 2, port);
  return sockaddr;
};

/** The TTL of what comes from the same link, and was sent with the largest. */
const LARGEST = int32(255);
const SMALLER_UNHEARD = {
  IPv4: {
    operation: "hear none with a smaller TTL",
    level: linux.SOL_IP,
    name: linux.IP_MINTTL,
    value: LARGEST,
  },
  IPv6: {
    operation: "hear none with a smaller hop limit",
    level: linux.SOL_IPV6,
    name: linux.IPV6_MINHOPCOUNT,
    value: LARGEST,
  },
} as const;

/** One socket for both families, or for IPv4 alone where the kernel has no IPv6. */
const openStream = (door: Door): PacketResult<{ readonly fd: number; readonly family: "IPv4" | "IPv6" }> => {
  const { stream: type } = linux.SOCK;
  const both = openSocket(door, {
    ...{ domain: linux.AF.inet6, type, protocol: 0 },
    options: [
      {
        operation: "hear both families",
        level: linux.SOL_IPV6,
        name: linux.IPV6_V6ONLY,
        value: int32(0),
      },
      SMALLER_UNHEARD.IPv6,
      SMALLER_UNHEARD.IPv4,
    ],
  });
  if (both.ok) return { ok: true, value: { fd: both.value, family: "IPv6" } };
  const one = openSocket(door, {
    ...{ domain: linux.AF.inet, type, protocol: 0 },
    options: [SMALLER_UNHEARD.IPv4],
  });
  return one.ok ? { ok: true, value: { fd: one.value, family: "IPv4" } } : one;
};

/** Takes one port; gives the descriptor that has it. */
const reserve = (door: Door, port: number): PacketResult<number> => {
  const opened = openStream(door);
  if (!opened.ok) return opened;
  const { fd, family } = opened.value;
  door.attachFilter(fd, NOTHING);
  const bound = door.bind(fd, sockaddrOf(family, port));
  const listens = bound < 0 ? bound : door.listen(fd, 1);
  if (listens >= 0) return { ok: true, value: fd };
  door.close(fd);
  return { ok: false, error: refusal(`take port ${port}`, listens) };
};

/** Takes those of the ports that nobody else has; refused when there is none. */
export const reservePorts = (
  door: Door,
  { low, high }: PortRange,
): ReturnType<SegmentPort["reservePorts"]> => {
  const fdByPort = new Map<number, number>();
  let refused: PacketError | undefined;
  for (let port = low; port <= high; port += 1) {
    const taken = reserve(door, port);
    if (taken.ok) fdByPort.set(port, taken.value);
    else refused = taken.error;
  }
  if (fdByPort.size === 0 && refused !== undefined) return { ok: false, error: refused };
  const close = (): void => {
    for (const fd of fdByPort.values()) door.close(fd);
    fdByPort.clear();
  };
  return { ok: true, value: { ports: [...fdByPort.keys()], close } };
};
