/**
 * The fast thread: VRRP (RFC 9568) and what it does to addresses and neighbours, with a heap and an event loop that
 * nothing else can delay.
 *
 * `thread.ts` is the worker's entry; `fleet.ts` brings all routers to the configuration and tells them of links, checks
 * and each other (`groups.ts`); `router.ts` is one of them at work, with its seat on the wire (`place.ts`), its addresses
 * (`addresses.ts`) and its voice (`announcer.ts`). `departures.ts` lets routers go without a gap, `memory.ts` is what
 * this run leaves for the next. `stations.ts` shares sockets, `links.ts` knows the interfaces, `lease.ts` is the dead-man
 * switch. `bed.ts` is the machine room of the tests.
 *
 * The interfaces of virtual MAC addresses are made by the wire's main thread and only taken up and down here.
 * Start reading at `fleet.ts`.
 */
export {};
