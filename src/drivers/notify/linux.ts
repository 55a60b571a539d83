/** The real socket: AF_UNIX, SOCK_DGRAM, through the kernel door. */
import { type Door, errnoName, openDoor } from "#native/door";
import { unixSockaddr } from "#native/unix-address";
import type { NotifyPort, NotifyResult } from "./port.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

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
