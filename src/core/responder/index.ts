/**
 * The responder: answers ARP and Neighbour Discovery for the addresses that this node holds, tells the network of
 * them, and notices who else claims them. Where the kernel has an address (`roles/speaker/fast/bindings.ts`), that answers, and the rest stays.
 *
 * Standards: RFC 826, RFC 5227, RFC 4861 §7.2, RFC 4862 §5.4, RFC 9131; `docs/reference/responder.md` goes through them
 * section by section, and states the bounds on time and on frames a second.
 *
 * Not decided here: who holds an address (`core/ownership`). A claim that is heard is an event for it.
 *
 * Left out: SEND; anycast answers with a random delay (RFC 4861 §7.2.7); links other than Ethernet.
 *
 * Start at `responder.ts`: all addresses of a node, from frames, links and time to frames and events. It puts together
 * `fitness.ts`, `fitting.ts` and `link-lists.ts` (which links can carry an address), `segments.ts` (which of them are on one
 * switch, so that one answers), `reading.ts` and `told-claims.ts` (what a frame says, and whether that is news), `holding.ts` (one
 * address: when it is announced, probed, disputed), `outbox.ts` (how many frames a second), `limits.ts` (how many questions),
 * `listening.ts` (what sockets listen for), `agenda.ts` (what is due when).
 */
export {};
