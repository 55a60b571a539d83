/**
 * What each slot of a ring of targets has sent, which the kernel counts beside the slot, summed up for each backend.
 *
 * A slot that gets another target is another element and begins at nothing, so sums are kept here: what a slot has more than
 * when it was last read is its owner's. So slots that are to get another owner are read before, as far as there is time for that.
 */
import { readU32 } from "#base/bytes";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
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
import { mayGoShort, targetRings } from "./targets.ts";

const NFTA_SET_ELEM_EXPR = 7;
const NFTA_EXPR_DATA = 2;
const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;

export type SlotCount = { readonly slot: number; readonly packets: number; readonly bytes: number };
/** Packets and bytes; exact up to 2^53. */
export type Sent = { readonly packets: number; readonly bytes: number };

export const NOTHING_SENT: Sent = { packets: 0, bytes: 0 };

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
  /** By slot, as last read. */
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  /** Whose they were. */
  readonly owners: Uint32Array;
  readonly sentByBackend: Map<string, Sent>;
};

/** A set whose slots count. */
export type CountingSet = { readonly family: TableFamily; readonly set: string };

export class SlotCounts {
  #books = new Map<string, Book>();
  /** Servers whose slots have counted before we came. */
  readonly #older = new Set<string>();
  /** Whose turn it is. */
  #next = 0;

  /** The rings of this plan were there before us: what they have counted so far is not told. */
  adopt({ servers }: ForwardingPlan): void {
    for (const { name } of servers) this.#older.add(name);
  }

  /** All rings are new and have counted nothing. */
  ringsAnew(): void {
    this.#older.clear();
    for (const { packets, bytes } of this.#books.values()) {
      packets.fill(0);
      bytes.fill(0);
    }
  }

  /** The servers to read now: those whose turn it is, until they have so many slots, but one at least. */
  turn({ servers }: ForwardingPlan, slots: number): readonly ServerPlan[] {
    const counting = servers.filter(mayGoShort);
    const names = new Set(counting.map(({ name }) => name));
    for (const name of this.#books.keys()) if (!names.has(name)) this.#books.delete(name);
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
    const isOlder = this.#older.delete(server.name);
    const nameById = new Map(server.backends.map(({ id, name }) => [id, name]));
    const seen = new Set<number>();
    for (const { slot, packets, bytes } of counts) {
      if (slot >= server.slots.length) continue;
      seen.add(slot);
      const owner = ownerOf(server, slot);
      const [before = 0, bytesBefore = 0] = [book.packets[slot], book.bytes[slot]];
      const isSame = book.owners[slot] === owner && packets >= before && bytes >= bytesBefore;
      [book.packets[slot], book.bytes[slot], book.owners[slot]] = [packets, bytes, owner];
      if (isOlder) continue;
      const more = isSame ? { packets: packets - before, bytes: bytes - bytesBefore } : { packets, bytes };
      const name = more.packets === 0 ? undefined : nameById.get(owner);
      if (name === undefined) continue;
      const sum = book.sentByBackend.get(name) ?? NOTHING_SENT;
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
    const known = this.#books.get(name);
    if (known?.packets.length === slots.length) return known;
    const book: Book = {
      packets: new Float64Array(slots.length),
      bytes: new Float64Array(slots.length),
      owners: new Uint32Array(slots.length),
      sentByBackend: new Map(known?.sentByBackend),
    };
    this.#books.set(name, book);
    return book;
  }
}

/** The sets in which slots of a server count. */
export const countingSets = (server: ServerPlan): readonly CountingSet[] =>
  targetRings(server).map(({ set }) => ({ family: "netdev", set }));
