/**
 * TCP for BGP: connections that are signed (RFC 2385), that tell how far the peer is (RFC 5082), and that may leave from an
 * address, a link or a VRF of the operator's choice, in both directions.
 *
 * Sockets are made with their options by the kernel's door and then handed to `node:net`, which reads and writes. Accepting is
 * ours: who calls is known before anything is spent on it, so that a stranger costs two system calls, and no more than some
 * are served in one turn of the event loop. The kernel drops unsigned and wrongly signed segments itself; we never hear of them.
 *
 * Left out: TCP-AO (RFC 5925), which few kernels have; keys for whole prefixes; one listener beside another BGP daemon on the
 * host (its port is taken, and that is said: `EADDRINUSE`).
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: the real one, of `connect.ts`, `listen.ts`, and `connection.ts`, which both end in.
 * - `fake.ts`: hosts in memory.
 * - `contract.ts`: what holds for both; with the real one in `test/kernel/bgp.test.ts`.
 */
export {};
