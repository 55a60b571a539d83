/**
 * Capabilities (RFC 5492): a file for each value that has a shape, with its diagram.
 *
 * Start at `capabilities.ts`, the list of them; `shape.ts` says what each file has.
 */
export {};
