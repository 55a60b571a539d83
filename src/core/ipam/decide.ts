/**
 * The decision about one Service: it keeps what it has if it may, else it gets what `choose` finds.
 *
 * Nothing is changed here, so a decision can be made at any time only to be looked at.
 */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import type { Service } from "#core/service/service";
import { type Ask, type Choice, choose, type How, offerOf } from "./choose.ts";
import type { Claim } from "./claim.ts";
import { type Current, type Kept, keep, type Loss, type LossReason } from "./keep.ts";
import type { Ledger } from "./ledger.ts";
import { type Need, needOf } from "./need.ts";
import type { AddressConflict } from "./pool.ts";
import {
  needRefusal,
  noPools,
  type Refusal,
  requestRefusal,
  type Tried,
  WAITS_FOR_NOTHING,
  type Waits,
} from "./refusal.ts";
import { requestOf } from "./request.ts";

/** What else is to be said about addresses that a Service has. */
export type Remark =
  /** It would like both families and has one. */
  | { readonly type: "shortage"; readonly shortage: Tried }
  /** Another machine answers for its address, and it keeps it for a reason. */
  | { readonly type: "conflict"; readonly conflict: AddressConflict; readonly because: ConflictKept }
  /** What it asks for cannot be read, so it keeps what it has. */
  | { readonly type: "request-unreadable"; readonly refusal: Refusal };

/** Why a Service keeps an address for which another machine answers. */
export type ConflictKept = "asked-for" | "announced" | "no-other-address";

export type Decision =
  | {
      readonly outcome: "allocated";
      /** In the order of the status. */
      readonly addresses: readonly IpAddress[];
      readonly pool: string;
      readonly how: How;
      readonly remarks: readonly Remark[];
      /** What it had before and does not have any more. */
      readonly lost: Loss | undefined;
      readonly tried: readonly Tried[];
      readonly waits: Waits;
    }
  | {
      readonly outcome: "refused";
      readonly refusal: Refusal;
      readonly lost: Loss | undefined;
      readonly tried: readonly Tried[];
      readonly waits: Waits;
    };

type Allocated = Extract<Decision, { outcome: "allocated" }>;

/** The condition by which the speakers say that an address is answered for. */
const ANNOUNCED = "steelyard.dev/Announced";

const refusedFor = (refusal: Refusal, lost: Loss | undefined, tried: readonly Tried[] = []): Decision => ({
  outcome: "refused",
  refusal,
  lost,
  tried,
  waits: refusal.waits,
});

/** Everything is lost for a reason that has nothing to do with the addresses themselves. */
const lostAll = (current: Current, { message }: Refusal): Loss | undefined =>
  current.addresses.length === 0 && current.isReadable
    ? undefined
    : { addresses: current.addresses, reason: "cannot-have-any", message };

/** What would end a shortage: an address of the pool, or one that is reserved for the Service. */
const shortageWait = ({ pool, families }: Tried, reserved: readonly IpAddress[]): Waits => ({
  addresses: reserved,
  pools: families.map((family) => ({ pool, need: { families: [family], oneWillDo: false } })),
});

const bothWaits = (left: Waits, right: Waits): Waits => ({
  addresses: [...left.addresses, ...right.addresses],
  pools: [...left.pools, ...right.pools],
});

/** What remains of a loss when some of the addresses were given again. */
const remainingLoss = (loss: Loss, given: readonly IpAddress[]): Loss | undefined => {
  const addresses = loss.addresses.filter((address) => !given.includes(address));
  return addresses.length === 0 && loss.reason !== "status-unreadable" ? undefined : { ...loss, addresses };
};

const fromChoice = (
  choice: Choice,
  { loss, reserved }: { readonly loss: Loss | undefined; readonly reserved: readonly IpAddress[] },
): Decision => {
  if (!choice.ok) return refusedFor(choice.refusal, loss, choice.tried);
  const { addresses, pool, how, shortage, tried } = choice;
  const lost = loss === undefined ? undefined : remainingLoss(loss, addresses);
  return {
    outcome: "allocated",
    addresses,
    pool,
    how,
    remarks: shortage === undefined ? [] : [{ type: "shortage", shortage }],
    lost,
    tried,
    waits: shortage === undefined ? WAITS_FOR_NOTHING : shortageWait(shortage, reserved),
  };
};

const decided = (ledger: Ledger, ask: Ask, loss: Loss | undefined): Decision =>
  fromChoice(choose(ledger, ask), { loss, reserved: ledger.reservedFor(ask.claim.service) });

const keptAs = (kept: Kept, how: How, more: Partial<Allocated> = {}): Allocated => ({
  outcome: "allocated",
  addresses: kept.addresses,
  pool: kept.pool.name,
  how,
  remarks: [],
  lost: undefined,
  tried: [],
  waits: WAITS_FOR_NOTHING,
  ...more,
});

/** Gives a Service that has one address of two the other, from the same pool; it keeps the one that it has. */
const completed = (ledger: Ledger, ask: Ask, kept: Kept): Allocated => {
  const { need, claim, request } = ask;
  const missing: IpFamily | undefined = need.families.find(
    (family) => !kept.addresses.some((address) => familyOf(address) === family),
  );
  if (missing === undefined || request.addresses.length > 0) return keptAs(kept, "kept");
  const { name } = kept.pool;
  const rest: Need = { families: [missing], oneWillDo: false };
  const reserved = ledger.reservedFor(claim.service);
  const offer = offerOf(ledger, name, { ...ask, need: rest, wishes: reserved });
  if (offer.missing === undefined)
    return keptAs({ ...kept, addresses: [...kept.addresses, ...offer.addresses] }, "completed");
  return keptAs(kept, "kept", {
    remarks: [{ type: "shortage", shortage: offer.missing }],
    waits: shortageWait(offer.missing, reserved),
  });
};

const isAnnounced = ({ conditions }: Service): boolean =>
  conditions.some(({ type, status }) => type === ANNOUNCED && status === "True");

const conflictText = ({ address, mac, reportedBy }: AddressConflict): string =>
  `another machine${mac === undefined ? "" : ` (${mac})`} answers for ${address}, as ${reportedBy} reports`;

/** What becomes of a Service that may keep its addresses although another machine answers for one of them. */
const inConflict = (ledger: Ledger, ask: Ask, kept: Kept, conflict: AddressConflict): Decision => {
  const stay = (because: ConflictKept, waits: Waits = WAITS_FOR_NOTHING): Decision => {
    const decision = completed(ledger, ask, kept);
    return {
      ...decision,
      remarks: [...decision.remarks, { type: "conflict", conflict, because }],
      waits: bothWaits(decision.waits, waits),
    };
  };
  if (ask.request.addresses.length > 0) return stay("asked-for");
  if (isAnnounced(ask.service)) return stay("announced");
  const choice = choose(ledger, { ...ask, wishes: kept.addresses, favourite: kept.pool.name });
  if (!choice.ok) return stay("no-other-address", choice.refusal.waits);
  const loss: Loss = { addresses: kept.addresses, reason: "conflict", message: conflictText(conflict) };
  return fromChoice(choice, { loss, reserved: ledger.reservedFor(ask.claim.service) });
};

const decideKept = (ledger: Ledger, ask: Ask, kept: Kept): Decision => {
  const { problem } = ask.request;
  if (problem !== undefined)
    return keptAs(kept, "kept", {
      remarks: [{ type: "request-unreadable", refusal: requestRefusal(problem) }],
    });
  for (const address of kept.addresses) {
    const conflict = ledger.conflictAt(address);
    if (conflict !== undefined) return inConflict(ledger, ask, kept, conflict);
  }
  return completed(ledger, ask, kept);
};

/** Adds to a decision that a family was given up which the Service does not have any more. */
const withNarrowing = (decision: Decision, current: Current, kept: Kept): Decision => {
  const addresses = current.addresses.filter((address) => !kept.addresses.includes(address));
  if (addresses.length === 0 || decision.lost !== undefined) return decision;
  const message = "the Service has no cluster address of this family any more";
  return { ...decision, lost: { addresses, reason: "family-changed", message } };
};

/** Losses after which what the Service has left should rather stay in the pool that it is in. */
const STAYS_IN_POOL: ReadonlySet<LossReason> = new Set(["family-changed"]);

/** A Service of ours, and what it has now. */
type Subject = { readonly service: Service; readonly claim: Claim; readonly current: Current };

const askOf = ({ service, claim, current }: Subject, need: Need): Ask => ({
  service,
  claim,
  need,
  request: requestOf(service),
  wishes: current.addresses,
  favourite: undefined,
});

/** What a Service may keep of what it has, whatever else will be decided about it. */
export const keptAddresses = (ledger: Ledger, subject: Subject): readonly IpAddress[] => {
  const need = needOf(subject.service);
  if (!need.ok || (subject.current.addresses.length === 0 && subject.current.isReadable)) return [];
  const verdict = keep(ledger, askOf(subject, need.need), subject.current);
  return verdict.ok ? verdict.kept.addresses : [];
};

/** Decides about a Service of ours. */
export const decide = (ledger: Ledger, subject: Subject): Decision => {
  const { service, current } = subject;
  const need = needOf(service);
  if (!need.ok) {
    const refusal = needRefusal(need.reason);
    return refusedFor(refusal, lostAll(current, refusal));
  }
  if (ledger.config.pools.length === 0) return refusedFor(noPools(), lostAll(current, noPools()));
  const ask = askOf(subject, need.need);
  if (current.addresses.length === 0 && current.isReadable) return decided(ledger, ask, undefined);
  const verdict = keep(ledger, ask, current);
  if (verdict.ok) return withNarrowing(decideKept(ledger, ask, verdict.kept), current, verdict.kept);
  const { loss } = verdict;
  const [first] = current.addresses;
  const favourite =
    STAYS_IN_POOL.has(loss.reason) && first !== undefined ? ledger.poolOf(first)?.name : undefined;
  return decided(ledger, { ...ask, favourite }, loss);
};
