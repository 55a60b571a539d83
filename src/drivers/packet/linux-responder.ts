/** The packet sockets of a responder. They need CAP_NET_RAW. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import { ETHER_TYPE as ARP } from "#core/arp/constants";
import { ETHER_TYPE as IPV6 } from "#core/ndp/constants";
import { type Door, openDoor } from "#native/door";
import { type Endpoint, openEndpoint } from "./endpoint.ts";
import { Groups } from "./groups.ts";
import { AddressFilter, cameThrough, openDeaf } from "./listening.ts";
import type { PacketLink, PacketResult } from "./port.ts";
import { arpClaimFilter, arpRangeFilter, ndpClaimFilter, ndpRangeFilter } from "./range-filter.ts";
import type { RawPacket } from "./receiver.ts";
import type { HeardFrame, Listening, ResponderPort, ResponderSocket } from "./responder-port.ts";
import { linkSockaddr } from "./sockaddr.ts";

/** ARP has 28 bytes and padding; an IPv6 header 40, a solicitation 24 and a few options. */
const PAYLOAD_SIZE = 256;
/** `struct sockaddr_ll`: sll_halen, sll_addr. */
const SOURCE_LENGTH = 11;
const SOURCE = 12;

/** Destinations whose names are kept: all neighbours at once, and a few that are asked again and again. */
const MOST_SOCKADDRS = 64;

const ETHER_TYPES: Readonly<Record<IpFamily, number>> = { IPv4: ARP, IPv6: IPV6 };
const FILTERS = {
  heard: { IPv4: arpRangeFilter, IPv6: ndpRangeFilter },
  unheard: { IPv4: arpClaimFilter, IPv6: ndpClaimFilter },
} as const;

/** What was sent to others or by this host the filter refuses. */
const readFrame = (link: PacketLink, { payload, name }: RawPacket): HeardFrame | undefined =>
  name.length >= SOURCE + 6 && name[SOURCE_LENGTH] === 6 && cameThrough(link, name)
    ? { payload, from: name.subarray(SOURCE, SOURCE + 6) }
    : undefined;

const NO_GROUPS: Listening = { joined: 0, unjoined: 0 };

/** The groups of these addresses, by their last 24 bits. */
const groupsOf = (words: Uint32Array): ReadonlySet<number> => {
  const wanted = new Set<number>();
  for (const word of words) wanted.add(word & 0xff_ffff);
  return wanted;
};

const openResponder = (
  door: Door,
  { link, family, questions = "heard", onFrame, onError }: Parameters<ResponderPort["openResponder"]>[0],
): ReturnType<ResponderPort["openResponder"]> => {
  const etherType = ETHER_TYPES[family];
  const opened = openDeaf(door, link, etherType);
  if (!opened.ok) return opened;
  const fd = opened.value;
  const started: PacketResult<Endpoint> = openEndpoint(door, {
    fd,
    alsoClose: [],
    payloadSize: PAYLOAD_SIZE,
    onPacket: (raw) => {
      const frame = readFrame(link, raw);
      if (frame !== undefined) onFrame(frame);
    },
    onError,
  });
  if (!started.ok) return started;
  const { transmit, drain, counters, closed, close: closeEndpoint } = started.value;
  const filter = new AddressFilter(door, { fd, link, programFor: FILTERS[questions][family] });
  const groups = new Groups(door, link, fd);
  const sockaddrs = new Map<MacAddress, Uint8Array>();
  const sockaddrOf = (destination: MacAddress): Uint8Array => {
    const known = sockaddrs.get(destination);
    if (known !== undefined) return known;
    if (sockaddrs.size === MOST_SOCKADDRS) sockaddrs.clear();
    const made = linkSockaddr({ linkIndex: link.index, etherType, destination });
    sockaddrs.set(destination, made);
    return made;
  };
  const send: ResponderSocket["send"] = ({ destination, payload }) =>
    transmit(
      () => door.send(fd, payload, sockaddrOf(destination), 0),
      () => `send through ${link.name}`,
    );
  const joins = family === "IPv6" && questions === "heard";
  const listen = (addresses: Iterable<IpAddress>): PacketResult<Listening> => {
    if (closed()) return { ok: true, value: NO_GROUPS };
    const heard = filter.set(addresses);
    if (!heard.ok) return heard;
    return { ok: true, value: joins ? groups.set(groupsOf(heard.value)) : NO_GROUPS };
  };
  const listenToo = (addresses: Iterable<IpAddress>): PacketResult<Listening> => {
    if (closed()) return { ok: true, value: NO_GROUPS };
    const heard = filter.add(addresses);
    if (!heard.ok) return heard;
    return { ok: true, value: joins ? groups.add(groupsOf(heard.value)) : NO_GROUPS };
  };
  const close = (): void => {
    groups.close();
    closeEndpoint();
  };
  return { ok: true, value: { send, listen, listenToo, drain, counters, close } };
};

/** The responder sockets of the network namespace of this thread; callbacks run on its event loop. */
export const openResponderPort = (door: Door = openDoor()): ResponderPort => ({
  openResponder: (request) => openResponder(door, request),
});
