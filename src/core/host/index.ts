/**
 * What the machine under us allows: which capabilities a process has, and whether its CPU time is rationed.
 *
 * Pure readers of /proc and cgroup files; `drivers/host` reads the files. Start at `capabilities.ts`.
 */
export {};
