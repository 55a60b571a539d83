/** Descriptors of the door as sockets of `node:net`, which read into one buffer for all. */
import { Socket } from "node:net";
import type { Door } from "#native/door";
import type { Ear } from "./connection.ts";
import { endOf, SOCKADDR_LENGTH } from "./layout.ts";
import type { BgpConnection } from "./port.ts";

/** What one read can bring: keeping busy with what a peer sends without end takes a few milliseconds at a time. */
const READ_SIZE = 16_384;

/** What connections of one port share. */
export type SocketMaker = {
  readonly door: Door;
  /** Takes a connected descriptor over; what it reads goes to the ear. */
  readonly adopt: (fd: number) => { readonly socket: Socket; readonly ear: Ear };
};

/** Makes sockets. A chunk is read and delivered before the next read of any of them, so one buffer serves all. */
export const createSocketMaker = (door: Door): SocketMaker => {
  const buffer = new Uint8Array(READ_SIZE);
  return {
    door,
    adopt: (fd) => {
      const ear: Ear = { events: undefined };
      const callback = (length: number): boolean => {
        ear.events?.onData(buffer.subarray(0, length));
        return true;
      };
      const onread = { buffer, callback };
      return { socket: new Socket({ fd, allowHalfOpen: true, onread }), ear };
    },
  };
};

/** Our own end of a connected descriptor. */
export const localEndOf = (door: Door, fd: number): Pick<BgpConnection, "local" | "linkIndex"> => {
  const bytes = new Uint8Array(SOCKADDR_LENGTH);
  // Of a connected socket it cannot fail; an address of zeros would say nothing wrong.
  door.getsockname(fd, bytes);
  const { address, port, scope } = endOf(bytes);
  return { local: { address, port }, linkIndex: scope };
};
