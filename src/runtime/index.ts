/**
 * Runs the pure machines of `core`: one deadline queue per thread (`deadlines.ts`), one journal that numbers what was
 * observed (`journal.ts`), and the last observations for those who ask or follow (`recent.ts`). What several roles share lies
 * here, too: the interfaces of this machine (`links.ts`), and what programs in a cluster share (`cluster/`).
 *
 * Left out: sockets and timers themselves; they come in through the small `Clock` that a driver provides.
 * Start reading at `deadlines.ts`.
 */
export {};
