/**
 * Liveness: which of the other speakers are alive, without asking the API server.
 *
 * Speakers watch each other by BFD (`#core/bfd`; RFC 5880). This folder decides between whom sessions are kept, and what
 * becomes of a session's word, and of the API server's word on nodes that no session watches: a standing for each member.
 *
 * Left out: gossip. A node believes what it hears itself, and of those that it does not watch what the API server says. So
 * in a large cluster a node of which nobody who watches it is left is dead only once the API server says so.
 *
 * Start at `liveness.ts` (from words to standings, with the rules of `standing.ts`), then `pairs.ts` (who watches whom).
 * Figures and reasons are in `docs/decisions/0009-liveness-and-fencing.md`.
 */
export {};
