/**
 * The edge: a box that holds virtual addresses with its peers and spreads what arrives for them over backends.
 *
 * Two processes and a thread. `wire/` is the main process, keeps the kernel's forwarding and talks to routers by BGP; `fast/` is its thread that
 * speaks VRRP; `agent/` is its child that reads files and answers people. What they say to each other is in
 * `messages.ts`, their common command line in `options.ts`. Why: `docs/decisions/0001-two-processes.md`.
 *
 * Wiring only: every decision is in `core`, every touch of the world in `drivers`.
 * Left out: following a cluster; layer 7.
 * Start reading at `wire/wire.ts`.
 */
export {};
