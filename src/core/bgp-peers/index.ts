/**
 * With which routers this node opens BGP sessions, and how: from BGPPeers, BFDProfiles, Secrets and the node's own labels and addresses.
 *
 * Every field of a BGPPeer either does what it says or has the peer refused, with a reason from a closed list that names what to change.
 * What BGPPeer has no field for is said by annotations of ours, which are checked as fields are.
 *
 * Left out: what follows from the machine itself, such as the family of an unnumbered link or whether a VRF is there. That is found out
 * where sessions are opened.
 *
 * Start with `plan.ts`; `peer-word.ts` has the fields, `reason.ts` the reasons.
 */
export {};
