/**
 * The UDP sockets of BFD: one listener for each family and port, and for each session a sender of its own, because every
 * session must send from another port (RFC 5881 §4).
 *
 * Listeners are bound to no link: what arrives says by which link and with which TTL or Hop Limit it came, and
 * `#core/bfd/sessions` finds the session. A filter in the kernel keeps out what was forwarded by a router (over one hop)
 * and what is no BFD, so that a flood from afar cannot fill the buffer that peers' packets wait in; it counts as dropped.
 * Senders are bound to their address, over one hop to their link too, and hear nothing: an ICMP error that anybody may
 * forge costs no packet.
 *
 * Echo packets of peers are sent back by a socket of their own (`reflector.ts`), as FRR expects it.
 *
 * Left out: sending echo packets ourselves, routing tables of a VRF, one listener beside another BFD program on the host (its port is
 * taken, and that is said: `EADDRINUSE`).
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: the real one. `node:dgram` tells nobody's hop limit, and binds to no link.
 * - `digest.ts`: the hash functions of authentication.
 * - `fake.ts`: systems on one link in memory.
 * - `contract.ts`: what holds for both; with the real one in `test/kernel/bfd.test.ts`.
 */
export {};
