/**
 * The admin interface: HTTP on a unix socket that only its owner may open.
 *
 * Left out: TCP with TLS and a token. Start reading at `server.ts`; `client.ts` is the other end, for the commands.
 */
export {};
