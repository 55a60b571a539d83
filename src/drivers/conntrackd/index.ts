/**
 * conntrackd, which keeps the connections of two edges in sync: started, asked, ended.
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: the real one, by its command line; the protocol of its socket is its own affair.
 * - `fake.ts`: without a process.
 */
export {};
