/**
 * Checks: asks a backend over TCP, HTTP or HTTPS, or runs a script; once, within a deadline.
 *
 * When to ask and what an answer means is decided in `src/core/health`. Every attempt is a new connection or process, as
 * a user's would be: a kept connection would tell nothing about whether new ones are taken. Left out: HTTP/2 and gRPC,
 * POST, matching the body, client certificates, and names instead of addresses (a check must not depend on DNS).
 *
 * Start with `linux.ts`; `attempt.ts` is the frame around every kind: places, deadline, one answer.
 */
export {};
