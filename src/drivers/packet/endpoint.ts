/** What every packet socket has in common: it reads, counts, and is closed once. */
import { constants } from "node:os";
import type { Door } from "#native/door";
import { MEMINFO, SO_MEMINFO, SOL_SOCKET } from "./constants.ts";
import type { OnPacketError, PacketCounters, PacketResult } from "./port.ts";
import { type RawPacket, refusal, startReading } from "./receiver.ts";

/** One or two descriptors that act as one socket. */
export type Endpoint = {
  /** Performs a send unless the socket is closed, and counts its outcome. */
  transmit(send: () => number, operation: () => string): PacketResult<undefined>;
  drain(): number;
  counters(): PacketCounters;
  close(): void;
  /** Whether it was closed. */
  closed(): boolean;
};

/** How many packets the kernel dropped because the socket's buffer was full. */
const droppedBy = (door: Door, fd: number): number => {
  const counters = new Uint32Array(MEMINFO.length);
  const length = door.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, new Uint8Array(counters.buffer));
  return length < counters.byteLength ? 0 : (counters[MEMINFO.drops] ?? 0);
};

/** Starts to read `fd`. It and `alsoClose` belong to the endpoint from now on, also when it cannot be made. */
export const openEndpoint = (
  door: Door,
  request: {
    readonly fd: number;
    readonly alsoClose: readonly number[];
    readonly payloadSize: number;
    readonly onPacket: (packet: RawPacket) => void;
    readonly onError: OnPacketError;
  },
): PacketResult<Endpoint> => {
  const { fd } = request;
  const closeAll = (): void => {
    for (const one of [fd, ...request.alsoClose]) door.close(one);
  };
  const started = startReading(door, request);
  if (!started.ok) {
    closeAll();
    return started;
  }
  const reader = started.value;
  let sent = 0;
  let dropped = 0;
  const sendErrors = new Map<string, number>();
  let closed = false;
  const endpoint: Endpoint = {
    transmit: (send, operation) => {
      const outcome = closed ? -constants.errno.EBADF : send();
      if (outcome >= 0) {
        sent += 1;
        return { ok: true, value: undefined };
      }
      const error = refusal(operation(), outcome);
      sendErrors.set(error.code, (sendErrors.get(error.code) ?? 0) + 1);
      return { ok: false, error };
    },
    drain: reader.drain,
    counters: () => {
      if (!closed) dropped = droppedBy(door, fd);
      return { received: reader.received(), sent, dropped, sendErrors: new Map(sendErrors) };
    },
    close: () => {
      if (closed) return;
      closed = true;
      reader.stop();
      closeAll();
    },
    closed: () => closed,
  };
  return { ok: true, value: endpoint };
};
