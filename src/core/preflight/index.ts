/**
 * What would keep a control-plane host from holding the API server's address (`steelyard vip`), before it is started.
 *
 * Pure: `facts.ts` says what is looked at, by `commands/preflight`; every rule takes facts and gives findings, each with the command
 * that mends it. What could not be looked at is `undefined` and never a fault.
 *
 * Left out: what only the other hosts can see of this one; run it on each. Start reading in `examine.ts`.
 */
export {};
