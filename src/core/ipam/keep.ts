/** Whether a Service keeps the addresses that it has. */
import { familyOf, type IpAddress } from "#base/address";
import { type Ask, admits } from "./choose.ts";
import type { AddressRefusal } from "./holding.ts";
import type { Ledger } from "./ledger.ts";
import type { AddressPool } from "./pool.ts";
import { addressNotInNamedPool, addressRefusal, listText, poolRefusal } from "./refusal.ts";

/** What a Service has: as decided before or, when nothing was decided yet, as its status says. */
export type Current = {
  readonly addresses: readonly IpAddress[];
  /** Whether the status has entries that are no addresses of ours to keep: not an address, or two of one family. */
  readonly isReadable: boolean;
};

/** Why a Service does not keep what it has. */
export type LossReason =
  | "status-unreadable"
  | "family-changed" // its cluster addresses are of other families now
  | "pool-changed" // no pool has all its addresses any more, or the pool does not admit it
  | "not-shareable" // others hold the address and may not share it with the Service as it is now
  | "other-pool-asked"
  | "other-addresses-asked"
  | "conflict" // another machine answers for the address
  | "cannot-have-any"; // there is no pool, or the Service must not have addresses

/** What a Service loses, and why. */
export type Loss = {
  readonly addresses: readonly IpAddress[];
  readonly reason: LossReason;
  readonly message: string;
};

export type Kept = {
  readonly addresses: readonly IpAddress[];
  readonly pool: AddressPool;
};

const SHARING_REASONS: ReadonlySet<AddressRefusal["reason"]> = new Set(["held", "port-in-use"]);

/** The addresses of the families that the Service needs now; `undefined` when they are not what it needs. */
const fitting = ({ need }: Ask, addresses: readonly IpAddress[]): readonly IpAddress[] | undefined => {
  const kept = addresses.filter((address) => need.families.includes(familyOf(address)));
  return kept.length === need.families.length || (need.oneWillDo && kept.length > 0) ? kept : undefined;
};

const commonPool = (ledger: Ledger, addresses: readonly IpAddress[]): AddressPool | undefined => {
  const pools = new Set(addresses.map((address) => ledger.poolOf(address)));
  const [pool] = pools;
  return pools.size === 1 ? pool : undefined;
};

const sameAddresses = (left: readonly IpAddress[], right: readonly IpAddress[]): boolean =>
  left.length === right.length && left.every((address) => right.includes(address));

/** What a Service keeps of what it has, or why it keeps nothing. */
export const keep = (
  ledger: Ledger,
  ask: Ask,
  current: Current,
): { readonly ok: true; readonly kept: Kept } | { readonly ok: false; readonly loss: Loss } => {
  const lost = (reason: LossReason, message: string): { readonly ok: false; readonly loss: Loss } => ({
    ok: false,
    loss: { addresses: current.addresses, reason, message },
  });
  if (!current.isReadable)
    return lost("status-unreadable", "the status does not list one address of each family");
  const addresses = fitting(ask, current.addresses);
  if (addresses === undefined)
    return lost("family-changed", `the Service needs addresses of ${listText(ask.need.families)} now`);
  const pool = commonPool(ledger, addresses);
  if (pool === undefined) return lost("pool-changed", "no pool has all of its addresses any more");
  if (!admits(pool, ask.service)) {
    const { message } = poolRefusal({ pool: pool.name, reason: "not-admitted", families: [] }, ask.need);
    return lost("pool-changed", message);
  }
  for (const address of addresses) {
    const problem = ledger.refusal(address, ask.claim, "keep");
    if (problem === undefined) continue;
    const reason = SHARING_REASONS.has(problem.reason) ? "not-shareable" : "pool-changed";
    return lost(reason, addressRefusal(address, problem).message);
  }
  const { request } = ask;
  const [first] = addresses;
  if (request.pool !== undefined && request.pool !== pool.name && first !== undefined) {
    const { message } = addressNotInNamedPool(first, { named: request.pool, actual: pool.name });
    return lost("other-pool-asked", message);
  }
  if (request.addresses.length > 0 && !sameAddresses(addresses, request.addresses))
    return lost("other-addresses-asked", `${listText(request.addresses)} asked for`);
  return { ok: true, kept: { addresses, pool } };
};
