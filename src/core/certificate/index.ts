/**
 * The certificate that the admission and conversion webhooks serve with: what it looks like, when it is renewed, and
 * what must be written where so that the API server trusts it (RFC 5280, X.690).
 *
 * One Secret holds everything: an authority of our own making (ten years), its key, and the serving certificate that it
 * signed (one year). The planner compares the Secret with the time and with what the API server trusts already, and says
 * the one thing to do next. An authority is replaced in three steps, each observed before the next: the new one is
 * trusted beside the old, then the serving certificate comes from it, then the old one goes. A Secret that somebody else
 * keeps (cert-manager, say) is used and never written.
 *
 * This is the one place of `core` where the wall clock decides, since certificates are dated by it. Where the API
 * server's own time is known it is used instead of ours: the API server is who checks the dates.
 *
 * `x509.ts` writes certificates and nothing reads them here: reading is what attacks aim at, and `#drivers/certificate`
 * leaves it to OpenSSL. A library was weighed for the writing: it brings twenty packages and changes the global
 * `Reflect`, for two certificates of a fixed form that OpenSSL reads back in every test.
 *
 * Left out: revocation (an authority that is trusted by one webhook is revoked by replacing it), keys other than
 * ECDSA P-256, names that are not ASCII.
 *
 * Start at `plan.ts`; `held.ts` says what it is told, `configuration.ts` what becomes of the bundle.
 */
export {};
