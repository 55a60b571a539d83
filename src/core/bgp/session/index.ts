/**
 * The session with one peer: what is said when, on which of up to two connections, and when it is over.
 *
 * Standards: RFC 4271 §6.2 to §6.8, §8 and §10 (the state machine, its errors, collisions, timers), 5492 (capabilities), 4760 §8 and 8950 §4 (which
 * families), 6286 (router IDs), 6608 (errors of the state machine), 6793 (four-octet AS numbers in OPEN), 2918 and 7313 (who may ask for routes
 * again), 4724 and 8538 (graceful restart), 4486, 9003 and 9384 (why it is over), 9687 (a peer that does not read), 5882 §4 (BFD).
 * `docs/standards/rfc4271.md` and `rfc4724.md` list what became of each section.
 *
 * Left out: DelayOpen, the option to track collisions of established sessions, another attempt without capabilities for peers that know none
 * (RFC 5492 §3), authentication (the driver's), and whatever concerns routes from the peer: none are imported.
 *
 * Start at `machine.ts`, then `state.ts`, `input.ts`, `effect.ts`, `cause.ts`: what goes in, what comes out and why. `connecting.ts`, `hearing.ts`,
 * `ticking.ts` and `starting.ts` are what inputs do, `ending.ts` and `settling.ts` how a step ends; `open.ts` and `negotiate.ts` are both OPENs,
 * `collision.ts` which of two connections is kept, `timers.ts` how long everything takes. `words.ts` says it to people.
 */
export {};
