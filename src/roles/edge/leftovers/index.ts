/**
 * What an edge that was killed leaves behind, found and removed by `steelyard clean`.
 *
 * One file for each kind of thing (`addresses.ts`, `forwarding.ts`, `settings.ts`, `files.ts`); `all.ts` lists them in the
 * order in which they must go. Whoever lets the edge put a new kind of thing into the world adds its file here.
 *
 * An edge that starts again needs none of this: it adopts what it finds, and its clean stop removes it.
 * Start reading in `all.ts`.
 */
export {};
