/** Socket addresses and ancillary data as the kernel lays them out (little-endian CPUs). */
import { addressBytes, addressFromBytes, familyOf, type IpAddress } from "#base/address";
import { concatBytes } from "#base/bytes";
import { type MacAddress, macBytes, macFromBytes } from "#base/mac";
import { AF, IP_PKTINFO, IPV6_HOPLIMIT, IPV6_PKTINFO, SOL_IP, SOL_IPV6 } from "./constants.ts";

/** An `int` in the CPU's order. */
export const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
const uint16 = (value: number): Uint8Array => new Uint8Array(Uint16Array.of(value).buffer);
const zeros = (length: number): Uint8Array => new Uint8Array(length);

/** `struct sockaddr_in` or `sockaddr_in6` without a port, scoped to a link. */
export const ipSockaddr = (address: IpAddress, linkIndex: number): Uint8Array =>
  familyOf(address) === "IPv4"
    ? concatBytes(uint16(AF.inet), zeros(2), addressBytes(address), zeros(8))
    : concatBytes(uint16(AF.inet6), zeros(6), addressBytes(address), int32(linkIndex));

/** The source in a `struct sockaddr_in6`. */
export const addressOfSockaddr6 = (sockaddr: Uint8Array): IpAddress =>
  addressFromBytes(sockaddr.subarray(8, 24));

/** `struct sockaddr_ll`: a link, an EtherType, and for sending an Ethernet address. */
export const linkSockaddr = ({
  linkIndex,
  etherType,
  destination,
}: {
  readonly linkIndex: number;
  readonly etherType: number;
  readonly destination?: MacAddress;
}): Uint8Array =>
  concatBytes(
    uint16(AF.packet),
    Uint8Array.of(etherType >>> 8, etherType & 0xff),
    int32(linkIndex),
    zeros(3),
    Uint8Array.of(destination === undefined ? 0 : 6),
    destination === undefined ? zeros(8) : concatBytes(macBytes(destination), zeros(2)),
  );

/** Where `struct sockaddr_ll` has sll_addr. */
const SENDER = 12;

/** The Ethernet address of whoever sent a frame, of its `struct sockaddr_ll`. */
export const senderOf = (sockaddr: Uint8Array): MacAddress =>
  macFromBytes(sockaddr.subarray(SENDER, SENDER + 6));

/** `struct ip_mreqn`: an IPv4 group on a link. */
export const ipv4Membership = (group: Uint8Array, linkIndex: number): Uint8Array =>
  concatBytes(group, zeros(4), int32(linkIndex));

/** `struct ipv6_mreq`: an IPv6 group on a link. */
export const ipv6Membership = (group: Uint8Array, linkIndex: number): Uint8Array =>
  concatBytes(group, int32(linkIndex));

/** Ancillary data records are aligned to, and their length field is as wide as, a machine word. */
const WORD = process.arch === "arm" ? 4 : 8;
const RECORD_HEADER = WORD + 8;

const align = (length: number): number => Math.ceil(length / WORD) * WORD;

/** One `struct cmsghdr` with its data. */
const controlRecord = (level: number, type: number, data: Uint8Array): Uint8Array => {
  const length = RECORD_HEADER + data.length;
  const tail = align(length) - length;
  return concatBytes(int32(length), zeros(WORD - 4), int32(level), int32(type), data, zeros(tail));
};

/** Ancillary data that makes a packet leave through a link with this source address. */
export const sourceControl = (source: IpAddress, linkIndex: number): Uint8Array =>
  familyOf(source) === "IPv4"
    ? controlRecord(SOL_IP, IP_PKTINFO, concatBytes(int32(linkIndex), addressBytes(source), zeros(4)))
    : controlRecord(SOL_IPV6, IPV6_PKTINFO, concatBytes(addressBytes(source), int32(linkIndex)));

/** What came with an IPv6 packet; `undefined` for what did not. */
export const readIpv6Control = (
  control: Uint8Array,
): { readonly destination: IpAddress | undefined; readonly hopLimit: number | undefined } => {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  let destination: IpAddress | undefined;
  let hopLimit: number | undefined;
  let offset = 0;
  while (offset + RECORD_HEADER <= control.length) {
    const length = view.getUint32(offset, true);
    if (length < RECORD_HEADER || offset + length > control.length) break;
    const data = offset + RECORD_HEADER;
    const type =
      view.getInt32(offset + WORD, true) === SOL_IPV6 ? view.getInt32(offset + WORD + 4, true) : -1;
    if (type === IPV6_PKTINFO && length >= RECORD_HEADER + 16) {
      destination = addressFromBytes(control.subarray(data, data + 16));
    }
    if (type === IPV6_HOPLIMIT && length >= RECORD_HEADER + 4) hopLimit = view.getInt32(data, true);
    offset += align(length);
  }
  return { destination, hopLimit };
};
