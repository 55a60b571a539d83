/** Reads the packets of one listener in batches into one buffer that is used again and again. */
import type { IpFamily } from "#base/address";
import { type Door, errnoName } from "#native/door";
import { addressOfSockaddr, readArrival } from "./layout.ts";
import type { BfdPort } from "./port.ts";

/** The reading half of a listener. */
export type Reader = {
  /** Reads and delivers what waits; gives how many packets. */
  readonly drain: () => number;
  readonly received: () => number;
  readonly stop: () => void;
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

type Request = Parameters<BfdPort["listen"]>[0] & { readonly family: IpFamily };

/** Starts to deliver a socket's packets; gives a negative errno if it cannot. */
export const startReading = (door: Door, fd: number, request: Request): Reader | number => {
  const { family, path, vrf } = request;
  const arena = new Uint8Array(SLOTS * SLOT_SIZE);
  const lengths = new Int32Array(SLOTS * 4);
  let received = 0;
  let reading = false;
  let stopped = false;

  const part = (start: number, length: number | undefined): Uint8Array =>
    arena.subarray(start, start + (length ?? 0));

  const deliver = (slot: number): void => {
    const start = slot * SLOT_SIZE;
    received += 1;
    const source = addressOfSockaddr(part(start + PAYLOAD_SIZE, lengths[slot * 4 + 1]), family);
    const control = part(start + PAYLOAD_SIZE + NAME_SIZE, lengths[slot * 4 + 2]);
    const arrival = readArrival(control, family);
    if (source === undefined || arrival === undefined) return;
    request.onDatagram({ payload: part(start, lengths[slot * 4]), source, path, vrf, ...arrival });
  };

  const readBatches = (limit: number): number => {
    const before = received;
    for (let batch = 0; batch < limit && !stopped; batch += 1) {
      const count = door.recvmmsg(fd, arena, PAYLOAD_SIZE, lengths);
      if (count < 0) request.onError({ code: errnoName(count), operation: "receive" });
      for (let slot = 0; slot < count && !stopped; slot += 1) deliver(slot);
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
  if (typeof watching === "number") return watching;
  const stop = (): void => {
    stopped = true;
    watching();
  };
  return { drain: () => read(DRAIN_BATCHES), received: () => received, stop };
};
