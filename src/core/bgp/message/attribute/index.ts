/**
 * Path attributes: a file for each, or for each family of like ones, with its diagram, what is asked of it when a peer sends it, and how it
 * is written if we send it.
 *
 * Start at `shape.ts`, what they have in common, and `rules.ts`, the list of them.
 */
export {};
