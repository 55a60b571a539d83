/** What the packet sockets have in common that listen for many addresses on one link. */
import { addressBytes, type IpAddress } from "#base/address";
import { readU32 } from "#base/bytes";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { NOTHING } from "./filter.ts";
import type { PacketLink, PacketResult } from "./port.ts";
import { MOST_RANGES } from "./range-filter.ts";
import { coveringRanges, type Range } from "./ranges.ts";
import { refusal } from "./receiver.ts";
import { linkSockaddr } from "./sockaddr.ts";
import { LARGE_RECEIVE_BUFFER, openSocket } from "./socket.ts";

/** Opens a packet socket for one EtherType that is deaf until it has a filter, so nothing has to be thrown away. */
export const openDeaf = (door: Door, link: PacketLink, etherType: number): PacketResult<number> => {
  const { packet: domain } = linux.AF;
  const { dgram: type } = linux.SOCK;
  const opened = openSocket(door, { domain, type, protocol: 0, options: LARGE_RECEIVE_BUFFER });
  if (!opened.ok) return opened;
  const fd = opened.value;
  const address = linkSockaddr({ linkIndex: link.index, etherType });
  const attached = door.attachFilter(fd, NOTHING);
  const bound = attached < 0 ? attached : door.bind(fd, address);
  if (bound >= 0) return opened;
  door.close(fd);
  return { ok: false, error: refusal(`listen on ${link.name}`, bound) };
};

/** Where `struct sockaddr_ll` has sll_ifindex. */
const LINK_INDEX = 4;

/**
 * Whether a packet with this `struct sockaddr_ll` came through the link: a packet socket on a trunk also sees the frames of
 * the VLANs that are set up on it, under their own links' index.
 */
export const cameThrough = (link: PacketLink, name: Uint8Array): boolean =>
  name.length >= LINK_INDEX + 4 &&
  new DataView(name.buffer, name.byteOffset, name.byteLength).getInt32(LINK_INDEX, true) === link.index;

/** A group of an IPv6 address, which is empty where `::` is. */
const groupOf = (text: string): number => (text === "" ? 0 : Number.parseInt(text, 16));

/** The last four bytes: of an IPv6 address the last two groups, since thousands are read at once and `::` stands for two at least. */
const lastWord = (address: IpAddress): number => {
  if (address.includes(".")) {
    const bytes = addressBytes(address);
    return readU32(bytes, bytes.length - 4);
  }
  const last = address.lastIndexOf(":");
  const former = address.lastIndexOf(":", last - 1);
  return groupOf(address.slice(former + 1, last)) * 0x1_0000 + groupOf(address.slice(last + 1));
};

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

/** Among more addresses than this the filter lets whole blocks through: then the next address of a pool needs no new program. */
const MOST_EXACT = MOST_RANGES;
/** A block is 32 addresses whose last words differ in five bits. */
const BLOCK_BITS = 5;
const BLOCK_REST = 2 ** BLOCK_BITS - 1;

const rangesOf = (words: Uint32Array): readonly Range[] => {
  if (words.length <= MOST_EXACT) return coveringRanges(words, MOST_RANGES);
  const blocks = words.map((word) => word >>> BLOCK_BITS);
  return coveringRanges(blocks, MOST_RANGES).map(({ low, high }) => ({
    low: (low << BLOCK_BITS) >>> 0,
    high: ((high << BLOCK_BITS) | BLOCK_REST) >>> 0,
  }));
};

/** Whether one of the ranges, which are in order, holds the word. */
const isCovered = (ranges: readonly Range[], word: number): boolean => {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.high ?? 0) < word) low = middle + 1;
    else high = middle;
  }
  const found = ranges[low];
  return found !== undefined && found.low <= word;
};

/** The filter of one socket, which lets through what is about some addresses. */
export class AddressFilter {
  readonly #door: Door;
  readonly #fd: number;
  readonly #link: PacketLink;
  readonly #programFor: (ranges: readonly Range[]) => Uint8Array;
  #program: Uint8Array = NOTHING;
  /** What the program lets through. */
  #ranges: readonly Range[] = [];
  /** The last four bytes of each address. */
  #words = new Uint32Array();

  constructor(
    door: Door,
    {
      fd,
      link,
      programFor,
    }: {
      readonly fd: number;
      readonly link: PacketLink;
      readonly programFor: (ranges: readonly Range[]) => Uint8Array;
    },
  ) {
    this.#door = door;
    this.#fd = fd;
    this.#link = link;
    this.#programFor = programFor;
  }

  /** Lets exactly these through from now on, or a little more; gives the last four bytes of each. */
  set(addresses: Iterable<IpAddress>): PacketResult<Uint32Array> {
    this.#words = Uint32Array.from(addresses, lastWord);
    return this.#attach();
  }

  /** Lets these through as well, which it was not told of; gives the last four bytes of each. Costs little for those that pass already. */
  add(addresses: Iterable<IpAddress>): PacketResult<Uint32Array> {
    const value = Uint32Array.from(addresses, lastWord);
    const words = new Uint32Array(this.#words.length + value.length);
    words.set(this.#words);
    words.set(value, this.#words.length);
    this.#words = words;
    if (value.every((word) => isCovered(this.#ranges, word))) return { ok: true, value };
    const attached = this.#attach();
    return attached.ok ? { ok: true, value } : attached;
  }

  #attach(): PacketResult<Uint32Array> {
    const words = this.#words;
    const ranges = rangesOf(words);
    const program = this.#programFor(ranges);
    if (!sameBytes(program, this.#program)) {
      const attached = this.#door.attachFilter(this.#fd, program);
      if (attached < 0) {
        const operation = `listen for ${words.length} addresses on ${this.#link.name}`;
        return { ok: false, error: refusal(operation, attached) };
      }
      this.#program = program;
    }
    this.#ranges = ranges;
    return { ok: true, value: words };
  }
}
