/**
 * Neighbour Discovery for IPv6: which Ethernet address has this IPv6 address.
 *
 * Standards: RFC 4861, of which Neighbor Solicitation and Neighbor Advertisement with the link-layer address
 * options; RFC 4291 and RFC 2464 for the groups they travel to.
 *
 * Left out: answering solicitations and Duplicate Address Detection, which the kernel does for every address it
 * holds; router discovery and redirects (this is no router); SEND (RFC 3971).
 *
 * Start at `packet.ts`: the codec. `group.ts` has the multicast addresses.
 */
