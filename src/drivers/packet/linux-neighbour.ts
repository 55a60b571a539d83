/** The sockets for ARP and Neighbour Discovery. */
import type { IpAddress, IpFamily } from "#base/address";
import { ETHER_TYPE as ARP } from "#core/arp/constants";
import { NEXT_HEADER as ICMPV6, ETHER_TYPE as IPV6, TYPE } from "#core/ndp/constants";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { openEndpoint } from "./endpoint.ts";
import { arpFilter, ndpFilter } from "./filter.ts";
import type { NeighbourMessage, NeighbourSocket, PacketLink, PacketPort, PacketResult } from "./port.ts";
import { type RawPacket, refusal } from "./receiver.ts";
import { addressOfSockaddr6, int32, linkSockaddr, readIpv6Control } from "./sockaddr.ts";
import { bindToLink, openSocket } from "./socket.ts";

/** ARP has 28 bytes and padding; an advertisement 24 and a few options. */
const PAYLOAD_SIZE = 256;
/** Where `struct sockaddr_ll` has sll_ifindex and sll_pkttype. */
const LINK_INDEX_OFFSET = 4;
const PACKET_TYPE_OFFSET = 10;

const FILTER: Readonly<Record<IpFamily, (addresses: readonly IpAddress[]) => Uint8Array>> = {
  IPv4: arpFilter,
  IPv6: ndpFilter,
};

/** `struct icmp6_filter`: a bit for each type that is not wanted. */
const advertisementsOnly = (): Uint8Array => {
  const blocked = new Uint32Array(8).fill(0xffff_ffff);
  const word = TYPE.advertisement >>> 5;
  blocked[word] = (blocked[word] ?? 0) & ~(1 << (TYPE.advertisement & 31));
  return new Uint8Array(blocked.buffer);
};

/** Nothing arrives before it is bound to its EtherType, so that the filter is there first. */
const openLinkSocket = (door: Door): PacketResult<number> =>
  openSocket(door, { domain: linux.AF.packet, type: linux.SOCK.dgram, protocol: 0, options: [] });

const openIcmpv6 = (door: Door, link: PacketLink): PacketResult<number> => {
  const option = (operation: string, level: number, name: number, value: Uint8Array) => ({
    operation,
    level,
    name,
    value,
  });
  return openSocket(door, {
    domain: linux.AF.inet6,
    type: linux.SOCK.raw,
    protocol: ICMPV6,
    options: [
      option("hear advertisements only", linux.SOL_ICMPV6, linux.ICMPV6_FILTER, advertisementsOnly()),
      bindToLink(link),
      option("learn the destination", linux.SOL_IPV6, linux.IPV6_RECVPKTINFO, int32(1)),
      option("learn the hop limit", linux.SOL_IPV6, linux.IPV6_RECVHOPLIMIT, int32(1)),
    ],
  });
};

/**
 * Only what was sent to this link. A packet socket on a trunk also sees the frames of every tagged network: with the
 * index of the VLAN link if there is one, else as a packet for others. The same address may be in use there.
 */
const readArp =
  (link: PacketLink) =>
  ({ payload, name }: RawPacket): NeighbourMessage | undefined => {
    const type = name[PACKET_TYPE_OFFSET];
    if (type === linux.PACKET_OUTGOING || type === linux.PACKET_OTHERHOST) return undefined;
    const index = new DataView(name.buffer, name.byteOffset, name.byteLength).getInt32(
      LINK_INDEX_OFFSET,
      true,
    );
    return index === link.index ? { type: "arp", payload } : undefined;
  };

const readNdp = ({ payload, name, control }: RawPacket): NeighbourMessage | undefined => {
  const { destination, hopLimit } = readIpv6Control(control);
  if (destination === undefined || hopLimit === undefined || name.length < 24) return undefined;
  return { type: "ndp", payload, source: addressOfSockaddr6(name), destination, hopLimit };
};

type Descriptors = { readonly receiving: number; readonly sending: number };

/** IPv4 sends and receives ARP through one socket; IPv6 receives through another. */
const openDescriptors = (door: Door, link: PacketLink, family: IpFamily): PacketResult<Descriptors> => {
  const sending = openLinkSocket(door);
  if (!sending.ok) return sending;
  const receiving = family === "IPv4" ? sending : openIcmpv6(door, link);
  if (receiving.ok) return { ok: true, value: { receiving: receiving.value, sending: sending.value } };
  door.close(sending.value);
  return receiving;
};

/** Opens the ARP or Neighbour Discovery socket of one link. */
export const openNeighbour = (
  door: Door,
  { link, family, onMessage, onError }: Parameters<PacketPort["openNeighbour"]>[0],
): ReturnType<PacketPort["openNeighbour"]> => {
  const opened = openDescriptors(door, link, family);
  if (!opened.ok) return opened;
  const { receiving, sending } = opened.value;
  const closeBoth = (): void => {
    for (const fd of new Set([receiving, sending])) door.close(fd);
  };
  const attached = door.attachFilter(receiving, FILTER[family]([]));
  const bound =
    attached < 0 || family === "IPv6"
      ? attached
      : door.bind(sending, linkSockaddr({ linkIndex: link.index, etherType: ARP }));
  if (bound < 0) {
    closeBoth();
    return { ok: false, error: refusal(`listen to neighbours on ${link.name}`, bound) };
  }
  const read = family === "IPv4" ? readArp(link) : readNdp;
  const started = openEndpoint(door, {
    fd: receiving,
    alsoClose: receiving === sending ? [] : [sending],
    payloadSize: PAYLOAD_SIZE,
    onPacket: (raw) => {
      const message = read(raw);
      if (message !== undefined) onMessage(message);
    },
    onError,
  });
  if (!started.ok) return started;
  const { transmit, drain, counters, close, closed } = started.value;
  const etherType = family === "IPv4" ? ARP : IPV6;
  const send: NeighbourSocket["send"] = ({ destination, payload }) =>
    transmit(
      () => door.send(sending, payload, linkSockaddr({ linkIndex: link.index, etherType, destination }), 0),
      () => `announce through ${link.name}`,
    );
  const watch: NeighbourSocket["watch"] = (addresses) => {
    const outcome = closed() ? 0 : door.attachFilter(receiving, FILTER[family](addresses));
    return outcome < 0
      ? { ok: false, error: refusal(`watch ${addresses.length} addresses on ${link.name}`, outcome) }
      : { ok: true, value: undefined };
  };
  return { ok: true, value: { send, watch, drain, counters, close } };
};
