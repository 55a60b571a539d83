/**
 * Certificates: keys and signatures that the plans of `#core/certificate` ask for, and the facts that it decides by.
 *
 * Everything is done by OpenSSL inside Node.js, in this process; a private key leaves it only for the Secret and for TLS.
 * `keep.ts` brings the Secret to what is planned, one round at a time, against replicas that do the same.
 *
 * Left out: the API server itself, which the role puts behind `SecretStore`.
 *
 * Start at `keep.ts`, then `read.ts` and `issue.ts`.
 */
export {};
