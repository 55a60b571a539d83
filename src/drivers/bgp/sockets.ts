/** Descriptors of the door as sockets of `node:net`, which read into one buffer for all. */
import { Socket } from "node:net";
import type { Door } from "#native/door";
import type { Ear } from "./connection.ts";
import { endOf, SOCKADDR_LENGTH } from "./layout.ts";
import type { BgpConnection } from "./port.ts";

/** What one read can bring: two of the longest messages, or four hundred of the shortest, which keep us busy for a millisecond or two. */
const READ_SIZE = 8_192;

/**
 * Lets sockets whose peers send without end read in turn, one read in a turn of the event loop: libuv would read 32 times in a row
 * from each, and whatever else lives on this thread would wait for as long as that takes.
 */
class Turns {
  /** Sockets that have paused, in the order of their turns. */
  readonly #paused = new Set<Socket>();
  #next: NodeJS.Immediate | undefined;

  /** A socket that has paused reads on when it is its turn. */
  wait(socket: Socket): void {
    this.#paused.add(socket);
    this.#next ??= setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    const [socket] = this.#paused;
    if (socket !== undefined) {
      this.#paused.delete(socket);
      socket.resume();
    }
    this.#next = this.#paused.size === 0 ? undefined : setImmediate(this.#onTurn);
  };
}

/** What connections of one port share. */
export type SocketMaker = {
  readonly door: Door;
  /** Takes a connected descriptor over; what it reads goes to the ear. */
  readonly adopt: (fd: number) => { readonly socket: Socket; readonly ear: Ear };
};

/** Makes sockets. A chunk is read and delivered before the next read of any of them, so one buffer serves all. */
export const createSocketMaker = (door: Door): SocketMaker => {
  const buffer = new Uint8Array(READ_SIZE);
  const turns = new Turns();
  return {
    door,
    adopt: (fd) => {
      const ear: Ear = { events: undefined };
      const callback = (length: number): boolean => {
        ear.events?.onData(buffer.subarray(0, length));
        // There may be more.
        const isFull = length === READ_SIZE;
        if (isFull) turns.wait(socket);
        return !isFull;
      };
      const onread = { buffer, callback };
      const socket = new Socket({ fd, allowHalfOpen: true, onread });
      return { socket, ear };
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
