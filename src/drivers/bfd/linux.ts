/** UDP sockets of the network namespace of the calling thread. Senders over one hop need CAP_NET_RAW for their link. */
import { constants } from "node:os";
import { familyOf, type IpFamily, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { ECHO_PORT, HOP_LIMIT, PORT, SOURCE_PORTS } from "#core/bfd/constants";
import { type Door, errnoName, openDoor } from "#native/door";
import * as linux from "./constants.ts";
import { int32, listenerFilter, NOTHING, neighbourFilter, ROUTINE_SELECTOR, sockaddr } from "./layout.ts";
import type { BfdListener, BfdPort, BfdReflector, BfdResult, BfdSender } from "./port.ts";
import { startReading } from "./receiver.ts";
import { startReflecting } from "./reflector.ts";

type Option = readonly [level: number, name: number, value: Uint8Array];

const ANY: Readonly<Record<IpFamily, string>> = { IPv4: "0.0.0.0", IPv6: "::" };

/** Keeps a socket to a device, or to the VRF that one stands for. */
const deviceOption = (device: string | undefined): readonly Option[] =>
  device === undefined
    ? []
    : [[linux.SOL_SOCKET, linux.SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`)]];

const refused = (operation: string, errno: number): Extract<BfdResult<never>, { ok: false }> => ({
  ok: false,
  error: { code: errnoName(errno), operation },
});

/** The options that tell how a packet came. */
const arrivalOptions: Readonly<Record<IpFamily, readonly Option[]>> = {
  IPv4: [
    [linux.SOL_IP, linux.IP_PKTINFO, int32(1)],
    [linux.SOL_IP, linux.IP_RECVTTL, int32(1)],
  ],
  IPv6: [
    [linux.SOL_IPV6, linux.IPV6_V6ONLY, int32(1)],
    [linux.SOL_IPV6, linux.IPV6_RECVPKTINFO, int32(1)],
    [linux.SOL_IPV6, linux.IPV6_RECVHOPLIMIT, int32(1)],
  ],
};

const sendingOptions: Readonly<Record<IpFamily, readonly Option[]>> = {
  IPv4: [
    [linux.SOL_IP, linux.IP_TTL, int32(HOP_LIMIT)],
    [linux.SOL_IP, linux.IP_TOS, int32(linux.NETWORK_CONTROL)],
  ],
  IPv6: [
    [linux.SOL_IPV6, linux.IPV6_UNICAST_HOPS, int32(HOP_LIMIT)],
    [linux.SOL_IPV6, linux.IPV6_TCLASS, int32(linux.NETWORK_CONTROL)],
  ],
};

/** A socket with these options, filtered before anything can get in; a negative errno if one step is refused. */
const openSocket = (
  door: Door,
  family: IpFamily,
  { options, filter }: { readonly options: readonly Option[]; readonly filter: Uint8Array },
): number => {
  const fd = door.socket(linux.AF[family], linux.SOCK_DGRAM, linux.IPPROTO_UDP);
  if (fd < 0) return fd;
  const outcomes = options.map(([level, name, value]) => door.setsockopt(fd, level, name, value));
  const failed = [...outcomes, door.attachFilter(fd, filter)].find((outcome) => outcome < 0);
  if (failed === undefined) return fd;
  door.close(fd);
  return failed;
};

/**
 * Binds a listener. The kernel takes one that hears a VRF and one that hears none for rivals, although no packet is for both, unless both
 * allow it; for that moment ours do, and nobody else's gets in between.
 */
const bindListener = (door: Door, fd: number, name: Uint8Array, others: ReadonlySet<number>): number => {
  const allow = (isAllowed: 0 | 1): void => {
    for (const each of [fd, ...others])
      door.setsockopt(each, linux.SOL_SOCKET, linux.SO_REUSEADDR, int32(isAllowed));
  };
  allow(1);
  const bound = door.bind(fd, name);
  allow(0);
  return bound;
};

type Ear = {
  readonly family: IpFamily;
  readonly filter: Uint8Array;
  readonly address: Uint8Array;
  /** Beside those of its family. */
  readonly options: readonly Option[];
  /** Listeners in other places. */
  readonly others: ReadonlySet<number>;
};

/** A bound socket that hears sessions; a negative errno if one step is refused. */
const openEar = (door: Door, { family, filter, address, options, others }: Ear): number => {
  const fd = openSocket(door, family, { options: [...arrivalOptions[family], ...options], filter });
  if (fd < 0) return fd;
  for (const name of [linux.SO_RCVBUF, linux.SO_RCVBUFFORCE]) {
    // As much as we like if we may, else as much as net.core.rmem_max allows.
    door.setsockopt(fd, linux.SOL_SOCKET, name, int32(linux.RECEIVE_BUFFER));
  }
  const bound = bindListener(door, fd, address, others);
  if (bound >= 0) return fd;
  door.close(fd);
  return bound;
};

const SHARED: Option = [linux.SOL_SOCKET, linux.SO_REUSEPORT, int32(1)];
const STAMPED: Option = [linux.SOL_SOCKET, linux.SO_TIMESTAMPNS_NEW, int32(1)];

/**
 * A second socket of the same port for packets that say nothing new: what waits in it wakes nobody. `undefined` where the kernel does not
 * know when packets came or cannot tell them apart: all come to the first one then.
 */
const openRoutine = (door: Door, news: number, ear: Ear): number | undefined => {
  const set = ([level, name, value]: Option): boolean => door.setsockopt(news, level, name, value) >= 0;
  if (!set(STAMPED) || !set(SHARED)) return undefined;
  const routine = openEar(door, { ...ear, options: [...ear.options, STAMPED, SHARED] });
  if (routine < 0) return undefined;
  if (door.attachSelector(routine, ROUTINE_SELECTOR) >= 0) return routine;
  door.close(routine);
  return undefined;
};

const listen = (
  door: Door,
  open: Map<number, string>,
  request: Parameters<BfdPort["listen"]>[0],
): BfdResult<BfdListener> => {
  const { family, path, vrf } = request;
  const operation = `listen on UDP port ${PORT[path]} for ${family}${vrf === undefined ? "" : ` in ${vrf}`}`;
  const place = vrf ?? "";
  const any = parseAddress(ANY[family]);
  assert(any !== undefined, "not an address");
  const ear: Ear = {
    ...{ family, filter: listenerFilter(family, path), address: sockaddr(any, PORT[path], 0) },
    options: deviceOption(vrf),
    others: new Set([...open].flatMap(([other, where]) => (where === place ? [] : [other]))),
  };
  // By itself at first: whoever else has the port keeps it.
  const news = openEar(door, ear);
  if (news < 0) return refused(operation, news);
  const routine = openRoutine(door, news, ear);
  const sockets = routine === undefined ? [news] : [news, routine];
  const close = (): void => {
    for (const fd of sockets) {
      open.delete(fd);
      door.close(fd);
    }
  };
  const reader = startReading(door, { news, routine }, request);
  if (typeof reader === "number") {
    close();
    return refused(operation, reader);
  }
  for (const fd of sockets) open.set(fd, place);
  let closed = false;
  let dropped = 0;
  const value: BfdListener = {
    drain: reader.drain,
    holdBack: reader.holdBack,
    counters: () => {
      if (!closed) dropped = sockets.reduce((sum, fd) => sum + droppedBy(door, fd), 0);
      return { received: reader.received(), dropped };
    },
    close: () => {
      if (closed) return;
      closed = true;
      reader.stop();
      close();
    },
  };
  return { ok: true, value };
};

const droppedBy = (door: Door, fd: number): number => {
  const counters = new Uint32Array(linux.MEMINFO.length);
  const bytes = new Uint8Array(counters.buffer);
  const length = door.getsockopt(fd, linux.SOL_SOCKET, linux.SO_MEMINFO, bytes);
  return length < counters.byteLength ? 0 : (counters[linux.MEMINFO.drops] ?? 0);
};

/** How many ports are tried before it is said that none is free. */
const ATTEMPTS = 64;
const PORT_COUNT = SOURCE_PORTS.last - SOURCE_PORTS.first + 1;

/** Binds to a port that no other sender has; gives it, or a negative errno. */
const bindSomewhere = (bind: (port: number) => number, taken: ReadonlySet<number>): number => {
  const start = Math.floor(Math.random() * PORT_COUNT);
  let attempts = 0;
  for (let offset = 0; offset < PORT_COUNT && attempts < ATTEMPTS; offset += 1) {
    const port = SOURCE_PORTS.first + ((start + offset) % PORT_COUNT);
    if (taken.has(port)) continue;
    attempts += 1;
    const bound = bind(port);
    if (bound >= 0) return port;
    if (bound !== -constants.errno.EADDRINUSE) return bound;
  }
  return -constants.errno.EADDRINUSE;
};

const openSender = (
  door: Door,
  taken: Set<number>,
  { path, vrf, localAddress, peer }: Parameters<BfdPort["openSender"]>[0],
): BfdResult<BfdSender> => {
  const family = familyOf(peer);
  const link = path.type === "single-hop" ? path.link : undefined;
  const operation = `send from ${localAddress} to ${peer}${link === undefined ? "" : ` through ${link.name}`}`;
  const options = [...deviceOption(link?.name ?? vrf), ...sendingOptions[family]];
  const fd = openSocket(door, family, { options, filter: NOTHING });
  if (fd < 0) return refused(operation, fd);
  // Last, because the type of service sets it too; above 6 it takes CAP_NET_ADMIN, and is no need.
  door.setsockopt(fd, linux.SOL_SOCKET, linux.SO_PRIORITY, int32(linux.PRIORITY_CONTROL));
  const scope = link?.index ?? 0;
  const sourcePort = bindSomewhere((port) => door.bind(fd, sockaddr(localAddress, port, scope)), taken);
  if (sourcePort < 0) {
    door.close(fd);
    return refused(operation, sourcePort);
  }
  taken.add(sourcePort);
  const destination = sockaddr(peer, PORT[path.type], scope);
  let closed = false;
  let sent = 0;
  const sendErrors = new Map<string, number>();
  const value: BfdSender = {
    sourcePort,
    send: (payload) => {
      const outcome = closed ? -constants.errno.EBADF : door.send(fd, payload, destination, 0);
      if (outcome >= 0) {
        sent += 1;
        return { ok: true, value: undefined };
      }
      const code = errnoName(outcome);
      sendErrors.set(code, (sendErrors.get(code) ?? 0) + 1);
      return refused(operation, outcome);
    },
    counters: () => ({ sent, sendErrors: new Map(sendErrors) }),
    close: () => {
      if (closed) return;
      closed = true;
      taken.delete(sourcePort);
      door.close(fd);
    },
  };
  return { ok: true, value };
};

const openReflector = (
  door: Door,
  request: Parameters<BfdPort["openReflector"]>[0],
): BfdResult<BfdReflector> => {
  const { family } = request;
  const operation = `listen on UDP port ${ECHO_PORT} for ${family}`;
  const any = parseAddress(ANY[family]);
  assert(any !== undefined, "not an address");
  const options = [...arrivalOptions[family], ...sendingOptions[family]];
  const fd = openSocket(door, family, { options, filter: neighbourFilter(family) });
  if (fd < 0) return refused(operation, fd);
  const bound = door.bind(fd, sockaddr(any, ECHO_PORT, 0));
  const reflector = bound < 0 ? bound : startReflecting(door, fd, request);
  if (typeof reflector !== "number") return { ok: true, value: reflector };
  door.close(fd);
  return refused(operation, reflector);
};

/** The real one; callbacks run on the event loop of this thread. */
export const openBfdPort = (door: Door = openDoor()): BfdPort => {
  const taken = new Set<number>();
  const listeners = new Map<number, string>();
  return {
    listen: (request) => listen(door, listeners, request),
    openReflector: (request) => openReflector(door, request),
    openSender: (request) => openSender(door, taken, request),
  };
};
