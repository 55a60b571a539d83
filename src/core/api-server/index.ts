/**
 * API servers and the virtual address in front of them: does each one's certificate carry the address, which of them
 * should a kubeconfig name, and what must be changed where so that the certificates carry it.
 *
 * A client that comes through a virtual address verifies the certificate of whichever API server answers against that
 * address (RFC 9525 for the comparison of names, RFC 5280 §4.2.1.6 for where they stand). One server without the name
 * works until the address moves to it; this folder finds that before it happens.
 *
 * Dates are compared with the wall clock, since certificates are dated by it; nothing else here depends on a clock.
 *
 * Left out: names that are not ASCII, the common name of the subject (Kubernetes' own clients ignore it too), revocation.
 *
 * Start at `judge.ts` (certificates), `choose.ts` (kubeconfig), `san-files.ts` (what is to be changed).
 * `#drivers/api-server` asks the servers; the commands `tls` and `kubeconfig` put both together.
 */
export {};
