/** Checks that ask a machine itself, not a program on it: by ICMP echo, or by ARP on one interface. */
import { constants } from "node:os";
import {
  addressBytes,
  addressFromBytes,
  familyOf,
  type IpAddress,
  type IpFamily,
  type Ipv4Address,
  isIpv4,
} from "#base/address";
import { concatBytes } from "#base/bytes";
import { BROADCAST_MAC, type MacAddress, macBytes, macFromBytes } from "#base/mac";
import { ETHER_TYPE } from "#core/arp/constants";
import { decode, encode as encodeArp, whoHas } from "#core/arp/packet";
import { ECHO_TYPE, encodeEcho, isEchoReply } from "#core/icmp/echo";
import { type Door, errnoName } from "#native/door";
import type { Start } from "./attempt.ts";
import { answerFromError } from "./failure.ts";

const AF: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const PROTOCOL: Readonly<Record<IpFamily, number>> = { IPv4: 1, IPv6: 58 };
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const SOL_ICMPV6 = 58;
const ICMPV6_FILTER = 1;
const SIOCGIFADDR = 0x8915;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFREQ_LENGTH = 40;
const IFREQ_NAME_LENGTH = 16;
/** As many packets are read in one turn; more wake us again. */
const READS_PER_TURN = 16;

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
const uint16 = (value: number): Uint8Array => new Uint8Array(Uint16Array.of(value).buffer);
const zeros = (length: number): Uint8Array => new Uint8Array(length);

/** A call that the kernel refused. */
class Refusal extends Error {
  readonly code: string;

  constructor(operation: string, errno: number) {
    super(`cannot ${operation}`);
    this.code = errnoName(errno);
  }
}

/** What a call gave; throws when the kernel refused it. */
const must = (operation: string, outcome: number): number => {
  if (outcome < 0) throw new Refusal(operation, outcome);
  return outcome;
};

/** A socket with a question to send and an answer to recognise. */
type Question = {
  readonly fd: number;
  readonly ask: () => number;
  readonly isAnswer: (packet: Uint8Array) => boolean;
};

/** Asks once and waits for the answer. */
const startQuestion =
  (door: Door, awaited: string, open: () => Question): Start =>
  ({ answer, gone }) => {
    let fd: number | undefined;
    const close = (): void => {
      if (fd !== undefined) door.close(fd);
      fd = undefined;
      gone();
    };
    try {
      const question = open();
      fd = question.fd;
      const buffer = zeros(2_048);
      const read = (): void => {
        for (let reads = 0; reads < READS_PER_TURN && fd !== undefined; reads += 1) {
          const length = door.recv(fd, buffer, 0);
          if (length === -constants.errno.EAGAIN) return;
          if (length < 0) {
            answer(answerFromError(new Refusal("hear an answer", length)));
            close();
          } else if (question.isAnswer(buffer.subarray(0, length))) {
            answer({ ok: true });
            close();
          }
        }
      };
      const watching = door.watch(fd, read);
      if (typeof watching === "number") throw new Refusal("watch the socket", watching);
      must("send the question", question.ask());
    } catch (error) {
      answer(answerFromError(error instanceof Error ? error : new Error(String(error))));
      close();
    }
    return {
      abandon() {
        close();
        return awaited;
      },
    };
  };

/** Opens a socket; when one of the steps is refused, it is closed again. */
const opened = (door: Door, fd: number, prepare: (fd: number) => Question): Question => {
  must("open a raw socket", fd);
  try {
    return prepare(fd);
  } catch (error) {
    door.close(fd);
    throw error;
  }
};

const nameBytes = (name: string): Uint8Array => new TextEncoder().encode(`${name}\0`);

/** Lets a socket hear replies only: a bit for each type that is not wanted. */
const hearRepliesOnly = (door: Door, fd: number, family: IpFamily): number => {
  const { reply } = ECHO_TYPE[family];
  if (family === "IPv4") return door.setsockopt(fd, SOL_RAW, ICMP_FILTER, int32(~(1 << reply)));
  const blocked = new Uint32Array(8).fill(0xffff_ffff);
  const word = reply >>> 5;
  blocked[word] = (blocked[word] ?? 0) & ~(1 << (reply & 31));
  return door.setsockopt(fd, SOL_ICMPV6, ICMPV6_FILTER, new Uint8Array(blocked.buffer));
};

const sockaddr = (address: IpAddress, scope: number): Uint8Array =>
  familyOf(address) === "IPv4"
    ? concatBytes(uint16(AF.IPv4), zeros(2), addressBytes(address), zeros(8))
    : concatBytes(uint16(AF.IPv6), zeros(6), addressBytes(address), int32(scope));

/** Asks an interface's number, address and the like (`struct ifreq`); gives what follows the name. */
const interfaceRequest = (door: Door, fd: number, name: string, request: number): Uint8Array => {
  const bytes = zeros(IFREQ_LENGTH);
  bytes.set(nameBytes(name).subarray(0, IFREQ_NAME_LENGTH));
  must(`find interface ${name}`, door.ioctl(fd, request, bytes));
  return bytes.subarray(IFREQ_NAME_LENGTH);
};

const indexOf = (door: Door, fd: number, name: string): number => {
  const bytes = interfaceRequest(door, fd, name, SIOCGIFINDEX);
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
};

let questions = 0;

/** Asks by ICMP echo, through one interface if it is given. */
export const startPing = (
  door: Door,
  { address, interface: name }: { readonly address: IpAddress; readonly interface?: string },
): Start =>
  startQuestion(door, "the echo", () => {
    const family = familyOf(address);
    questions = (questions + 1) & 0xffff;
    const echo = { identifier: process.pid & 0xffff, sequence: questions };
    return opened(door, door.socket(AF[family], SOCK_RAW, PROTOCOL[family]), (fd) => {
      must("hear echo replies only", hearRepliesOnly(door, fd, family));
      if (name !== undefined) {
        must(`use interface ${name}`, door.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, nameBytes(name)));
      }
      const scope = name === undefined ? 0 : indexOf(door, fd, name);
      must(`find a way to ${address}`, door.connect(fd, sockaddr(address, scope)));
      return {
        fd,
        ask: () => door.send(fd, encodeEcho(family, echo), zeros(0), 0),
        isAnswer: (packet) => isEchoReply(family, packet, echo),
      };
    });
  });

const linkSockaddr = (index: number, destination?: MacAddress): Uint8Array =>
  concatBytes(
    uint16(AF_PACKET),
    Uint8Array.of(ETHER_TYPE >>> 8, ETHER_TYPE & 0xff),
    int32(index),
    zeros(3),
    Uint8Array.of(destination === undefined ? 0 : 6),
    destination === undefined ? zeros(8) : concatBytes(macBytes(destination), zeros(2)),
  );

/** The interface's own address, which the answer goes to. */
const ownAddress = (door: Door, name: string): Ipv4Address => {
  const fd = must("open a socket", door.socket(AF.IPv4, SOCK_DGRAM, 0));
  try {
    const own = addressFromBytes(interfaceRequest(door, fd, name, SIOCGIFADDR).subarray(4, 8));
    if (!isIpv4(own)) throw new Refusal(`find the address of ${name}`, -constants.errno.EADDRNOTAVAIL);
    return own;
  } finally {
    door.close(fd);
  }
};

/** Asks who has an IPv4 address on the network of one interface. */
export const startArp = (
  door: Door,
  { address, interface: name }: { readonly address: Ipv4Address; readonly interface: string },
): Start =>
  startQuestion(door, "the ARP reply", () =>
    opened(door, door.socket(AF_PACKET, SOCK_DGRAM, 0), (fd) => {
      const index = indexOf(door, fd, name);
      const mac = macFromBytes(interfaceRequest(door, fd, name, SIOCGIFHWADDR).subarray(2, 8));
      const payload = encodeArp(whoHas(address, { mac, address: ownAddress(door, name) }));
      must(`listen on ${name}`, door.bind(fd, linkSockaddr(index)));
      return {
        fd,
        ask: () => door.send(fd, payload, linkSockaddr(index, BROADCAST_MAC), 0),
        isAnswer: (packet) => {
          const arp = decode(packet);
          return arp.ok && arp.value.operation === "reply" && arp.value.senderAddress === address;
        },
      };
    }),
  );
