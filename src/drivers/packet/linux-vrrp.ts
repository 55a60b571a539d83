/** The raw IP socket for VRRP. */
import { addressBytes, addressFromBytes, type IpFamily } from "#base/address";
import { HOP_LIMIT, IP_PROTOCOL, multicastGroup } from "#core/vrrp/constants";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { openEndpoint } from "./endpoint.ts";
import type { PacketLink, PacketPort, VrrpPacket, VrrpSocket } from "./port.ts";
import type { RawPacket } from "./receiver.ts";
import {
  addressOfSockaddr6,
  int32,
  ipSockaddr,
  ipv4Membership,
  ipv6Membership,
  readIpv6Control,
  sourceControl,
} from "./sockaddr.ts";
import { bindToLink, LARGE_RECEIVE_BUFFER, openSocket, type SocketOption } from "./socket.ts";

/** An IPv4 header of 60 bytes and 255 addresses fit; so does IPv6 with 255 addresses, which has no header here. */
const PAYLOAD_SIZE: Readonly<Record<IpFamily, number>> = { IPv4: 1_536, IPv6: 4_096 };

const PRIORITY: SocketOption = {
  operation: "set the priority",
  level: linux.SOL_SOCKET,
  name: linux.SO_PRIORITY,
  value: int32(linux.PRIORITY_CONTROL),
  optional: true,
};

const ipv4Options = (link: PacketLink): readonly SocketOption[] => {
  const group = multicastGroup("IPv4");
  const membership = ipv4Membership(addressBytes(group), link.index);
  const option = (operation: string, name: number, value: Uint8Array): SocketOption => ({
    operation,
    level: linux.SOL_IP,
    name,
    value,
  });
  return [
    option("mark as network control", linux.IP_TOS, int32(linux.NETWORK_CONTROL)),
    option("set the TTL", linux.IP_TTL, int32(HOP_LIMIT)),
    option("set the multicast TTL", linux.IP_MULTICAST_TTL, int32(HOP_LIMIT)),
    option("not hear ourselves", linux.IP_MULTICAST_LOOP, int32(0)),
    option("hear our group only", linux.IP_MULTICAST_ALL, int32(0)),
    option(`send multicast through ${link.name}`, linux.IP_MULTICAST_IF, membership),
    option(`join ${group} on ${link.name}`, linux.IP_ADD_MEMBERSHIP, membership),
  ];
};

const ipv6Options = (link: PacketLink): readonly SocketOption[] => {
  const group = multicastGroup("IPv6");
  const membership = ipv6Membership(addressBytes(group), link.index);
  const option = (operation: string, name: number, value: Uint8Array): SocketOption => ({
    operation,
    level: linux.SOL_IPV6,
    name,
    value,
  });
  return [
    option("mark as network control", linux.IPV6_TCLASS, int32(linux.NETWORK_CONTROL)),
    option("set the hop limit", linux.IPV6_UNICAST_HOPS, int32(HOP_LIMIT)),
    option("set the multicast hop limit", linux.IPV6_MULTICAST_HOPS, int32(HOP_LIMIT)),
    option("not hear ourselves", linux.IPV6_MULTICAST_LOOP, int32(0)),
    // Linux 4.20; before it, groups that others joined are heard as well, and refused by the codec's caller.
    { ...option("hear our group only", linux.IPV6_MULTICAST_ALL, int32(0)), optional: true },
    option("learn the destination", linux.IPV6_RECVPKTINFO, int32(1)),
    option("learn the hop limit", linux.IPV6_RECVHOPLIMIT, int32(1)),
    option(`send multicast through ${link.name}`, linux.IPV6_MULTICAST_IF, int32(link.index)),
    option(`join ${group} on ${link.name}`, linux.IPV6_JOIN_GROUP, membership),
  ];
};

/** A raw IPv4 socket gives the whole packet, header included; `undefined` if that is not one. */
const readIpv4 = ({ payload: packet }: RawPacket): VrrpPacket | undefined => {
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  if (packet.length < 20 || headerLength < 20 || packet.length < headerLength) return undefined;
  return {
    payload: packet.subarray(headerLength),
    source: addressFromBytes(packet.subarray(12, 16)),
    destination: addressFromBytes(packet.subarray(16, 20)),
    hopLimit: packet[8] ?? 0,
  };
};

/** A raw IPv6 socket gives the payload; the rest comes as ancillary data. */
const readIpv6 = ({ payload, name, control }: RawPacket): VrrpPacket | undefined => {
  const { destination, hopLimit } = readIpv6Control(control);
  if (destination === undefined || hopLimit === undefined || name.length < 24) return undefined;
  return { payload, source: addressOfSockaddr6(name), destination, hopLimit };
};

/** Opens the VRRP socket of one link and family. */
export const openVrrp = (
  door: Door,
  { link, family, onPacket, onError }: Parameters<PacketPort["openVrrp"]>[0],
): ReturnType<PacketPort["openVrrp"]> => {
  const own = family === "IPv4" ? ipv4Options(link) : ipv6Options(link);
  const opened = openSocket(door, {
    domain: family === "IPv4" ? linux.AF.inet : linux.AF.inet6,
    type: linux.SOCK.raw,
    protocol: IP_PROTOCOL,
    // The priority comes last because setting the type of service sets it, too.
    options: [bindToLink(link), ...LARGE_RECEIVE_BUFFER, ...own, PRIORITY],
  });
  if (!opened.ok) return opened;
  const fd = opened.value;
  const read = family === "IPv4" ? readIpv4 : readIpv6;
  const started = openEndpoint(door, {
    fd,
    alsoClose: [],
    payloadSize: PAYLOAD_SIZE[family],
    onPacket: (raw) => {
      const packet = read(raw);
      if (packet !== undefined) onPacket(packet);
    },
    onError,
  });
  if (!started.ok) return started;
  const { transmit, drain, counters, close } = started.value;
  const send: VrrpSocket["send"] = ({ payload, source, destination }) => {
    const to = ipSockaddr(destination, link.index);
    return transmit(
      () => door.sendmsg(fd, payload, to, sourceControl(source, link.index), 0),
      () => `send from ${source} to ${destination} through ${link.name}`,
    );
  };
  return { ok: true, value: { send, drain, counters, close } };
};
