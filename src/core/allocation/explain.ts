/** Why a Service has the addresses that it has, or none. */
import type { IpAddress } from "#base/address";
import { type Ask, admits, offerOf } from "#core/ipam/choose";
import { type Decision, decide } from "#core/ipam/decide";
import type { Ledger } from "#core/ipam/ledger";
import { needOf } from "#core/ipam/need";
import type { AddressPool } from "#core/ipam/pool";
import { type Tried, triedText } from "#core/ipam/refusal";
import { requestOf } from "#core/ipam/request";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { currentOf, type Entry } from "./entry.ts";
import type { WantedCondition } from "./outcome.ts";
import { conditionOf } from "./words.ts";

/** What one pool would do for a Service. */
export type PoolVerdict =
  /** These are the addresses that it would give now. */
  | { readonly pool: string; readonly verdict: "could-give"; readonly addresses: readonly IpAddress[] }
  | { readonly pool: string; readonly verdict: "refuses"; readonly because: Tried; readonly text: string };

export type Explanation = {
  readonly key: ObjectKey;
  /** What the status lists, as written. */
  readonly status: readonly string[];
} & (
  | { readonly state: "loading" }
  | { readonly state: "not-ours"; readonly because: "not-a-load-balancer" | "other-class" }
  | {
      readonly state: "decided";
      /** What would be decided now. */
      readonly decision: Decision;
      readonly condition: WantedCondition;
      /** Every pool, in the order in which they would be asked; those that would not be asked come last, by name. */
      readonly pools: readonly PoolVerdict[];
    }
);

const verdictOf = (ledger: Ledger, pool: AddressPool, ask: Ask): PoolVerdict => {
  const { name, autoAssign } = pool;
  const refuses = (because: Tried): PoolVerdict => ({
    pool: name,
    verdict: "refuses",
    because,
    text: triedText(because),
  });
  if (!admits(pool, ask.service)) return refuses({ pool: name, reason: "not-admitted", families: [] });
  if (!autoAssign && ask.request.pool !== name && ask.request.addresses.length === 0)
    return refuses({ pool: name, reason: "not-automatic", families: [] });
  const { addresses, missing } = offerOf(ledger, name, ask);
  const isEnough = missing === undefined || (ask.need.oneWillDo && addresses.length > 0);
  return isEnough ? { pool: name, verdict: "could-give", addresses } : refuses(missing);
};

const inOrder = (ledger: Ledger): readonly AddressPool[] => {
  const asked = [...ledger.pinned, ...ledger.automatic];
  return [...asked, ...ledger.config.pools.filter((pool) => !asked.includes(pool))];
};

const verdicts = (ledger: Ledger, entry: Entry): readonly PoolVerdict[] => {
  const { service, claim } = entry;
  const need = needOf(service);
  if (!need.ok) return [];
  const request = requestOf(service);
  const wishes = currentOf(entry).addresses;
  const ask: Ask = { service, claim, need: need.need, request, wishes, favourite: undefined };
  return inOrder(ledger).map((pool) => verdictOf(ledger, pool, ask));
};

const statusText = ({ ingress }: Service): readonly string[] =>
  ingress.map(({ ip, hostname }) => ip ?? hostname ?? "");

/** Explains a Service; `ledger` is `undefined` while not everything is known. */
export const explain = (
  entry: Entry,
  options: { readonly ledger: Ledger | undefined; readonly isOurs: boolean },
): Explanation => {
  const { key, service, claim } = entry;
  const about = { key, status: statusText(service) };
  if (!options.isOurs) {
    const because = service.type === "LoadBalancer" ? "other-class" : "not-a-load-balancer";
    return { ...about, state: "not-ours", because };
  }
  const { ledger } = options;
  if (ledger === undefined) return { ...about, state: "loading" };
  const decision = decide(ledger, { service, claim, current: currentOf(entry) });
  const condition = conditionOf(decision);
  return { ...about, state: "decided", decision, condition, pools: verdicts(ledger, entry) };
};
