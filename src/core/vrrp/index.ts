/**
 * VRRP: routers on one link elect which of them holds a set of addresses.
 *
 * Standards: RFC 9568 (version 3, IPv4 and IPv6) and RFC 3768 (version 2, IPv4), with the simple-text
 * authentication of RFC 2338. `docs/standards/rfc9568.md` lists every section and what became of it.
 *
 * Beyond the standards, as keepalived has it: unicast peers, preempt delay, tracking, sync groups.
 *
 * Left out: router advertisements and redirects (this is no default gateway), authentication by MD5 or IPsec
 * (withdrawn long ago).
 *
 * Start at `router.ts`: one virtual router, from bytes to effects. It puts together `packet.ts` (the codec),
 * `admission.ts` (is this advertisement for us), `machine.ts` (the state machine) and `conflict.ts` (what
 * neighbours do that they should not). `resume.ts` decides who goes on after a crash,
 * `accept-mode.ts` what reaches programs on this box. `observe.ts` says in words what a step changed.
 */
export {};
