/**
 * The kernel's links, addresses and routes, and word of every change to them (rtnetlink).
 *
 * The codecs live in `#core/netlink`; here are the sockets. `port.ts` says what roles may ask, `linux.ts` asks the
 * kernel, `fake.ts` is a kernel in memory, and `contract.ts` holds both to the same behaviour.
 *
 * Left out: changing links, routes, rules and neighbours. An edge owns its virtual addresses and nothing else.
 */
export { openNetlink } from "./linux.ts";
export type * from "./port.ts";
