/**
 * The NETLINK_NETFILTER socket for element changes.
 *
 * The kernel works a batch off inside send(2), so its answers wait in our queue when that returns.
 */
import { constants } from "node:os";
import { MessageBuilder } from "#core/netlink/builder";
import { AF_NETLINK } from "#core/netlink/constants";
import { readHostU32, writeHostU16, writeHostU32 } from "#core/netlink/host-order";
import {
  decodeAcknowledgement,
  decodeMessages,
  isAcknowledgement,
  type NetlinkMessage,
} from "#core/netlink/message";
import { decodeCounter, type NamedCount, writeCounterRequest } from "#core/nftables/counters";
import type { SetChange } from "#core/nftables/delta";
import {
  decodeGeneration,
  writeBatch,
  writeGenerationRequest,
  writeTableRequest,
} from "#core/nftables/nfnetlink";
import { TABLES, type TableFamily } from "#core/nftables/ruleset";
import { writeElementRequest } from "#core/nftables/set-elements";
import { type CountingSet, decodeSlotCounts, type SlotCount } from "#core/nftables/slot-counts";
import { type Door, errnoName } from "#native/door";

const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
/** ioctl(2) on any socket: `struct ifreq` with a name in, its index at offset 16 out. */
const SIOCGIFINDEX = 0x8933;
const IFNAMSIZ = 16;
const IFREQ_LENGTH = 40;
const NO_ADDRESS = new Uint8Array(0);
/** A batch is one message to the socket layer and must fit its send buffer. */
const BUFFER_BYTES = 16 * 1_048_576;
/** No element takes less in a batch. */
const LEAST_ELEMENT_BYTES = 32;
const KEPT_BUFFER_BYTES = 262_144;
/** Larger changes go through `nft`, whose batches libmnl splits by pages. */
const LARGEST_BATCH = 8 * 1_048_576;

/** `undefined` is success; else the name of the errno and the kernel's own words if it had any. */
export type SocketError = { readonly code: string; readonly detail?: string };

const int32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  writeHostU32(bytes, 0, value);
  return bytes;
};

export class NetfilterSocket {
  readonly #door: Door;
  readonly #fd: number;
  #builder = new MessageBuilder();
  readonly #buffer = new Uint8Array(262_144);
  #sequence = 1;

  private constructor(door: Door, fd: number) {
    this.#door = door;
    this.#fd = fd;
  }

  /** Opens the socket in the network namespace of the calling thread. */
  static open(door: Door): NetfilterSocket | SocketError {
    const fd = door.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (fd < 0) return { code: errnoName(fd) };
    for (const name of [SO_SNDBUFFORCE, SO_RCVBUFFORCE])
      door.setsockopt(fd, SOL_SOCKET, name, int32(BUFFER_BYTES));
    for (const name of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) door.setsockopt(fd, SOL_NETLINK, name, int32(1));
    const address = new Uint8Array(12);
    writeHostU16(address, 0, AF_NETLINK);
    const bound = door.bind(fd, address);
    if (bound >= 0) return new NetfilterSocket(door, fd);
    door.close(fd);
    return { code: errnoName(bound) };
  }

  close(): void {
    this.#door.close(this.#fd);
  }

  /** The generation of the ruleset; it changes with every transaction of anybody. */
  generation(): number | SocketError {
    this.#builder.reset();
    writeGenerationRequest(this.#builder, this.#takeSequence(1));
    const failed = this.#send();
    if (failed !== undefined) return failed;
    for (const message of this.#answers()) {
      if (isAcknowledgement(message)) return this.#errorOf(message) ?? { code: "EPROTO" };
      const generation = decodeGeneration(message);
      if (generation.ok) return generation.value;
    }
    return { code: "EPROTO", detail: "the kernel did not answer" };
  }

  /** Makes the changes in one transaction; `undefined` when the kernel made them all. */
  change(changes: readonly SetChange[]): SocketError | undefined {
    const count = changes.reduce((sum, { remove, add }) => sum + remove.length + add.length, 0);
    if (count * LEAST_ELEMENT_BYTES > LARGEST_BATCH) return { code: "EMSGSIZE" };
    const error = this.#makeChanges(changes);
    // A buffer that has grown for one large change is not kept for the small ones to come.
    if (count * LEAST_ELEMENT_BYTES > KEPT_BUFFER_BYTES) this.#builder = new MessageBuilder();
    return error;
  }

  #makeChanges(changes: readonly SetChange[]): SocketError | undefined {
    this.#builder.reset();
    const { first, end } = writeBatch(this.#builder, changes, this.#sequence);
    this.#takeSequence(end - this.#sequence + 1);
    if (this.#builder.bytes().length > LARGEST_BATCH) return { code: "EMSGSIZE" };
    const failed = this.#send();
    if (failed !== undefined) return failed;
    let acknowledged = 0;
    let error: SocketError | undefined;
    for (const message of this.#answers()) {
      if (!isAcknowledgement(message) || message.sequence < first - 1 || message.sequence > end) continue;
      acknowledged += 1;
      error ??= this.#errorOf(message);
    }
    if (error !== undefined) return error;
    return acknowledged === end - first ? undefined : { code: "EPROTO", detail: "an answer is missing" };
  }

  /**
   * Asks something and gives the answers as they are read, up to the last one: read them all before anything else is
   * asked, and keep none of them, since the next ones are read into their place. `write` gives how many messages it wrote, numbered from `sequence` on.
   */
  *ask(write: (builder: MessageBuilder, sequence: number) => number): Generator<NetlinkMessage> {
    this.#builder.reset();
    const first = this.#takeSequence(0);
    const count = write(this.#builder, first);
    this.#takeSequence(count);
    if (this.#send() !== undefined) return;
    for (const message of this.#answers()) {
      if (message.sequence >= first && message.sequence < first + count) yield message;
    }
  }

  /** Whether our table of this family is missing; `false` also where that cannot be told. */
  isTableMissing(family: TableFamily): boolean {
    this.#builder.reset();
    const sequence = this.#takeSequence(1);
    writeTableRequest(this.#builder, sequence, family);
    if (this.#send() !== undefined) return false;
    const errors = [...this.#answers()].flatMap((message) =>
      message.sequence === sequence && isAcknowledgement(message) ? (this.#errorOf(message) ?? []) : [],
    );
    return errors.some(({ code }) => code === "ENOENT");
  }

  /** Every named counter of our tables; what cannot be read is left out. */
  counters(): readonly NamedCount[] {
    const counters: NamedCount[] = [];
    for (const family of TABLES) {
      const answers = this.ask((builder, sequence) => {
        writeCounterRequest(builder, sequence, family);
        return 1;
      });
      for (const message of answers) {
        const counter = decodeCounter(message);
        if (counter.ok) counters.push(counter.value);
      }
    }
    return counters;
  }

  /** What the slots in a set have sent; `undefined` where that cannot be read to its end. */
  slotCounts({ family, set }: CountingSet): readonly SlotCount[] | undefined {
    const answers = this.ask((builder, sequence) => {
      writeElementRequest(builder, { family, set, sequence });
      return 1;
    });
    const counts: SlotCount[] = [];
    let isWhole = false;
    for (const message of answers) {
      if (isAcknowledgement(message)) isWhole = this.#errorOf(message) === undefined;
      else counts.push(...decodeSlotCounts(message));
    }
    return isWhole ? counts : undefined;
  }

  /** The index of an interface; `undefined` when there is none of this name. */
  interfaceIndex(name: string): number | undefined {
    const request = new Uint8Array(IFREQ_LENGTH);
    for (let index = 0; index < Math.min(name.length, IFNAMSIZ - 1); index += 1) {
      request[index] = name.charCodeAt(index);
    }
    return this.#door.ioctl(this.#fd, SIOCGIFINDEX, request) < 0 ? undefined : readHostU32(request, IFNAMSIZ);
  }

  #takeSequence(count: number): number {
    const first = this.#sequence;
    this.#sequence = first + count > 0x7fff_0000 ? 1 : first + count;
    return first;
  }

  #send(): SocketError | undefined {
    const sent = this.#door.send(this.#fd, this.#builder.bytes(), NO_ADDRESS, 0);
    return sent < 0 ? { code: errnoName(sent) } : undefined;
  }

  /** Everything that waits. */
  *#answers(): Generator<NetlinkMessage> {
    for (;;) {
      const length = this.#door.recv(this.#fd, this.#buffer, 0);
      if (length === -constants.errno.EINTR) continue;
      if (length <= 0) return;
      const messages = decodeMessages(this.#buffer.subarray(0, length));
      if (messages.ok) yield* messages.value;
    }
  }

  #errorOf(message: NetlinkMessage): SocketError | undefined {
    const acknowledgement = decodeAcknowledgement(message);
    if (!acknowledgement.ok) return { code: "EPROTO", detail: acknowledgement.reason };
    const { errno, detail } = acknowledgement.value;
    if (errno === 0) return undefined;
    return { code: errnoName(errno), ...(detail === undefined ? {} : { detail }) };
  }
}
