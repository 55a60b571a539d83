/**
 * As much of TCP (RFC 9293 §3.1) as it takes to ask whether somebody listens: the first segment of a handshake, the reset
 * that takes it back, and the reading of what comes in answer, a word of ICMP among it.
 *
 * Left out: everything else. Connections are the kernel's.
 */
export {};
