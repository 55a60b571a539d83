/** The packet sockets of a responder. They need CAP_NET_RAW. */
import { addressBytes, type IpAddress, type IpFamily } from "#base/address";
import { readU32 } from "#base/bytes";
import { ETHER_TYPE as ARP } from "#core/arp/constants";
import { ETHER_TYPE as IPV6 } from "#core/ndp/constants";
import { type Door, openDoor } from "#native/door";
import * as linux from "./constants.ts";
import { type Endpoint, openEndpoint } from "./endpoint.ts";
import { NOTHING } from "./filter.ts";
import { Groups } from "./groups.ts";
import type { PacketLink, PacketResult } from "./port.ts";
import { arpRangeFilter, MOST_RANGES, ndpRangeFilter } from "./range-filter.ts";
import { coveringRanges } from "./ranges.ts";
import { type RawPacket, refusal } from "./receiver.ts";
import type { HeardFrame, Listening, ResponderPort, ResponderSocket } from "./responder-port.ts";
import { linkSockaddr } from "./sockaddr.ts";
import { LARGE_RECEIVE_BUFFER, openSocket } from "./socket.ts";

/** ARP has 28 bytes and padding; an IPv6 header 40, a solicitation 24 and a few options. */
const PAYLOAD_SIZE = 256;
/** `struct sockaddr_ll`: sll_ifindex, sll_halen, sll_addr. */
const LINK_INDEX = 4;
const SOURCE_LENGTH = 11;
const SOURCE = 12;

const ETHER_TYPES: Readonly<Record<IpFamily, number>> = { IPv4: ARP, IPv6: IPV6 };
const FILTERS = { IPv4: arpRangeFilter, IPv6: ndpRangeFilter } as const;

/**
 * A packet socket on a trunk also sees the frames of the VLANs that are set up on it, under their own links' index. What
 * was sent to others or by this host the filter refuses.
 */
const readFrame = (link: PacketLink, { payload, name }: RawPacket): HeardFrame | undefined => {
  if (name.length < SOURCE + 6 || name[SOURCE_LENGTH] !== 6) return undefined;
  const index = new DataView(name.buffer, name.byteOffset, name.byteLength).getInt32(LINK_INDEX, true);
  return index === link.index ? { payload, from: name.subarray(SOURCE, SOURCE + 6) } : undefined;
};

/** The last four bytes of addresses, remembered: of thousands few change at a time. */
class Words {
  #wordByAddress = new Map<IpAddress, number>();

  of(addresses: Iterable<IpAddress>): Uint32Array {
    const next = new Map<IpAddress, number>();
    for (const address of addresses) next.set(address, this.#wordByAddress.get(address) ?? lastWord(address));
    this.#wordByAddress = next;
    return Uint32Array.from(next.values());
  }
}

const lastWord = (address: IpAddress): number => {
  const bytes = addressBytes(address);
  return readU32(bytes, bytes.length - 4);
};

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

/** What one socket lets through, and the groups that it needs for it. */
class Ear {
  readonly #door: Door;
  readonly #fd: number;
  readonly #link: PacketLink;
  readonly #family: IpFamily;
  readonly #words = new Words();
  readonly groups: Groups;
  #program: Uint8Array = NOTHING;

  constructor(door: Door, fd: number, link: PacketLink, family: IpFamily) {
    this.#door = door;
    this.#fd = fd;
    this.#link = link;
    this.#family = family;
    this.groups = new Groups(door, link, fd);
  }

  listen(addresses: Iterable<IpAddress>): PacketResult<Listening> {
    const words = this.#words.of(addresses);
    const program = FILTERS[this.#family](coveringRanges(words, MOST_RANGES));
    if (!sameBytes(program, this.#program)) {
      const attached = this.#door.attachFilter(this.#fd, program);
      if (attached < 0) {
        const operation = `listen for ${words.length} addresses on ${this.#link.name}`;
        return { ok: false, error: refusal(operation, attached) };
      }
      this.#program = program;
    }
    if (this.#family === "IPv4") return { ok: true, value: { joined: 0, unjoined: 0 } };
    const wanted = new Set<number>();
    for (const word of words) wanted.add(word & 0xff_ffff);
    return { ok: true, value: this.groups.set(wanted) };
  }
}

/** Deaf until its filter is in place, so nothing has to be thrown away. */
const openDeaf = (door: Door, link: PacketLink, family: IpFamily): PacketResult<number> => {
  const { packet: domain } = linux.AF;
  const { dgram: type } = linux.SOCK;
  const opened = openSocket(door, { domain, type, protocol: 0, options: LARGE_RECEIVE_BUFFER });
  if (!opened.ok) return opened;
  const fd = opened.value;
  const address = linkSockaddr({ linkIndex: link.index, etherType: ETHER_TYPES[family] });
  const attached = door.attachFilter(fd, NOTHING);
  const bound = attached < 0 ? attached : door.bind(fd, address);
  if (bound >= 0) return opened;
  door.close(fd);
  return { ok: false, error: refusal(`listen on ${link.name}`, bound) };
};

const openResponder = (
  door: Door,
  { link, family, onFrame, onError }: Parameters<ResponderPort["openResponder"]>[0],
): ReturnType<ResponderPort["openResponder"]> => {
  const opened = openDeaf(door, link, family);
  if (!opened.ok) return opened;
  const fd = opened.value;
  const started: PacketResult<Endpoint> = openEndpoint(door, {
    fd,
    alsoClose: [],
    payloadSize: PAYLOAD_SIZE,
    onPacket: (raw) => {
      const frame = readFrame(link, raw);
      if (frame !== undefined) onFrame(frame);
    },
    onError,
  });
  if (!started.ok) return started;
  const { transmit, drain, counters, closed, close: closeEndpoint } = started.value;
  const ear = new Ear(door, fd, link, family);
  const etherType = ETHER_TYPES[family];
  const send: ResponderSocket["send"] = ({ destination, payload }) =>
    transmit(
      () => door.send(fd, payload, linkSockaddr({ linkIndex: link.index, etherType, destination }), 0),
      () => `send through ${link.name}`,
    );
  const listen: ResponderSocket["listen"] = (addresses) =>
    closed() ? { ok: true, value: { joined: 0, unjoined: 0 } } : ear.listen(addresses);
  const close = (): void => {
    ear.groups.close();
    closeEndpoint();
  };
  return { ok: true, value: { send, listen, drain, counters, close } };
};

/** The responder sockets of the network namespace of this thread; callbacks run on its event loop. */
export const openResponderPort = (door: Door = openDoor()): ResponderPort => ({
  openResponder: (request) => openResponder(door, request),
});
