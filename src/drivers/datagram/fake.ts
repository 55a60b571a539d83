/** Two boxes in memory: what one sends the other has at once, unless it is lost. */
import type { DatagramPath, DatagramPort } from "./port.ts";

type End = { readonly path: DatagramPath; readonly onDatagram: (bytes: Uint8Array) => void };

export type FakeWire = {
  /** One port for both boxes: their addresses tell them apart. */
  readonly port: DatagramPort;
  /** Whether a datagram is lost; asked for each. */
  loses: (bytes: Uint8Array) => boolean;
  /** Why the next sockets cannot be opened. */
  refuses: string | undefined;
};

/** A link without loss. */
export const fakeWire = (): FakeWire => {
  const ends = new Set<End>();
  const wire: FakeWire = {
    loses: () => false,
    refuses: undefined,
    port: {
      open: (path, onDatagram) => {
        if (wire.refuses !== undefined) return wire.refuses;
        const end = { path, onDatagram };
        ends.add(end);
        return {
          send: (bytes) => {
            if (!ends.has(end) || wire.loses(bytes)) return;
            for (const { path: other, onDatagram: deliver } of ends) {
              const fits = other.address === path.peer && other.peer === path.address;
              if (fits && other.port === path.port) deliver(bytes.slice());
            }
          },
          close: () => void ends.delete(end),
        };
      },
    },
  };
  return wire;
};
