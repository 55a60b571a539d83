/**
 * The admin interface: HTTP on a unix socket that only its owner may open, or over TCP in plain text.
 *
 * Left out: TCP with TLS and a token. Start reading at `routes.ts`; `server.ts` listens on the socket, `tcp.ts` over TCP,
 * `client.ts` is the other end, for the commands.
 */
export {};
