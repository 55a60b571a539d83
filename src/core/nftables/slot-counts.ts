/**
 * What each slot of a ring of targets has sent, which the kernel counts beside the slot, summed up for each backend.
 *
 * A slot that gets another target is another element and begins at nothing, so sums are kept here: what a slot has more than
 * when it was last read is its owner's. What it sends between that and a move is counted by nobody.
 */
import { readU32 } from "#base/bytes";
import { decidesByHash, type ForwardingPlan, type ServerPlan } from "#core/balance/plan-model";
import { ownerOf } from "#core/balance/slots";
import { readHostU32 } from "#core/netlink/host-order";
import type { NetlinkMessage } from "#core/netlink/message";
import type { TableFamily } from "./ruleset.ts";
import {
  decodeElements,
  find,
  findValue,
  lengthOf,
  NFTA_SET_ELEM_KEY,
  type Span,
  wholeOf,
} from "./set-elements.ts";
import { targetRings } from "./targets.ts";

const NFTA_SET_ELEM_EXPR = 7;
const NFTA_EXPR_DATA = 2;
const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;

export type SlotCount = { readonly slot: number; readonly packets: number; readonly bytes: number };
/** Packets and bytes; exact up to 2^53. */
export type Sent = { readonly packets: number; readonly bytes: number };

const readU64 = (bytes: Uint8Array, span: Span | undefined): number | undefined =>
  span === undefined || lengthOf(span) !== 8
    ? undefined
    : readU32(bytes, span.start) * 0x1_0000_0000 + readU32(bytes, span.start + 4);

const decodeCount = (bytes: Uint8Array): SlotCount | undefined => {
  const whole = wholeOf(bytes);
  const key = findValue(bytes, NFTA_SET_ELEM_KEY, whole);
  const expression = find(bytes, NFTA_SET_ELEM_EXPR, whole);
  const counter = expression === undefined ? undefined : find(bytes, NFTA_EXPR_DATA, expression);
  if (key === undefined || lengthOf(key) !== 4 || counter === undefined) return undefined;
  const packets = readU64(bytes, find(bytes, NFTA_COUNTER_PACKETS, counter));
  const sum = readU64(bytes, find(bytes, NFTA_COUNTER_BYTES, counter));
  if (packets === undefined || sum === undefined) return undefined;
  return { slot: readHostU32(bytes, key.start), packets, bytes: sum };
};

/** Reads one message of the answer; what counts nothing is left out. */
export const decodeSlotCounts = (message: NetlinkMessage): readonly SlotCount[] => {
  const elements = decodeElements(message);
  return elements.ok ? elements.value.flatMap((element) => decodeCount(element) ?? []) : [];
};

type Book = {
  /** Which slots these are. */
  readonly recipe: string;
  /** By slot, as last read. */
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  readonly sentByBackend: Map<string, Sent>;
};

/** A set whose slots count. */
export type CountingSet = { readonly family: TableFamily; readonly set: string };

export class SlotCounts {
  #books = new Map<string, Book>();
  /** Whose turn it is. */
  #next = 0;

  /** The servers to read now: those whose turn it is, until they have so many slots, but one at least. */
  turn({ servers }: ForwardingPlan, slots: number): readonly ServerPlan[] {
    const counting = servers.filter(isCounting);
    this.#books = new Map(
      [...this.#books].filter(([name]) => counting.some((server) => server.name === name)),
    );
    const turn: ServerPlan[] = [];
    let weight = 0;
    while (turn.length < counting.length) {
      const server = counting[(this.#next + turn.length) % counting.length];
      if (server === undefined) break;
      weight += server.slots.length;
      if (turn.length > 0 && weight > slots) break;
      turn.push(server);
    }
    this.#next = counting.length === 0 ? 0 : (this.#next + turn.length) % counting.length;
    return turn;
  }

  /** Takes what all slots of a server have sent. */
  note(server: ServerPlan, counts: Iterable<SlotCount>): void {
    const book = this.#bookOf(server);
    const nameById = new Map(server.backends.map(({ id, name }) => [id, name]));
    const seen = new Set<number>();
    for (const { slot, packets, bytes } of counts) {
      if (slot >= server.slots.length) continue;
      seen.add(slot);
      const [before = 0, bytesBefore = 0] = [book.packets[slot], book.bytes[slot]];
      [book.packets[slot], book.bytes[slot]] = [packets, bytes];
      const isSame = packets >= before && bytes >= bytesBefore;
      const more = {
        packets: isSame ? packets - before : packets,
        bytes: isSame ? bytes - bytesBefore : bytes,
      };
      const name = more.packets === 0 ? undefined : nameById.get(ownerOf(server, slot));
      if (name === undefined) continue;
      const sum = book.sentByBackend.get(name) ?? { packets: 0, bytes: 0 };
      book.sentByBackend.set(name, { packets: sum.packets + more.packets, bytes: sum.bytes + more.bytes });
    }
    // A slot that is not there now begins at nothing when it comes back.
    for (let slot = 0; slot < server.slots.length; slot += 1)
      if (!seen.has(slot)) [book.packets[slot], book.bytes[slot]] = [0, 0];
  }

  /** What a backend was sent the short way, as far as it has been read. */
  sent(server: string, backend: string): Sent | undefined {
    return this.#books.get(server)?.sentByBackend.get(backend);
  }

  #bookOf({ name, slots }: ServerPlan): Book {
    const recipe = `${slots.length}`;
    const known = this.#books.get(name);
    if (known?.recipe === recipe) return known;
    const book: Book = {
      recipe,
      packets: new Float64Array(slots.length),
      bytes: new Float64Array(slots.length),
      sentByBackend: new Map(known?.sentByBackend),
    };
    this.#books.set(name, book);
    return book;
  }
}

/** Whether slots of a server count, where servers are counted at all. */
export const isCounting = (server: ServerPlan): boolean =>
  server.mode === "dsr" && decidesByHash(server) && server.slots.length > 0;

/** The sets in which they do. */
export const countingSets = (server: ServerPlan): readonly CountingSet[] =>
  targetRings(server, true).map(({ set }) => ({ family: "netdev", set }));
