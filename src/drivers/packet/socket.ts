/** Opens sockets and sets their options; undoes everything when one step is refused. */
import type { Door } from "#native/door";
import { RECEIVE_BUFFER, SO_BINDTODEVICE, SO_RCVBUF, SO_RCVBUFFORCE, SOL_SOCKET } from "./constants.ts";
import type { PacketLink, PacketResult } from "./port.ts";
import { refusal } from "./receiver.ts";
import { int32 } from "./sockaddr.ts";

/** One setsockopt(2). */
export type SocketOption = {
  /** What it does, for the message. */
  readonly operation: string;
  readonly level: number;
  readonly name: number;
  readonly value: Uint8Array;
  /** Whether the socket works without it, too. */
  readonly optional?: true;
};

/** Binds to a link. */
export const bindToLink = ({ name }: PacketLink): SocketOption => ({
  operation: `bind to ${name}`,
  level: SOL_SOCKET,
  name: SO_BINDTODEVICE,
  value: new TextEncoder().encode(`${name}\0`),
});

/** Room for a burst: as much as we like if we may, else as much as net.core.rmem_max allows. */
export const LARGE_RECEIVE_BUFFER: readonly SocketOption[] = [SO_RCVBUF, SO_RCVBUFFORCE].map((name) => ({
  operation: "enlarge the receive buffer",
  level: SOL_SOCKET,
  name,
  value: int32(RECEIVE_BUFFER),
  optional: true,
}));

/** Opens a socket with these options; gives its descriptor. */
export const openSocket = (
  door: Door,
  {
    domain,
    type,
    protocol,
    options,
  }: {
    readonly domain: number;
    readonly type: number;
    readonly protocol: number;
    readonly options: readonly SocketOption[];
  },
): PacketResult<number> => {
  const fd = door.socket(domain, type, protocol);
  if (fd < 0) return { ok: false, error: refusal("open a packet socket", fd) };
  for (const { operation, level, name, value, optional } of options) {
    const outcome = door.setsockopt(fd, level, name, value);
    if (outcome < 0 && optional === undefined) {
      door.close(fd);
      return { ok: false, error: refusal(operation, outcome) };
    }
  }
  return { ok: true, value: fd };
};
