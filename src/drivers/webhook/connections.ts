/**
 * Room for new connections: one that waits gives way, and first of all one that has never been answered.
 *
 * Refusing the newest, as servers do by default, would let anybody keep the API server out with connections that say
 * nothing. Among equals the one goes that has waited longest.
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
  /** It has been answered. */
  waits(peer: Peer): void;
};

/** A socket and the TLS socket on top of it share nothing else that is public. */
const nameOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`;

const first = <Value>(map: ReadonlyMap<unknown, Value>): Value | undefined => map.values().next().value;

/** Room for so many connections. */
export const openConnections = (max: number): Connections => {
  const all = new Map<Socket, string>();
  const socketByName = new Map<string, Socket>();
  /** Those that wait, by name, in the order in which they began to. */
  const strangers = new Map<string, Socket>();
  const known = new Map<string, Socket>();
  const leave = (socket: Socket): void => {
    const name = all.get(socket);
    if (name === undefined) return;
    all.delete(socket);
    // The kernel may have given the port to a new connection already.
    if (socketByName.get(name) !== socket) return;
    for (const map of [socketByName, strangers, known]) map.delete(name);
  };
  return {
    enter: (socket) => {
      const name = nameOf(socket);
      const loser = all.size < max ? undefined : (first(strangers) ?? first(known) ?? socket);
      if (loser === socket) return socket;
      if (loser !== undefined) leave(loser);
      all.set(socket, name);
      socketByName.set(name, socket);
      strangers.set(name, socket);
      return loser;
    },
    leave,
    all: () => [...all.keys()],
    works: (peer) => {
      const name = nameOf(peer);
      strangers.delete(name);
      known.delete(name);
    },
    waits: (peer) => {
      const name = nameOf(peer);
      const socket = socketByName.get(name);
      if (socket !== undefined) known.set(name, socket);
    },
  };
};
