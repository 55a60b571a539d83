/**
 * ARP: which Ethernet address has this IPv4 address.
 *
 * Standards: RFC 826 for Ethernet and IPv4; RFC 5227 for announcements (gratuitous ARP) and conflicts.
 *
 * Left out: answering requests, which the kernel does for every address it holds; probing before first use
 * (RFC 5227 §2.1), since a virtual router's address is meant to be in use by its peer; other hardware types.
 *
 * Start at `packet.ts`: the codec, and the two forms of a gratuitous packet.
 */
