/**
 * What a change would do to the addresses of Services, before anybody makes it.
 *
 * A world (`world.ts`) is everything that decides about addresses: Services, resources, namespaces. `plan.ts` lets the
 * allocation of `core/allocation` come to rest in it twice, as it is and with the change, and compares; every decision is
 * that machine's own, and none is taken here. `explain.ts` asks it about one Service. `sentence.ts` says both in words, for
 * files and for a running controller alike.
 *
 * Left out: who announces an address, and what else hangs on it.
 *
 * Start with `world.ts`, then `plan.ts`.
 */
export {};
