/**
 * The shape of what a command finds wrong with a machine or a cluster, whichever command looks.
 *
 * What can be found, and when, is a list of each command: `core/doctor`, `core/preflight`. Start in `finding.ts`.
 */
export {};
