/**
 * The router's side of our BGP sessions, as text to paste into the router.
 *
 * Computed from the same resources that the speakers read, so that both sides agree: neighbours, autonomous systems, timers,
 * BFD, and a filter that accepts the prefixes of our pools at the lengths that are announced, and nothing else. Nothing is
 * announced towards the nodes. Passwords never appear: a placeholder says whose is meant.
 *
 * Left out: what a router needs besides (interfaces, addresses, firewalls), and what its other neighbours are told.
 *
 * Start at `model.ts`, then `routers.ts`, which makes the model; each vendor has one file with the same face (`render.ts`).
 */
export {};
