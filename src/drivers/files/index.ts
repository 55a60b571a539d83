/**
 * Configuration files: reading them, noticing their change, and saying where in them a problem lies.
 *
 * YAML 1.2, several documents per file, several files per directory. Left out: including other files, templates
 * and environment variables, so that what a file says can be read off it.
 *
 * Start with `load.ts`; `port.ts` is what the real file system (`linux.ts`, `watch.ts`) and the tests' (`fake.ts`)
 * have in common. `secret.ts`: what is said with a secret that a file holds.
 */
export {};
