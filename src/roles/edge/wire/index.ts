/**
 * The wire process: everything that traffic depends on. It goes on by itself when the agent stalls or dies.
 *
 * `run.ts` opens the world, `wire.ts` connects the parts: health of backends and tracked checks (`subjects.ts`), the
 * kernel's forwarding (`forwarding.ts`) and settings (`settings.ts`), where packets go (`paths.ts`), the fast thread
 * (`fast-link.ts`) and the agent (`agent-process.ts`).
 *
 * Start reading at `wire.ts`.
 */
export {};
