/** The real socket: AF_UNIX, SOCK_DGRAM, through the kernel door. */
import { type Door, errnoName, openDoor } from "#native/door";
import type { NotifyPort, NotifyResult } from "./port.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
/** Room for the name in `struct sockaddr_un` (unix(7)). */
const LONGEST_NAME = 108;

/** `struct sockaddr_un`; `undefined` when the name does not fit. An abstract name (`@`) begins with a zero byte instead. */
export const unixSockaddr = (name: string): Uint8Array | undefined => {
  const isAbstract = name.startsWith("@");
  const bytes = new TextEncoder().encode(isAbstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (bytes.length > LONGEST_NAME || (!isAbstract && name.includes("\0"))) return undefined;
  const address = new Uint8Array(2 + bytes.length);
  address.set(new Uint8Array(Uint16Array.of(AF_UNIX).buffer));
  address.set(bytes, 2);
  return address;
};

const resultOf = (sent: number): NotifyResult => {
  if (sent >= 0) return "sent";
  const code = errnoName(sent);
  return code === "EAGAIN" || code === "ENOBUFS" ? "full" : "gone";
};

/** A socket to the manager at `name`; `undefined` when there can be none. */
export const openNotify = (name: string, door: Door = openDoor()): NotifyPort | undefined => {
  const address = unixSockaddr(name);
  if (address === undefined) return undefined;
  const fd = door.socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0) return undefined;
  let open = true;
  return {
    // Each datagram with the address: a manager that was started anew under the same name is heard again.
    send: (text) => (open ? resultOf(door.send(fd, new TextEncoder().encode(text), address, 0)) : "gone"),
    close: () => {
      if (open) door.close(fd);
      open = false;
    },
  };
};
