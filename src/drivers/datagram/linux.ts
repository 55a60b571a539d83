/** UDP sockets of the network namespace of the calling thread. They need CAP_NET_RAW for their interface. */
import { addressBytes, type IpAddress, isIpv4 } from "#base/address";
import { concatBytes } from "#base/bytes";
import { type Door, errnoName, openDoor } from "#native/door";
import type { DatagramPath, DatagramPort, DatagramSocket } from "./port.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const IPPROTO_UDP = 17;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SOL_IP = 0;
const IP_TTL = 2;
const SOL_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const NO_ADDRESS = new Uint8Array(0);

const MOST_HOPS = 255;
const RECEIVE_BUFFER = 1_048_576;
const SLOT = 2_048 + 128 + 256;
const PAYLOAD = 2_048;
const SLOTS = 16;
/** Rounds of receiving in one turn of the event loop, so that a flood leaves room for everything else. */
const ROUNDS = 8;

/** The hop limit, from the network header of a packet (linux/filter.h, SKF_NET_OFF), by family. */
const HOPS_AT = { IPv4: 0xfff0_0000 + 8, IPv6: 0xfff0_0000 + 7 } as const;

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

const instruction = (code: number, constant: number, skipIfNot = 0): Uint8Array => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint8(3, skipIfNot);
  view.setUint32(4, constant, true);
  return bytes;
};

/** Passes nothing. */
const NOTHING = instruction(0x06, 0);

/** A classic BPF program that passes packets with the highest hop limit: load byte, compare, all or nothing. */
const fromNeighboursOnly = (family: keyof typeof HOPS_AT): Uint8Array =>
  concatBytes(
    instruction(0x30, HOPS_AT[family]),
    instruction(0x15, MOST_HOPS, 1),
    instruction(0x06, 0x4_0000),
    instruction(0x06, 0),
  );

const sockaddr = (address: IpAddress, port: number): Uint8Array => {
  const family = isIpv4(address) ? AF_INET : AF_INET6;
  const head = Uint8Array.of(family, 0, port >>> 8, port & 0xff);
  return isIpv4(address)
    ? concatBytes(head, addressBytes(address), new Uint8Array(8))
    : concatBytes(head, new Uint8Array(4), addressBytes(address), new Uint8Array(4));
};

class LinuxDatagrams implements DatagramSocket {
  readonly #door: Door;
  readonly #fd: number;
  readonly #onDatagram: (bytes: Uint8Array) => void;
  readonly #arena = new Uint8Array(SLOT * SLOTS);
  readonly #lengths = new Int32Array(SLOTS * 4);
  #closed = false;

  constructor(door: Door, fd: number, onDatagram: (bytes: Uint8Array) => void) {
    this.#door = door;
    this.#fd = fd;
    this.#onDatagram = onDatagram;
  }

  send(bytes: Uint8Array): void {
    if (!this.#closed) this.#door.send(this.#fd, bytes, NO_ADDRESS, 0);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#door.close(this.#fd);
  }

  /** A peer that does not listen shows as an error of ours, which reading collects. */
  readonly receive = (): void => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const count = this.#closed ? 0 : this.#door.recvmmsg(this.#fd, this.#arena, PAYLOAD, this.#lengths);
      if (count <= 0) return;
      for (let slot = 0; slot < count && !this.#closed; slot += 1) {
        const start = slot * SLOT;
        this.#onDatagram(this.#arena.subarray(start, start + (this.#lengths[slot * 4] ?? 0)));
      }
    }
  };
}

const openSocket = (door: Door, path: DatagramPath): number => {
  const { address, peer, port } = path;
  const family = isIpv4(address) ? "IPv4" : "IPv6";
  const fd = door.socket(family === "IPv4" ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
  if (fd < 0) return fd;
  const [level, name] = family === "IPv4" ? [SOL_IP, IP_TTL] : [SOL_IPV6, IPV6_UNICAST_HOPS];
  const device = new TextEncoder().encode(`${path.interface}\0`);
  const steps = [
    () => door.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device),
    () => door.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, int32(RECEIVE_BUFFER)),
    () => door.setsockopt(fd, level, name, int32(MOST_HOPS)),
    // Until it is connected it would take what anybody sends.
    () => door.attachFilter(fd, NOTHING),
    () => door.bind(fd, sockaddr(address, port)),
    () => door.connect(fd, sockaddr(peer, port)),
    () => door.attachFilter(fd, fromNeighboursOnly(family)),
  ];
  for (const step of steps) {
    const outcome = step();
    if (outcome >= 0) continue;
    door.close(fd);
    return outcome;
  }
  return fd;
};

/** The real one. */
export const openDatagrams = (door: Door = openDoor()): DatagramPort => ({
  open: (path, onDatagram) => {
    const where = `${path.address} port ${path.port} on ${path.interface}`;
    const fd = openSocket(door, path);
    if (fd < 0) return `cannot open ${where}: ${errnoName(fd)}`;
    const socket = new LinuxDatagrams(door, fd, onDatagram);
    const watching = door.watch(fd, socket.receive);
    if (typeof watching !== "number") return socket;
    door.close(fd);
    return `cannot watch ${where}: ${errnoName(watching)}`;
  },
});
