/**
 * Packets below TCP and UDP: VRRP advertisements, ARP, and Neighbour Discovery.
 *
 * VRRP goes through a raw IP socket, one for each link and family that all virtual routers there share: every raw
 * socket gets a copy of every packet, so a socket for each of N routers would cost N copies of N routers' packets.
 * The source address is given with each packet, since routers may differ in it.
 *
 * ARP goes through a packet socket. Neighbour advertisements leave through a packet socket too, so that the source
 * may be an address the kernel has only just been given; they arrive through a raw ICMPv6 socket, because a packet
 * socket for IPv6 would run a filter over every packet of the balanced traffic.
 *
 * A responder's sockets (`responder-port.ts`) hear questions too, for addresses that the kernel does not hold. Both families
 * go through packet sockets there, IPv6 as well: a host that asks this link alone whether an address is still there (RFC
 * 4861 §7.3.1) is heard by no other kind of socket. Thousands of addresses are looked for in a bounded number of ranges
 * (`range-filter.ts`); their groups are joined where switches can see it (`groups.ts`).
 *
 * Handshakes of TCP that the kernel is to know nothing of go through packet sockets as well (`segment-port.ts`): a filter finds
 * their answers among all the traffic of the link, and their ports are taken by sockets that say nothing (`reserved-ports.ts`).
 *
 * Filters in the kernel keep the ARP and Neighbour Discovery of strangers from waking us. VRRP has none: whatever
 * is wrong with an advertisement is to be counted and said.
 *
 * Left out: links other than Ethernet for announcements; a source MAC address that is not the link's own (give the
 * virtual router a macvlan link instead, `virtualMac`); sending through a VRF's table.
 *
 * Start at `port.ts`, then `linux.ts`; for a responder at `responder-port.ts`, then `linux-responder.ts`; for
 * handshakes at `segment-port.ts`, then `linux-segments.ts`.
 */
