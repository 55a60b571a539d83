/**
 * The VRRP sockets: one for each interface and family, shared by the routers there.
 *
 * A raw socket hears every advertisement on the link, so sharing makes the kernel copy each packet once, and a
 * virtual router id that nobody here has is seen once.
 */
import type { IpFamily } from "#base/address";
import { readU8 } from "#base/bytes";
import type { Instant } from "#base/time";
import type { PacketInput } from "#core/vrrp/router";
import type { PacketError, PacketLink, PacketPort, PacketResult, VrrpSocket } from "#drivers/packet/port";

/** Where a router sits on the wire. */
export type Seat = {
  readonly link: PacketLink;
  readonly family: IpFamily;
  readonly vrid: number;
};

/** Who listens at a seat. */
export type Listener = {
  /** The router's name. */
  readonly name: string;
  onPacket(packet: PacketInput, now: Instant): void;
  onError(error: PacketError): void;
};

type Station = { readonly socket: VrrpSocket; readonly listenerByVrid: Map<number, Listener> };

export type Stations = {
  /** Takes a seat; gives the socket to send with. */
  join(seat: Seat, listener: Listener): PacketResult<VrrpSocket>;
  leave(seat: Seat): void;
  /** Reads everything that is queued anywhere, so that no peer is declared dead whose packet waits. */
  drain(): void;
};

const VRID_OFFSET = 1;

const keyOf = ({ link, family }: Seat): string => `${link.index} ${family}`;

/** No sockets are open until somebody joins. `onStranger` gets packets for a virtual router id that nobody has, and one of those there. */
export const createStations = (parts: {
  readonly packets: PacketPort;
  readonly now: () => Instant;
  readonly onStranger: (neighbour: Listener, packet: PacketInput, now: Instant) => void;
}): Stations => {
  const stationByKey = new Map<string, Station>();

  const open = (seat: Seat): PacketResult<Station> => {
    const { link, family } = seat;
    const listenerByVrid = new Map<number, Listener>();
    const socket = parts.packets.openVrrp({
      link,
      family,
      onPacket: ({ payload, source, destination, hopLimit }) => {
        const packet: PacketInput = {
          type: "packet",
          payload,
          context: { source, destination, family, hopLimit },
        };
        const listener =
          payload.length > VRID_OFFSET ? listenerByVrid.get(readU8(payload, VRID_OFFSET)) : undefined;
        const [neighbour] = listenerByVrid.values();
        if (listener !== undefined) listener.onPacket(packet, parts.now());
        else if (neighbour !== undefined) parts.onStranger(neighbour, packet, parts.now());
      },
      onError: (error) => {
        for (const listener of [...listenerByVrid.values()]) listener.onError(error);
      },
    });
    if (!socket.ok) return socket;
    const station = { socket: socket.value, listenerByVrid };
    stationByKey.set(keyOf(seat), station);
    return { ok: true, value: station };
  };

  return {
    join(seat, listener) {
      const known = stationByKey.get(keyOf(seat));
      const station: PacketResult<Station> = known === undefined ? open(seat) : { ok: true, value: known };
      if (!station.ok) return station;
      station.value.listenerByVrid.set(seat.vrid, listener);
      return { ok: true, value: station.value.socket };
    },
    leave(seat) {
      const station = stationByKey.get(keyOf(seat));
      if (station === undefined) return;
      station.listenerByVrid.delete(seat.vrid);
      if (station.listenerByVrid.size > 0) return;
      station.socket.close();
      stationByKey.delete(keyOf(seat));
    },
    drain() {
      for (const { socket } of stationByKey.values()) socket.drain();
    },
  };
};
