/**
 * Reads the packets of one listener in batches into one buffer that is used again and again.
 *
 * A listener may have two sockets on its port: the second one has the packets that say nothing new, which may wait. Whatever is read, they
 * are read with it, in the order in which they came.
 */
import { micros } from "#base/time";
import type { Datagram } from "#core/bfd/admission";
import { type Door, errnoName, type StopWatching } from "#native/door";
import { addressOfSockaddr, readArrival } from "./layout.ts";
import type { BfdPort } from "./port.ts";
import { type Clocks, Stamps } from "./stamps.ts";

/** The reading half of a listener. */
export type Reader = {
  /** Reads and delivers what waits; gives how many packets. */
  readonly drain: () => number;
  readonly holdBack: (isHeld: boolean) => void;
  readonly received: () => number;
  readonly stop: () => void;
};

/** The sockets of a listener, which are bound. */
type Sockets = {
  readonly news: number;
  /** What says nothing new comes to this one, with the time at which it came; `undefined`: all come to the other. */
  readonly routine?: number | undefined;
};

const SLOTS = 32;
/** As many as a receive buffer holds: what waited when the draining began is read. */
const DRAIN_BATCHES = 32;
/** Then the event loop gets its turn, so that a flood delays timers by a few milliseconds at most. */
const TURN_BATCHES = 4;
/** A length field of one byte says how long a packet can be. */
const PAYLOAD_SIZE = 256;
const NAME_SIZE = 128;
const CONTROL_SIZE = 256;
const SLOT_SIZE = PAYLOAD_SIZE + NAME_SIZE + CONTROL_SIZE;

type Listening = Parameters<BfdPort["listen"]>[0];
type Request = Omit<Listening, "onRead"> & Partial<Pick<Listening, "onRead">>;

/** A packet in a buffer, valid until the next batch is read into it, and when it came, by a clock that nobody sets, in milliseconds. */
type Waiting = { readonly datagram: Datagram; readonly at: number };
type Batch = { readonly count: number; readonly waiting: readonly Waiting[] };

const NOTHING: Batch = { count: 0, waiting: [] };

/** Gives what reads one batch from a socket. */
const openBatch = (
  { door, clocks }: { readonly door: Door; readonly clocks: Clocks },
  fd: number,
  { family, path, vrf, onError }: Request,
): (() => Batch) => {
  const stamps = new Stamps(clocks);
  const arena = new Uint8Array(SLOTS * SLOT_SIZE);
  const lengths = new Int32Array(SLOTS * 4);
  const part = (start: number, length: number | undefined): Uint8Array =>
    arena.subarray(start, start + (length ?? 0));

  const waitingIn = (slot: number): Waiting | undefined => {
    const start = slot * SLOT_SIZE;
    const source = addressOfSockaddr(part(start + PAYLOAD_SIZE, lengths[slot * 4 + 1]), family);
    const control = part(start + PAYLOAD_SIZE + NAME_SIZE, lengths[slot * 4 + 2]);
    const arrival = readArrival(control, family);
    if (source === undefined || arrival === undefined) return undefined;
    const { destination, hopLimit, linkIndex, at: stamp } = arrival;
    const payload = part(start, lengths[slot * 4]);
    const waited = stamp === undefined ? micros(0) : stamps.waited(stamp);
    const at = stamps.cameAt(waited);
    return { datagram: { payload, source, path, vrf, destination, hopLimit, linkIndex, waited }, at };
  };

  return () => {
    const count = door.recvmmsg(fd, arena, PAYLOAD_SIZE, lengths);
    if (count < 0) onError({ code: errnoName(count), operation: "receive" });
    if (count < 0) return NOTHING;
    stamps.read();
    const waiting: Waiting[] = [];
    for (let slot = 0; slot < count; slot += 1) {
      const packet = waitingIn(slot);
      if (packet !== undefined) waiting.push(packet);
    }
    if (count < SLOTS) stamps.emptied();
    return count === 0 ? NOTHING : { count, waiting };
  };
};

/** Starts to deliver the packets of sockets; gives a negative errno if it cannot. `clocks` are the machine's but in tests. */
export const startReading = (
  door: Door,
  sockets: Sockets,
  request: Request,
  clocks: Clocks = { wall: Date.now, steady: () => door.monotonicMicros() / 1_000 },
): Reader | number => {
  const readNews = openBatch({ door, clocks }, sockets.news, request);
  const readRoutine =
    sockets.routine === undefined ? () => NOTHING : openBatch({ door, clocks }, sockets.routine, request);
  let received = 0;
  let reading = false;
  let stopped = false;

  const deliver = ({ datagram }: Waiting): void => {
    if (!stopped) request.onDatagram(datagram);
  };

  /**
   * Reads one batch of news, and of what waits as much as came before it and more, as far as `left` batches go: each packet is
   * delivered in its turn. Gives how many batches are left then; none when all was read.
   */
  const readBatch = (left: number): number => {
    const news = readNews();
    received += news.count;
    let rest = left - 1;
    let next = 0;
    const deliverUntil = (at: number): void => {
      for (
        let packet = news.waiting[next];
        packet !== undefined && packet.at < at;
        packet = news.waiting[next]
      ) {
        next += 1;
        deliver(packet);
      }
    };
    let isMore = true;
    while (rest > 0 && isMore && !stopped) {
      const routine = readRoutine();
      received += routine.count;
      if (routine.count > 0) rest -= 1;
      for (const packet of routine.waiting) {
        deliverUntil(packet.at);
        deliver(packet);
      }
      isMore = routine.count === SLOTS;
    }
    deliverUntil(Number.POSITIVE_INFINITY);
    return news.count === SLOTS ? rest : 0;
  };

  /** Within a callback the buffers are in use, so nothing more is read. */
  const read = (limit: number): number => {
    if (reading || stopped) return 0;
    reading = true;
    const before = received;
    try {
      for (let left = limit; left > 0 && !stopped; left = readBatch(left));
    } finally {
      reading = false;
    }
    const count = received - before;
    if (count > 0 && !stopped) request.onRead?.(count);
    return count;
  };

  const onReadable = (): void => void read(TURN_BATCHES);
  const watchingNews = door.watch(sockets.news, onReadable);
  if (typeof watchingNews === "number") return watchingNews;
  let watchingRoutine: StopWatching | undefined;
  const holdBack = (isHeld: boolean): void => {
    if (sockets.routine === undefined || stopped || isHeld === (watchingRoutine === undefined)) return;
    watchingRoutine?.();
    watchingRoutine = undefined;
    if (isHeld) return;
    const watching = door.watch(sockets.routine, onReadable);
    if (typeof watching === "number") request.onError({ code: errnoName(watching), operation: "watch" });
    else watchingRoutine = watching;
  };
  holdBack(false);
  const stop = (): void => {
    holdBack(true);
    stopped = true;
    watchingNews();
  };
  return { drain: () => read(DRAIN_BATCHES), holdBack, received: () => received, stop };
};
