/**
 * The agent of the speaker: reads the cluster, decides about placements, and writes what is true into the cluster.
 *
 * Start with `mirror.ts`: what is read.
 */
export {};
