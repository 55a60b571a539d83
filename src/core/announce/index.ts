/**
 * Announcing: telling the link where the addresses of one virtual router are, and noticing who disagrees.
 *
 * Standards: RFC 9568 §6.4 (gratuitous ARP and unsolicited advertisements at takeover); RFC 5227 §2.3 and §2.4
 * (announcing, conflicts, DEFEND_INTERVAL); RFC 4861 §7.2.6. The second burst and the refresh are what keepalived
 * has, for switches that were slow to open a port and for those that forget quiet addresses.
 *
 * Left out: probing an address before first use (RFC 5227 §2.1), because its other owner is the peer; giving an
 * address up when somebody else claims it (RFC 5227 §2.4 (a)), because the election alone decides who holds it.
 *
 * Start at `machine.ts` (when to announce), then `frames.ts` (with which packets) and `duplicate.ts` (the watch).
 */
