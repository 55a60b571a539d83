/**
 * Connections that survive a takeover in the modes that translate addresses: the state of the kernel's connection
 * tracking, kept equal on both edges by conntrackd.
 *
 * - `config.ts`: what an operator says of it. Start reading here.
 * - `daemon-config.ts`: the daemon's configuration, from ours.
 * - `statistics.ts`: what the daemon says of itself, and what that means.
 *
 * The daemon puts its peer's connections into the kernel at once instead of keeping them for a takeover: then nothing
 * has to happen at that moment, and two edges that are each active for one address need not be told apart. The price is
 * room in the standby's table, and a write there for each connection that opens, changes or ends.
 *
 * Left out: a synchronisation of our own. What conntrackd does is well proven, and the kernel's format of connections
 * is its authors' own.
 */
export {};
