/**
 * Connection tracking over two NETLINK_NETFILTER sockets: one that reads the table, one for everything else.
 *
 * A dump advances only when it is read, so a large one is read for at most `TURN` microseconds and goes on in the next
 * turn of the event loop. One recv(2) with nothing to find may walk the whole table inside the kernel: 260,000 entries
 * take it about 10 ms.
 */
import { constants } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { familyOf } from "#base/address";
import { decodeFlow, type TrackedFlow } from "#core/conntrack/flow";
import {
  decodeUsage,
  encodeFlowDump,
  encodeFlowEnd,
  encodeUsage,
  type TableUsage,
} from "#core/conntrack/request";
import {
  createFlowFinder,
  type FlowPlace,
  type FlowSection,
  type FlowSelector,
} from "#core/conntrack/selector";
import { MessageBuilder } from "#core/netlink/builder";
import { AF_NETLINK } from "#core/netlink/constants";
import { writeHostU16, writeHostU32 } from "#core/netlink/host-order";
import {
  decodeAcknowledgement,
  decodeMessages,
  isAcknowledgement,
  type NetlinkMessage,
} from "#core/netlink/message";
import { type Door, errnoName, openDoor } from "#native/door";
import type { ConntrackError, ConntrackPort, ConntrackResult, FlowCounts } from "./port.ts";

const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NO_ADDRESS = new Uint8Array(0);
const QUEUE_BYTES = 1_048_576;
/** Reading and ending go on for this long in one turn of the event loop, in microseconds. */
const TURN = 2_000;
/** Flows ended by one send(2): their answers must fit the queue. */
const ENDED_AT_ONCE = 200;

type ConntrackDoor = Pick<
  Door,
  "socket" | "bind" | "setsockopt" | "send" | "recv" | "close" | "monotonicMicros"
>;

/** A refusal with the name of its errno. */
const failure = (request: string, errno: number): ConntrackError => ({ code: errnoName(errno), request });

const int32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  writeHostU32(bytes, 0, value);
  return bytes;
};

const openSocket = (door: ConntrackDoor): ConntrackResult<number> => {
  const request = "open a connection tracking socket";
  const fd = door.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  if (fd < 0) return { ok: false, error: failure(request, fd) };
  door.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(QUEUE_BYTES));
  door.setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, int32(1));
  const address = new Uint8Array(12);
  writeHostU16(address, 0, AF_NETLINK);
  const bound = door.bind(fd, address);
  if (bound >= 0) return { ok: true, value: fd };
  door.close(fd);
  return { ok: false, error: failure(request, bound) };
};

class LinuxConntrack implements ConntrackPort {
  readonly #door: ConntrackDoor;
  readonly #tableFd: number;
  readonly #commandFd: number;
  readonly #builder = new MessageBuilder(512);
  readonly #buffer = new Uint8Array(65_536);
  #sequence = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(door: ConntrackDoor, { tableFd, commandFd }: { tableFd: number; commandFd: number }) {
    this.#door = door;
    this.#tableFd = tableFd;
    this.#commandFd = commandFd;
  }

  count(sections: readonly FlowSection[]): Promise<ConntrackResult<FlowCounts>> {
    return this.#inOrder(async () => {
      const open = sections.map(({ targets }) => new Array<number>(targets.length).fill(0));
      const scanned = await this.#scanAll(sections, (flow, { section, target }) => {
        const counts = open[section];
        if (flow.open && counts !== undefined) counts[target] = (counts[target] ?? 0) + 1;
      });
      return scanned.ok ? { ok: true, value: { open, costMicros: scanned.value } } : scanned;
    });
  }

  end(sections: readonly FlowSection[]): Promise<ConntrackResult<readonly number[]>> {
    return this.#inOrder(async () => {
      const orders = new MessageBuilder();
      const sectionBySequence = new Map<number, number>();
      const ended = new Array<number>(sections.length).fill(0);
      const order = (): void => {
        for (const sequence of this.#order(orders)) {
          const section = sectionBySequence.get(sequence);
          if (section !== undefined) ended[section] = (ended[section] ?? 0) + 1;
        }
        orders.reset();
        sectionBySequence.clear();
      };
      const scanned = await this.#scanAll(sections, (flow, { section }) => {
        const sequence = this.#nextSequence();
        sectionBySequence.set(sequence, section);
        encodeFlowEnd(orders, sequence, flow);
        if (sectionBySequence.size === ENDED_AT_ONCE) order();
      });
      if (sectionBySequence.size > 0 && !this.#closed) order();
      return scanned.ok ? { ok: true, value: ended } : scanned;
    });
  }

  usage(): ConntrackResult<TableUsage> {
    const request = "read the usage of the connection tracking table";
    if (this.#closed) return { ok: false, error: { code: "closed", request } };
    this.#builder.reset();
    encodeUsage(this.#builder, this.#nextSequence());
    const sent = this.#door.send(this.#commandFd, this.#builder.bytes(), NO_ADDRESS, 0);
    if (sent < 0) return { ok: false, error: failure(request, sent) };
    for (const message of this.#answers(this.#commandFd)) {
      const usage = decodeUsage(message);
      if (usage.ok) return { ok: true, value: usage.value };
    }
    return { ok: false, error: { code: "lost", request } };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#door.close(this.#tableFd);
    this.#door.close(this.#commandFd);
  }

  #inOrder<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Reads the flows of servers that one of the targets answers; gives the time spent, in microseconds. */
  async #scanAll(
    sections: readonly FlowSection[],
    onFlow: (flow: TrackedFlow, place: FlowPlace) => void,
  ): Promise<ConntrackResult<number>> {
    // Compares again what the kernel was asked to: one before 5.8 gives every flow.
    const find = createFlowFinder(sections);
    const read = (flow: TrackedFlow): void => {
      for (const place of find(flow)) onFlow(flow, place);
    };
    let spent = 0;
    for (const [first, ...others] of kindsOf(sections)) {
      if (first === undefined) continue;
      const scanned = await this.#scan([first, ...others], read);
      if (!scanned.ok) return scanned;
      spent += scanned.value;
    }
    return { ok: true, value: spent };
  }

  /** Reads the flows of servers of one family and protocol. */
  async #scan(
    selectors: readonly [FlowSelector, ...FlowSelector[]],
    onFlow: (flow: TrackedFlow) => void,
  ): Promise<ConntrackResult<number>> {
    const request = "read the connection tracking table";
    if (this.#closed) return { ok: false, error: { code: "closed", request } };
    const sequence = this.#nextSequence();
    let began = this.#door.monotonicMicros();
    let spent = 0;
    this.#builder.reset();
    encodeFlowDump(this.#builder, sequence, selectors);
    const sent = this.#door.send(this.#tableFd, this.#builder.bytes(), NO_ADDRESS, 0);
    if (sent < 0) return { ok: false, error: failure(request, sent) };
    for (;;) {
      if (this.#closed) return { ok: false, error: { code: "closed", request } };
      const length = this.#door.recv(this.#tableFd, this.#buffer, 0);
      if (length === -constants.errno.EINTR) continue;
      if (length === -constants.errno.EAGAIN) return { ok: false, error: { code: "lost", request } };
      if (length < 0) return { ok: false, error: failure(request, length) };
      const messages = decodeMessages(this.#buffer.subarray(0, length));
      if (!messages.ok) return { ok: false, error: { code: "malformed", request } };
      for (const message of messages.value) {
        // What is left of a dump that was given up.
        if (message.sequence !== sequence) continue;
        if (isAcknowledgement(message)) {
          const end = decodeAcknowledgement(message);
          if (!end.ok) return { ok: false, error: { code: "malformed", request } };
          if (end.value.errno !== 0) return { ok: false, error: failure(request, end.value.errno) };
          return { ok: true, value: spent + this.#door.monotonicMicros() - began };
        }
        const flow = decodeFlow(message);
        if (flow.ok) onFlow(flow.value);
      }
      const turn = this.#door.monotonicMicros() - began;
      if (turn < TURN) continue;
      spent += turn;
      await nextTurn();
      began = this.#door.monotonicMicros();
    }
  }

  /** Sends orders to end flows; gives the numbers of those that found theirs. */
  *#order(orders: MessageBuilder): Generator<number> {
    const sent = this.#door.send(this.#commandFd, orders.bytes(), NO_ADDRESS, 0);
    if (sent < 0) return;
    for (const message of this.#answers(this.#commandFd)) {
      const answer = isAcknowledgement(message) ? decodeAcknowledgement(message) : undefined;
      // ENOENT: the flow ended by itself meanwhile.
      if (answer?.ok === true && answer.value.errno === 0) yield message.sequence;
    }
  }

  *#answers(fd: number): Generator<NetlinkMessage> {
    const buffer = new Uint8Array(16_384);
    for (;;) {
      const length = this.#door.recv(fd, buffer, 0);
      if (length === -constants.errno.EINTR) continue;
      if (length <= 0) return;
      const messages = decodeMessages(buffer.subarray(0, length));
      if (messages.ok) yield* messages.value;
    }
  }

  #nextSequence(): number {
    this.#sequence = this.#sequence >= 0x7fff_ffff ? 1 : this.#sequence + 1;
    return this.#sequence;
  }
}

/** The flows asked for, by what one question can ask for. */
const kindsOf = (sections: readonly FlowSection[]): Iterable<readonly FlowSelector[]> =>
  Map.groupBy(
    sections.map(({ selector }) => selector),
    ({ address, protocol }) => `${familyOf(address)} ${protocol}`,
  ).values();

/** The table of the network namespace that the calling thread is in. */
export const openConntrack = (door: ConntrackDoor = openDoor()): ConntrackResult<ConntrackPort> => {
  const table = openSocket(door);
  if (!table.ok) return table;
  const command = openSocket(door);
  if (command.ok)
    return {
      ok: true,
      value: new LinuxConntrack(door, { tableFd: table.value, commandFd: command.value }),
    };
  door.close(table.value);
  return command;
};
