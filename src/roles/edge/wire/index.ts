/**
 * The wire process: everything that traffic depends on. It goes on by itself when the agent stalls or dies.
 *
 * `run.ts` starts it, `serve.ts` opens the world (`parts.ts`), `wire.ts` connects the parts: health of backends and
 * tracked checks (`subjects.ts`), forwarding with what feeds and follows its plans (`balancing.ts`), the machine's
 * interfaces and settings (`host.ts`), the fast thread (`fast-link.ts`) and the agent (`agent-process.ts`), and what routers are told by
 * BGP (`bgp.ts`, which puts `bgp-routes.ts`, what is announced as backends come and go, and `bgp-sessions.ts`, the sessions, together).
 *
 * Start reading at `wire.ts`.
 */
export {};
