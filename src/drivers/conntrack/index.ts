/**
 * The kernel's connection tracking table: open flows of a virtual server counted by backend, and ended.
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: ctnetlink sockets; the codec is `#core/conntrack`.
 * - `fake.ts`, `contract.ts`: a table in memory, and what every driver must do.
 *
 * A large table is read a little a turn, so that whoever asks never stalls for it. Left out: see `#core/conntrack`.
 */
export {};
