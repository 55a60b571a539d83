/**
 * IPVS, the kernel's own virtual server: which services and destinations a plan needs there, and how it is told.
 *
 * Standards: none; linux/ip_vs.h, whose names `constants.ts` keeps. Messages are generic netlink (`#core/genetlink`).
 *
 * - `model.ts`: services, destinations and the sync daemon as IPVS knows them.
 * - `translate.ts`: a planned virtual server as a service with destinations, or the reason why IPVS cannot carry it.
 *   Start reading here.
 * - `diff.ts`: what to change, given what is observed and what is ours.
 * - `service.ts`, `destination.ts`, `daemon.ts`, `change.ts`: the codecs. Decoders never throw on any bytes.
 *
 * Left out: tunnelling and services by firewall mark (the plan has neither), SCTP, statistics, connection thresholds,
 * persistence engines. IPVS_CMD_FLUSH is never used: other programs have services here too.
 */
export {};
