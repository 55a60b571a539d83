/** Reads the packets of one socket in batches into one buffer that is used again and again. */
import { type Door, errnoName } from "#native/door";
import type { OnPacketError, PacketError, PacketResult } from "./port.ts";

/** A packet as recvmmsg gives it: views of the buffer. */
export type RawPacket = {
  readonly payload: Uint8Array;
  readonly name: Uint8Array;
  readonly control: Uint8Array;
};

const SLOTS = 16;
/** As many as a receive buffer holds: what waited when the draining began is read. */
const DRAIN_BATCHES = 64;
/** Then the event loop gets its turn, so that a flood delays timers by a few milliseconds at most. */
const TURN_BATCHES = 8;
const NAME_SIZE = 128;
const CONTROL_SIZE = 256;

/** A refused call as an error. */
export const refusal = (operation: string, errno: number): PacketError => ({
  code: errnoName(errno),
  operation,
});

/** The reading half of a socket. */
export type Reader = {
  /** Reads and delivers what waits; gives how many. */
  readonly drain: () => number;
  readonly received: () => number;
  readonly stop: () => void;
};

/** Starts to deliver the socket's packets. `payloadSize` must hold the largest packet that could be valid. */
export const startReading = (
  door: Door,
  request: {
    readonly fd: number;
    readonly payloadSize: number;
    readonly onPacket: (packet: RawPacket) => void;
    readonly onError: OnPacketError;
  },
): PacketResult<Reader> => {
  const { fd, payloadSize } = request;
  const slotSize = payloadSize + NAME_SIZE + CONTROL_SIZE;
  const arena = new Uint8Array(SLOTS * slotSize);
  const lengths = new Int32Array(SLOTS * 4);
  let received = 0;
  let reading = false;
  let stopped = false;

  const part = (start: number, length: number | undefined): Uint8Array =>
    arena.subarray(start, start + (length ?? 0));

  const deliver = (count: number): void => {
    for (let slot = 0; slot < count && !stopped; slot += 1) {
      const start = slot * slotSize;
      received += 1;
      request.onPacket({
        payload: part(start, lengths[slot * 4]),
        name: part(start + payloadSize, lengths[slot * 4 + 1]),
        control: part(start + payloadSize + NAME_SIZE, lengths[slot * 4 + 2]),
      });
    }
  };

  const readBatches = (limit: number): number => {
    const before = received;
    for (let batch = 0; batch < limit && !stopped; batch += 1) {
      const count = door.recvmmsg(fd, arena, payloadSize, lengths);
      if (count < 0) request.onError(refusal("receive", count));
      deliver(count);
      if (count < SLOTS) break;
    }
    return received - before;
  };

  /** Within a callback the buffer is in use, so nothing more is read. */
  const read = (limit: number): number => {
    if (reading || stopped) return 0;
    reading = true;
    try {
      return readBatches(limit);
    } finally {
      reading = false;
    }
  };

  const watching = door.watch(fd, () => read(TURN_BATCHES));
  if (typeof watching === "number") return { ok: false, error: refusal("watch the socket", watching) };
  const stop = (): void => {
    stopped = true;
    watching();
  };
  return { ok: true, value: { drain: () => read(DRAIN_BATCHES), received: () => received, stop } };
};
