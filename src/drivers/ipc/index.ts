/**
 * Messages between our own processes: one JSON value a line over a connected unix socket.
 *
 * Left out: schemas. Both ends are the same program; what does not parse ends the channel.
 * Start reading at `channel.ts`.
 */
export {};
