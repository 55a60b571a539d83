/**
 * Datagrams over a link between two boxes (UDP, RFC 768), sent with hop limit 255 and taken with no other: such a
 * packet has passed no router (RFC 5082).
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: the real one. `node:dgram` tells nobody's hop limit, and binds to no interface.
 * - `fake.ts`: two ends in memory, with loss.
 * - `contract.ts`: what holds for both; with the real one in `test/kernel/datagram.test.ts`.
 */
export {};
