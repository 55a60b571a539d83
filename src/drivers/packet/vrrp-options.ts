/** The options of sockets that speak VRRP. */
import { addressBytes, type IpFamily } from "#base/address";
import { HOP_LIMIT, multicastGroup } from "#core/vrrp/constants";
import * as linux from "./constants.ts";
import type { PacketLink } from "./port.ts";
import { int32, ipv4Membership, ipv6Membership } from "./sockaddr.ts";
import type { SocketOption } from "./socket.ts";

const PRIORITY: SocketOption = {
  operation: "set the priority",
  level: linux.SOL_SOCKET,
  name: linux.SO_PRIORITY,
  value: int32(linux.PRIORITY_CONTROL),
  optional: true,
};

const LEVEL: Readonly<Record<IpFamily, number>> = { IPv4: linux.SOL_IP, IPv6: linux.SOL_IPV6 };

const optionOf =
  (family: IpFamily) =>
  (operation: string, name: number, value: Uint8Array): SocketOption => ({
    operation,
    level: LEVEL[family],
    name,
    value,
  });

const membershipOf = (link: PacketLink, family: IpFamily): Uint8Array => {
  const group = addressBytes(multicastGroup(family));
  return family === "IPv4" ? ipv4Membership(group, link.index) : ipv6Membership(group, link.index);
};

/** What every sender of advertisements needs. */
export const sendingOptions = (link: PacketLink, family: IpFamily): readonly SocketOption[] => {
  const option = optionOf(family);
  const through = `send multicast through ${link.name}`;
  const own =
    family === "IPv4"
      ? [
          option("mark as network control", linux.IP_TOS, int32(linux.NETWORK_CONTROL)),
          option("set the TTL", linux.IP_TTL, int32(HOP_LIMIT)),
          option("set the multicast TTL", linux.IP_MULTICAST_TTL, int32(HOP_LIMIT)),
          option("not hear ourselves", linux.IP_MULTICAST_LOOP, int32(0)),
          option(through, linux.IP_MULTICAST_IF, membershipOf(link, family)),
        ]
      : [
          option("mark as network control", linux.IPV6_TCLASS, int32(linux.NETWORK_CONTROL)),
          option("set the hop limit", linux.IPV6_UNICAST_HOPS, int32(HOP_LIMIT)),
          option("set the multicast hop limit", linux.IPV6_MULTICAST_HOPS, int32(HOP_LIMIT)),
          option("not hear ourselves", linux.IPV6_MULTICAST_LOOP, int32(0)),
          option(through, linux.IPV6_MULTICAST_IF, int32(link.index)),
        ];
  // The priority comes last because setting the type of service sets it, too.
  return [...own, PRIORITY];
};

/** What a sender needs whose source address is another link's. IPv4 asks only that the host has it. */
export const foreignSourceOptions = (family: IpFamily): readonly SocketOption[] =>
  family === "IPv4" ? [] : [optionOf(family)("use any source address", linux.IPV6_FREEBIND, int32(1))];

/** What a receiver needs: our group on this link and no other, and what the IP header said. */
export const receivingOptions = (link: PacketLink, family: IpFamily): readonly SocketOption[] => {
  const option = optionOf(family);
  const join = `join ${multicastGroup(family)} on ${link.name}`;
  const membership = membershipOf(link, family);
  if (family === "IPv4") {
    return [
      option("hear our group only", linux.IP_MULTICAST_ALL, int32(0)),
      option(join, linux.IP_ADD_MEMBERSHIP, membership),
    ];
  }
  return [
    // Linux 4.20; before it, groups that others joined are heard as well, and refused by the codec's caller.
    { ...option("hear our group only", linux.IPV6_MULTICAST_ALL, int32(0)), optional: true },
    option("learn the destination", linux.IPV6_RECVPKTINFO, int32(1)),
    option("learn the hop limit", linux.IPV6_RECVHOPLIMIT, int32(1)),
    option(join, linux.IPV6_JOIN_GROUP, membership),
  ];
};
