/**
 * API servers as anybody on the network sees them: the certificate that one presents, before anything is sent to it.
 *
 * The handshake is made without trusting what comes back, and given up right after; what to make of it is decided in
 * `#core/api-server`. Left out: everything that needs credentials, which is in `#drivers/kubernetes`.
 *
 * Start at `handshake.ts`.
 */
export {};
