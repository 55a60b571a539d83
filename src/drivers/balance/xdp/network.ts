/**
 * What the kernel knows of interfaces and neighbours, kept up to date through netlink.
 *
 * The program writes Ethernet addresses itself, so it must learn at once when one changes; and as no packet asks the
 * kernel for them any more, we ask it now and then to make sure of those in use.
 */
import { constants } from "node:os";
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { MessageBuilder } from "#core/netlink/builder";
import {
  AF_NETLINK,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "#core/netlink/constants";
import { writeHostU16, writeHostU32 } from "#core/netlink/host-order";
import { decodeLink, encodeLinkDump, type Link } from "#core/netlink/link";
import { decodeMessages, isAcknowledgement, type NetlinkMessage } from "#core/netlink/message";
import {
  decodeNeighbour,
  encodeNeighbourDump,
  encodeNeighbourUse,
  isUsable,
  type Neighbour,
} from "#core/netlink/neighbour";
import type { Surroundings, Way } from "#core/xdp/surroundings";
import { type Door, errnoName, type StopWatching } from "#native/door";

const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const QUEUE_BYTES = 4 * 1_048_576;
const NO_ADDRESS = new Uint8Array(0);

/** A neighbour by where it is. */
export type Target = { readonly linkIndex: number; readonly address: IpAddress };

const keyOf = ({ linkIndex, address }: Target): string => `${linkIndex} ${address}`;

const openSocket = (door: Door, groups: readonly number[]): number => {
  const fd = door.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0) throw new Error(`cannot open an rtnetlink socket: ${errnoName(fd)}`);
  const queue = new Uint8Array(4);
  writeHostU32(queue, 0, QUEUE_BYTES);
  door.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, queue);
  const address = new Uint8Array(12);
  writeHostU16(address, 0, AF_NETLINK);
  writeHostU32(
    address,
    8,
    groups.reduce((bits, group) => bits | (1 << (group - 1)), 0),
  );
  const bound = door.bind(fd, address);
  if (bound >= 0) return fd;
  door.close(fd);
  throw new Error(`cannot bind an rtnetlink socket: ${errnoName(bound)}`);
};

/** Opened in the network namespace of the calling thread. */
export class Network implements Surroundings {
  readonly #door: Door;
  /** One to ask, one to listen. */
  readonly #asking: number;
  readonly #listening: number;
  readonly #stop: StopWatching | undefined;
  readonly #builder = new MessageBuilder();
  readonly #buffer = new Uint8Array(262_144);
  readonly #linkByIndex = new Map<number, Link>();
  readonly #macByTarget = new Map<string, MacAddress>();
  #sequence = 0;

  /** `onChange` is called when an interface or a neighbour's Ethernet address is not as before. */
  constructor(door: Door, onChange: () => void) {
    this.#door = door;
    this.#asking = openSocket(door, []);
    this.#listening = openSocket(door, [RTNLGRP_LINK, RTNLGRP_NEIGH]);
    this.#readAll();
    const stop = door.watch(this.#listening, () => {
      if (this.catchUp()) onChange();
    });
    this.#stop = typeof stop === "function" ? stop : undefined;
  }

  close(): void {
    this.#stop?.();
    for (const fd of [this.#asking, this.#listening]) this.#door.close(fd);
  }

  /** The interface of this name, whatever it is. */
  link(device: string): Link | undefined {
    for (const link of this.#linkByIndex.values()) if (link.name === device) return link;
    return undefined;
  }

  /** What this interface is, and what its members are if it is a bond; `undefined` among them is most hardware. */
  kinds(device: string): ReadonlySet<string | undefined> {
    const link = this.link(device);
    if (link === undefined) return new Set();
    const members = [...this.#linkByIndex.values()].filter(({ master }) => master === link.index);
    return new Set([link, ...members].map(({ kind }) => kind));
  }

  readonly way = (device: string): Way | undefined => {
    const link = this.link(device);
    return link?.mac === undefined ? undefined : { index: link.index, mac: link.mac, mtu: link.mtu };
  };

  readonly neighbour = (index: number, address: IpAddress): MacAddress | undefined =>
    this.#macByTarget.get(keyOf({ linkIndex: index, address }));

  /** Has the kernel find these neighbours, or make sure of them. Failures show as neighbours that stay unknown. */
  seek(targets: readonly Target[]): void {
    for (const target of targets) {
      this.#builder.reset();
      encodeNeighbourUse(this.#builder, this.#next(), target);
      this.#door.send(this.#asking, this.#builder.bytes(), NO_ADDRESS, 0);
    }
    this.#drain(this.#asking, () => undefined);
  }

  #next(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  #readAll(): void {
    this.#linkByIndex.clear();
    this.#macByTarget.clear();
    for (const encode of [encodeLinkDump, encodeNeighbourDump]) {
      const sequence = this.#next();
      this.#builder.reset();
      encode(this.#builder, sequence);
      this.#door.send(this.#asking, this.#builder.bytes(), NO_ADDRESS, 0);
      this.#drain(this.#asking, (message) => {
        if (message.sequence === sequence && !isAcknowledgement(message)) this.#learn(message);
      });
    }
  }

  /** Reads until nothing waits; gives whether messages were lost. The kernel answers a dump while it is being read. */
  #drain(fd: number, take: (message: NetlinkMessage) => void): boolean {
    let lost = false;
    for (;;) {
      const length = this.#door.recv(fd, this.#buffer, 0);
      if (length === -constants.errno.EINTR) continue;
      if (length === -constants.errno.ENOBUFS) {
        lost = true;
        continue;
      }
      if (length <= 0) return lost;
      const messages = decodeMessages(this.#buffer.subarray(0, length));
      if (messages.ok) for (const message of messages.value) take(message);
    }
  }

  /** Takes in what has been told and not been read yet; gives whether it was news. */
  catchUp(): boolean {
    let changed = false;
    const lost = this.#drain(this.#listening, (message) => {
      changed = this.#learn(message) || changed;
    });
    if (lost) this.#readAll();
    return changed || lost;
  }

  /** Gives whether it was news. */
  #learn({ type, body }: NetlinkMessage): boolean {
    if (type === RTM_NEWNEIGH || type === RTM_DELNEIGH) {
      const neighbour = decodeNeighbour(body);
      return neighbour.ok && this.#learnNeighbour(neighbour.value, type === RTM_DELNEIGH);
    }
    if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return false;
    const link = decodeLink(body);
    if (!link.ok) return false;
    const { index, name, mac, mtu } = link.value;
    const before = this.#linkByIndex.get(index);
    if (type === RTM_DELLINK) return this.#linkByIndex.delete(index);
    this.#linkByIndex.set(index, link.value);
    return before?.name !== name || before.mac !== mac || before.mtu !== mtu;
  }

  #learnNeighbour(neighbour: Neighbour, gone: boolean): boolean {
    const key = keyOf(neighbour);
    const { mac } = neighbour;
    if (gone || mac === undefined || !isUsable(neighbour)) return this.#macByTarget.delete(key);
    if (this.#macByTarget.get(key) === mac) return false;
    this.#macByTarget.set(key, mac);
    return true;
  }
}
