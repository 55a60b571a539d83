/**
 * ARP: which Ethernet address has this IPv4 address.
 *
 * Standards: RFC 826 for Ethernet and IPv4; RFC 5227 for announcements (gratuitous ARP), probes and conflicts.
 * Who answers, announces and probes when: `core/announce` for an edge, `core/responder` for a speaker.
 *
 * Left out: other hardware types, RARP and InARP.
 *
 * Start at `packet.ts`: the codec, and the packets that are made of it.
 */
export {};
