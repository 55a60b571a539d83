/** The real packet sockets. They need CAP_NET_RAW. */
import { type Door, openDoor } from "#native/door";
import { openNeighbour } from "./linux-neighbour.ts";
import { openVrrp, openVrrpSender } from "./linux-vrrp.ts";
import type { PacketPort } from "./port.ts";

/** The packet sockets of the network namespace of this thread; callbacks run on its event loop. */
export const openPacketPort = (door: Door = openDoor()): PacketPort => ({
  openVrrp: (request) => openVrrp(door, request),
  openVrrpSender: (request) => openVrrpSender(door, request),
  openNeighbour: (request) => openNeighbour(door, request),
});
