/**
 * The API server of a Kubernetes cluster: credentials, requests, and mirrors of what it holds.
 *
 * Our own client on HTTP/2, because a mirror must survive whatever happens to a connection, weigh little, and never hold
 * up the event loop for long: objects are cut down to what is read as soon as their line has come. A mirror is filled by
 * a watch that sends what is there first, or by a list in pages where the server does not know that, and goes on from the
 * last version it heard of. Every wait is drawn at random and grows; a connection that has gone silent is found by pings.
 *
 * Left out: HTTP/1.1 and plain text (`kubectl proxy`), proxies, impersonation, and auth providers; each is refused with
 * a sentence that says so, but for `HTTPS_PROXY` and its kind, which are not looked at. An authority that holds no certificate
 * is refused too: nobody is trusted in its place. What is said or logged never holds a secret, in whatever encoding.
 *
 * Start with `port.ts`, then `cluster.ts`, then `reflector.ts`. `kubeconfig.ts` and `in-cluster.ts` find credentials,
 * `leader.ts` runs leader election. `fake.ts` is an API server in memory; `contract.ts` runs against it and the real one.
 */
export {};
