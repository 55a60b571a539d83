/** What this node has to say of one Service: its object, its conditions. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import { objectKey } from "#core/kubernetes/meta";
import type { Verdict } from "#core/reachability/machine";
import type { Service } from "#core/service/service";
import { ANNOUNCED, announcedCondition } from "#core/service-condition/announced";
import {
  isWordOf,
  type ProbedAddress,
  REACHABLE,
  reachableCondition,
} from "#core/service-condition/reachable";
import { ROUTED_GIST } from "#core/service-condition/routed";
import type { Wish } from "./conditions.ts";
import { type Standing, type Surroundings, spokesmanOf } from "./standing.ts";

/** The conditions that speakers write. */
export const CONDITIONS: readonly string[] = [ANNOUNCED, REACHABLE];

const has = ({ conditions }: Service, type: string): boolean => conditions.some((each) => each.type === type);

/** Takes a condition away, unless it is not there anyway. */
const without = (service: Service, type: string, patience: Wish["patience"] = "usual"): readonly Wish[] =>
  has(service, type) ? [{ type, condition: undefined, patience, gist: "" }] : [];

const announcedWish = (
  service: ObjectKey,
  standing: Exclude<Standing, { type: "foreign" }>,
  { routedBy, unroutedAs }: Pick<Surroundings, "routedBy" | "unroutedAs">,
): Wish => {
  const routed = routedBy(service);
  if (standing.type === "silent") {
    const { reason: silent, leftOut } = standing;
    const known = { addresses: [], silent, routed, unrouted: unroutedAs(service) };
    const condition = announcedCondition({ ...known, leftOut });
    // Which nodes tell routers changes with every pod that moves.
    const gist = routed.length > 0 ? ROUTED_GIST : announcedCondition({ ...known, leftOut: [] }).message;
    return { type: ANNOUNCED, condition, patience: "usual", gist };
  }
  const { addresses } = standing;
  const condition = announcedCondition({ addresses, silent: undefined, routed });
  const bare = addresses.map((address) => ({ ...address, takeover: undefined, leftOut: [] }));
  const gist = announcedCondition({ addresses: bare, silent: undefined }).message;
  // Who took the address first is known: nothing is gained by waiting, and the controller waits for it.
  const isTaken = addresses.some(({ holder, stranger }) => holder === undefined && stranger !== undefined);
  const isContested = standing.others.length > 0;
  return {
    type: ANNOUNCED,
    condition,
    patience: isTaken ? "at-once" : isContested ? "contested" : "usual",
    gist,
  };
};

/** Who asked for the first address speaks for all that it asked for. */
const probedWish = (
  { addresses }: Extract<Standing, { type: "announced" }>,
  { self, verdicts }: { readonly self: string; readonly verdicts: ReadonlyMap<IpAddress, Verdict> },
): readonly Wish[] => {
  const first = addresses[0];
  if (first === undefined || !verdicts.has(first.address)) return [];
  // What it holds itself it has asked for before it held it: another node asks now.
  if (first.holder?.node === self) return [];
  const [one, ...rest] = addresses.flatMap(({ address, holder }): readonly ProbedAddress[] => {
    const verdict = verdicts.get(address);
    return verdict === undefined || holder?.node === self ? [] : [{ address, prober: self, verdict }];
  });
  // One that takes over from another prober knows nothing yet, and what that one said is still the best that is known.
  if (one === undefined || [one, ...rest].some(({ verdict }) => verdict.type === "unknown")) return [];
  const condition = reachableCondition([one, ...rest]);
  return [{ type: REACHABLE, condition, patience: "at-once", gist: condition.message }];
};

/** Where no other node could ask any more, what one once found out is not true for ever. */
const aloneWish = (
  service: Service,
  { addresses, writer }: Extract<Standing, { type: "announced" }>,
  { self, members, placements, carries }: Surroundings,
): readonly Wish[] => {
  if (writer !== self || !has(service, REACHABLE)) return [];
  const [one, ...rest] = addresses.map(
    ({ address }): ProbedAddress => ({ address, prober: undefined, verdict: { type: "unknown" } }),
  );
  const canAsk = (address: IpAddress): boolean => {
    const candidates = placements.get(address)?.candidates ?? [];
    return [...members].some(
      (node) => node !== self && (candidates.includes(node) || carries(node, address)),
    );
  };
  const isAlone = !addresses.some(({ address }) => canAsk(address));
  if (!isAlone || one === undefined) return [];
  const condition = reachableCondition([one, ...rest]);
  return [{ type: REACHABLE, condition, patience: "usual", gist: condition.message }];
};

/**
 * What this node found out before it held the address itself says nothing of how it answers: where no other node has said more for
 * a while, nobody knows. It takes back its own words only, so no two nodes write against each other.
 */
const outdatedWish = (
  service: Service,
  { addresses }: Extract<Standing, { type: "announced" }>,
  { self }: Surroundings,
): readonly Wish[] => {
  const said = service.conditions.find(({ type }) => type === REACHABLE)?.message ?? "";
  const [one, ...rest] = addresses.map(
    ({ address }): ProbedAddress => ({ address, prober: self, verdict: { type: "unknown" } }),
  );
  if (one === undefined || addresses[0]?.holder?.node !== self || !isWordOf(self, said)) return [];
  const condition = reachableCondition([one, ...rest]);
  return [{ type: REACHABLE, condition, patience: "patient", gist: condition.message }];
};

/** The conditions that this node has to write of a Service. */
export const wishesOf = (
  service: Service,
  standing: Standing,
  around: Surroundings & {
    readonly verdicts: ReadonlyMap<IpAddress, Verdict>;
    /** Whether speakers ask for addresses of others. */
    readonly probing: "on" | "off";
  },
): readonly Wish[] => {
  const { self, members, probing } = around;
  switch (standing.type) {
    case "foreign": {
      // Of one that is no load balancer any more nobody else would.
      const isMine = spokesmanOf(objectKey(service.meta), members) === self;
      if (service.type === "LoadBalancer" || !isMine) return [];
      return CONDITIONS.flatMap((type) => without(service, type));
    }
    case "silent":
      return standing.writer === self
        ? [announcedWish(objectKey(service.meta), standing, around), ...without(service, REACHABLE)]
        : [];
    default: {
      const announced =
        standing.writer === self ? [announcedWish(objectKey(service.meta), standing, around)] : [];
      // What was found out before nobody asks any more is not true for ever.
      if (probing === "off")
        return standing.writer === self ? [...announced, ...without(service, REACHABLE, "tidying")] : [];
      const choices = [
        probedWish(standing, around),
        aloneWish(service, standing, around),
        outdatedWish(service, standing, around),
      ];
      return [...announced, ...(choices.find(({ length }) => length > 0) ?? [])];
    }
  }
};

/** Services of which it is known that they list one of the addresses and are announced. */
export const servicesAt = (
  addresses: Iterable<IpAddress>,
  { placements }: Pick<Surroundings, "placements">,
): ReadonlySet<ObjectKey> => {
  const services = new Set<ObjectKey>();
  for (const address of addresses)
    for (const key of placements.get(address)?.services ?? []) services.add(key);
  return services;
};
