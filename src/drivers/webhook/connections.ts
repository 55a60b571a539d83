/**
 * Room for new connections: one that waits gives way, the one that has waited longest first.
 *
 * Refusing the newest, as servers do by default, would let anybody keep the API server out with connections that say
 * nothing. One that has just been answered counts as new, so those that work are the last to go.
 */
import type { Socket } from "node:net";

type Peer = Pick<Socket, "remoteAddress" | "remotePort">;

export type Connections = {
  /** Takes a connection in; gives the one that must be closed for it, which may be itself and is forgotten. */
  enter(socket: Socket): Socket | undefined;
  leave(socket: Socket): void;
  /** Those that are open. */
  all(): readonly Socket[];
  /** A request on it is being answered, from now until `waits`. */
  works(peer: Peer): void;
  waits(peer: Peer): void;
};

/** A socket and the TLS socket on top of it share nothing else that is public. */
const nameOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`;

export const openConnections = (max: number): Connections => {
  const all = new Map<Socket, string>();
  /** In the order in which they began to wait. */
  const waiting = new Map<string, Socket>();
  const socketByName = new Map<string, Socket>();
  const leave = (socket: Socket): void => {
    const name = all.get(socket);
    if (name === undefined) return;
    all.delete(socket);
    // The kernel may have given the port to a new connection already.
    if (socketByName.get(name) !== socket) return;
    socketByName.delete(name);
    waiting.delete(name);
  };
  return {
    enter: (socket) => {
      const name = nameOf(socket);
      const oldest = all.size < max ? undefined : waiting.values().next().value;
      if (all.size >= max && oldest === undefined) return socket;
      if (oldest !== undefined) leave(oldest);
      all.set(socket, name);
      socketByName.set(name, socket);
      waiting.set(name, socket);
      return oldest;
    },
    leave,
    all: () => [...all.keys()],
    works: (peer) => {
      waiting.delete(nameOf(peer));
    },
    waits: (peer) => {
      const name = nameOf(peer);
      const socket = socketByName.get(name);
      if (socket === undefined) return;
      waiting.delete(name);
      waiting.set(name, socket);
    },
  };
};
