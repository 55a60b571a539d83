/** The packet sockets for segments of TCP. They need CAP_NET_RAW. */
import type { IpFamily } from "#base/address";
import { ETHER_TYPE as IPV6 } from "#core/ndp/constants";
import { type Door, openDoor } from "#native/door";
import { openEndpoint } from "./endpoint.ts";
import { AddressFilter, cameThrough, openDeaf } from "./listening.ts";
import { reservePorts } from "./reserved-ports.ts";
import { segmentFilter } from "./segment-filter.ts";
import type { SegmentPort, SegmentSocket } from "./segment-port.ts";
import { linkSockaddr, senderOf } from "./sockaddr.ts";

const IPV4 = 0x0800;
const ETHER_TYPES: Readonly<Record<IpFamily, number>> = { IPv4: IPV4, IPv6: IPV6 };
/** An answer has no data, or little; ICMP cites the beginning of our segment first. */
const PAYLOAD_SIZE = 256;

const openSegments = (
  door: Door,
  { link, family, ports, onPacket, onError }: Parameters<SegmentPort["openSegments"]>[0],
): ReturnType<SegmentPort["openSegments"]> => {
  const etherType = ETHER_TYPES[family];
  const opened = openDeaf(door, link, etherType);
  if (!opened.ok) return opened;
  const fd = opened.value;
  const started = openEndpoint(door, {
    fd,
    alsoClose: [],
    payloadSize: PAYLOAD_SIZE,
    onPacket: ({ payload, name }) => {
      if (cameThrough(link, name)) onPacket(payload, senderOf(name));
    },
    onError,
  });
  if (!started.ok) return started;
  const { transmit, drain, counters, closed, close } = started.value;
  const programFor = (ranges: Parameters<typeof segmentFilter>[1]["ranges"]): Uint8Array =>
    segmentFilter(family, { ports, ranges });
  const filter = new AddressFilter(door, { fd, link, programFor });
  const send: SegmentSocket["send"] = ({ destination, payload }) =>
    transmit(
      () => door.send(fd, payload, linkSockaddr({ linkIndex: link.index, etherType, destination }), 0),
      () => `send a segment through ${link.name}`,
    );
  const listen: SegmentSocket["listen"] = (addresses) => {
    const heard = closed() ? undefined : filter.set(addresses);
    return heard?.ok === false ? heard : { ok: true, value: undefined };
  };
  return { ok: true, value: { send, listen, drain, counters, close } };
};

/** The segment sockets of the network namespace of this thread; callbacks run on its event loop. */
export const openSegmentPort = (door: Door = openDoor()): SegmentPort => ({
  openSegments: (request) => openSegments(door, request),
  reservePorts: (ports) => reservePorts(door, ports),
});
