/**
 * Neighbour Discovery for IPv6: which Ethernet address has this IPv6 address.
 *
 * Standards: RFC 4861, of which Neighbor Solicitation and Neighbor Advertisement with the link-layer address
 * options; RFC 4862 §5.4 for Duplicate Address Detection; RFC 4291 and RFC 2464 for the groups they travel to.
 * Who answers and announces when: `core/announce` for an edge, whose kernel answers, `core/responder` for a speaker.
 *
 * Left out: router discovery and redirects (this is no router); SEND (RFC 3971); the nonce of RFC 7527.
 *
 * Start at `packet.ts`: the codec. `answer.ts` makes the answer to a solicitation, `group.ts` has the multicast
 * addresses.
 */
export {};
