/**
 * The types of the admin HTTP API: what a client of `/v1/status` and `/v1/events` may rely on.
 *
 * Types only; nothing here exists at run time. Start reading at `status.ts`.
 */
export {};
