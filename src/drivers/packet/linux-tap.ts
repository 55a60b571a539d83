/** The packet socket that hears VRRP as it arrives, before netfilter's hooks of IP. It needs CAP_NET_RAW. */
import type { IpFamily } from "#base/address";
import { concatBytes } from "#base/bytes";
import { macFromBytes } from "#base/mac";
import { ETHER_TYPE as IPV6 } from "#core/ndp/constants";
import { IP_PROTOCOL } from "#core/vrrp/constants";
import { type Door, openDoor } from "#native/door";
import { openEndpoint } from "./endpoint.ts";
import { instruction, RETURN, WHOLE_PACKET } from "./filter.ts";
import { cameThrough, openDeaf } from "./listening.ts";
import { requireByte, requireHeard } from "./range-filter.ts";
import { refusal } from "./receiver.ts";
import type { VrrpTapPort } from "./tap-port.ts";

const IPV4 = 0x0800;
const ETHER_TYPES: Readonly<Record<IpFamily, number>> = { IPv4: IPV4, IPv6: IPV6 };
/** Where an IP header says what it carries; extension headers of IPv6 are not looked behind. */
const PROTOCOL_OFFSET: Readonly<Record<IpFamily, number>> = { IPv4: 9, IPv6: 6 };
/** 255 IPv6 addresses, the message's header, and IP's. */
const PAYLOAD_SIZE = 4_200;
/** Where `struct sockaddr_ll` has sll_halen and sll_addr. */
const MAC_LENGTH = 11;
const MAC = 12;

const vrrpOnly = (family: IpFamily): Uint8Array =>
  concatBytes(
    ...requireHeard,
    ...requireByte(PROTOCOL_OFFSET[family], IP_PROTOCOL),
    instruction(RETURN, WHOLE_PACKET),
  );

const openVrrpTap = (
  door: Door,
  { link, family, onPacket, onError }: Parameters<VrrpTapPort["openVrrpTap"]>[0],
): ReturnType<VrrpTapPort["openVrrpTap"]> => {
  const opened = openDeaf(door, link, ETHER_TYPES[family]);
  if (!opened.ok) return opened;
  const fd = opened.value;
  const attached = door.attachFilter(fd, vrrpOnly(family));
  if (attached < 0) {
    door.close(fd);
    return { ok: false, error: refusal(`hear VRRP on ${link.name}`, attached) };
  }
  const started = openEndpoint(door, {
    fd,
    alsoClose: [],
    payloadSize: PAYLOAD_SIZE,
    onPacket: ({ payload, name }) => {
      if (!cameThrough(link, name) || name[MAC_LENGTH] !== 6) return;
      onPacket(payload, macFromBytes(name.subarray(MAC, MAC + 6)));
    },
    onError,
  });
  if (!started.ok) return started;
  const { drain, counters, close } = started.value;
  return { ok: true, value: { drain, counters, close } };
};

/** The taps of the network namespace of this thread; callbacks run on its event loop. */
export const openVrrpTapPort = (door: Door = openDoor()): VrrpTapPort => ({
  openVrrpTap: (request) => openVrrpTap(door, request),
});
