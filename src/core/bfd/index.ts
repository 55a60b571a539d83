/**
 * BFD: two systems tell each other several times a second that the path between them works, and notice within a
 * fraction of a second when it does not.
 *
 * Standards: RFC 5880 (the protocol, with all its authentication types), RFC 5881 (one hop), RFC 5883 (several hops).
 * `docs/standards/rfc5880.md`, `rfc5881.md` and `rfc5883.md` list every section and what became of it, `docs/reference/bfd.md`
 * every word that a session uses.
 *
 * Left out: sending echo packets (those of a peer are sent back where that is configured), asking for demand mode ourselves
 * (a peer's is respected), telling of concatenated paths (there are none), sessions over LAG members, MPLS and
 * point-to-multipoint paths (RFC 7130, 5884, 8562), S-BFD.
 *
 * Start at `sessions.ts`: all sessions of a system, from bytes to effects. `session.ts` is one of them; it puts together
 * `packet.ts` (the codec), `authentication.ts`, `admission.ts` (did it come the right way) and `machine.ts` (the state
 * machine; `hearing.ts` is what a packet does to it, `timing.ts` how its timers are negotiated). `observe.ts` says in
 * words what a step changed: up, down and why, leaving. `succession.ts` has a session outlast the program that has it.
 */
export {};
