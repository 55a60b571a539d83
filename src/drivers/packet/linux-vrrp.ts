/** The raw IP socket for VRRP. */
import { constants } from "node:os";
import { addressFromBytes, type IpFamily } from "#base/address";
import { IP_PROTOCOL } from "#core/vrrp/constants";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { openEndpoint } from "./endpoint.ts";
import { NOTHING } from "./filter.ts";
import type { PacketLink, PacketPort, VrrpPacket, VrrpSender, VrrpSocket } from "./port.ts";
import { type RawPacket, refusal } from "./receiver.ts";
import { addressOfSockaddr6, ipSockaddr, readIpv6Control, sourceControl } from "./sockaddr.ts";
import { bindToLink, LARGE_RECEIVE_BUFFER, openSocket } from "./socket.ts";
import { foreignSourceOptions, receivingOptions, sendingOptions } from "./vrrp-options.ts";

const DOMAIN: Readonly<Record<IpFamily, number>> = { IPv4: linux.AF.inet, IPv6: linux.AF.inet6 };

/** An IPv4 header of 60 bytes and 255 addresses fit; so does IPv6 with 255 addresses, which has no header here. */
const PAYLOAD_SIZE: Readonly<Record<IpFamily, number>> = { IPv4: 1_536, IPv6: 4_096 };

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

type Outgoing = Parameters<VrrpSender["send"]>[0];

const wordsOf = ({ name }: PacketLink, { source, destination }: Outgoing): string =>
  `send from ${source} to ${destination} through ${name}`;

const transmitOn = (
  door: Door,
  fd: number,
  link: PacketLink,
  { payload, source, destination }: Outgoing,
): number =>
  door.sendmsg(fd, payload, ipSockaddr(destination, link.index), sourceControl(source, link.index), 0);

/** Opens the VRRP socket of one link and family. */
export const openVrrp = (
  door: Door,
  { link, family, onPacket, onError }: Parameters<PacketPort["openVrrp"]>[0],
): ReturnType<PacketPort["openVrrp"]> => {
  const opened = openSocket(door, {
    domain: DOMAIN[family],
    type: linux.SOCK.raw,
    protocol: IP_PROTOCOL,
    options: [
      bindToLink(link),
      ...LARGE_RECEIVE_BUFFER,
      ...sendingOptions(link, family),
      ...receivingOptions(link, family),
    ],
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
  const send: VrrpSocket["send"] = (packet) =>
    transmit(
      () => transmitOn(door, fd, link, packet),
      () => wordsOf(link, packet),
    );
  return { ok: true, value: { send, drain, counters, close } };
};

/** Opens a socket that only sends, through a link that need not have the source address. */
export const openVrrpSender = (
  door: Door,
  { link, family }: Parameters<PacketPort["openVrrpSender"]>[0],
): ReturnType<PacketPort["openVrrpSender"]> => {
  const opened = openSocket(door, {
    domain: DOMAIN[family],
    type: linux.SOCK.raw,
    protocol: IP_PROTOCOL,
    options: [bindToLink(link), ...sendingOptions(link, family), ...foreignSourceOptions(family)],
  });
  if (!opened.ok) return opened;
  const fd = opened.value;
  let closed = false;
  const close = (): void => {
    if (!closed) door.close(fd);
    closed = true;
  };
  const deaf = door.attachFilter(fd, NOTHING);
  if (deaf < 0) {
    close();
    return { ok: false, error: refusal(`hear nothing on ${link.name}`, deaf) };
  }
  const send: VrrpSender["send"] = (packet) => {
    const sent = closed ? -constants.errno.EBADF : transmitOn(door, fd, link, packet);
    return sent < 0
      ? { ok: false, error: refusal(wordsOf(link, packet), sent) }
      : { ok: true, value: undefined };
  };
  return { ok: true, value: { send, close } };
};
