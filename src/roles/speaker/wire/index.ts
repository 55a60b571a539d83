/**
 * The wire process of a speaker: the parent, which has all that must not wait, and goes on by itself while the agent is away.
 *
 * Left out: a thread of its own for the fast part, as an edge has it. There is nothing slow here: what is written to disk is
 * written off the thread, and what the agent is told waits for its turn.
 *
 * BGP has a folder of its own, `bgp/`, and shares nothing with layer 2 but the agent and the BFD sessions of this machine.
 *
 * Start at `wire.ts`; `world.ts` has the real drivers.
 */
export {};
