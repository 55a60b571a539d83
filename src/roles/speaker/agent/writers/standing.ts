/**
 * Where a Service stands: who answers for its addresses, and which speaker says so.
 *
 * Each speaker computes this from what the API server shows to all of them, so that one of them writes:
 *
 * 1. Somebody answers: of the nodes that say so, the first in the order of candidates. That another node does is taken from its
 *    `ServiceL2Status`, if its speaker runs and its node is ready. There are several for moves, while the link is cut, and where
 *    two nodes hold an address each.
 * 2. Somebody may answer, and nobody does: the first node of the order of candidates that is a ready member. It is the one that should
 *    hold the address, so it knows best why it does not.
 * 3. Nobody may answer: of the ready members the one with the highest random weight for the Service, so that the work is spread.
 *
 * A ready member is a node with a speaker that runs, of which the API server says that it is ready; if none is, all members count.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { hashName } from "#core/balance/name-hash";
import type { SilentReason as UnroutedReason } from "#core/bgp-routes/reason";
import { parseServiceAddress } from "#core/ipam/block";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Placements } from "#core/layer2/placements";
import type { LeftOut, SilentReason } from "#core/layer2/reason";
import type { Announced, SeenStatus } from "#core/layer2-status/object";
import type { Service } from "#core/service/service";
import type { AddressStanding, Takeover } from "#core/service-condition/announced";
import type { RoutedNode } from "#core/service-condition/routed";

/** What is known besides the Service itself. */
export type Surroundings = {
  readonly self: string;
  readonly placements: Pick<Placements, "get" | "explain" | "silence">;
  /** What this node holds, and on which interfaces it answers for it. */
  readonly voices: ReadonlyMap<IpAddress, readonly string[]>;
  /** The machine that is none of ours and was heard to answer for an address; `undefined` for none. */
  readonly strangerAt: (address: IpAddress) => MacAddress | undefined;
  /** How this node came by an address that it holds; `undefined` where nobody had fallen silent. */
  readonly takeoverOf: (address: IpAddress) => Takeover | undefined;
  readonly statusesOf: (service: ObjectKey) => readonly SeenStatus[];
  /** Ready members; all of them if none is ready. */
  readonly members: ReadonlySet<string>;
  /** Nodes that are to tell routers of a Service, this one among them. */
  readonly routedBy: (service: ObjectKey) => readonly RoutedNode[];
  /** Why this node tells no router of it; `undefined` if it does, or it is none of ours. */
  readonly unroutedAs: (service: ObjectKey) => UnroutedReason | undefined;
  /** Whether a node has an interface in the network of an address, as it has reported. */
  readonly carries: (node: string, address: IpAddress) => boolean;
};

export type Standing =
  /** No Service of ours. */
  | { readonly type: "foreign" }
  /** Nobody may answer. `writer` says so. */
  | {
      readonly type: "silent";
      readonly reason: SilentReason;
      readonly leftOut: readonly LeftOut[];
      readonly writer: string | undefined;
    }
  | {
      readonly type: "announced";
      /** As the status of the Service lists them; at least one. */
      readonly addresses: readonly AddressStanding[];
      /** What this node announces of it. */
      readonly own: Announced | undefined;
      /** Whether another node may hold one of the addresses, and whether it may hold one that this node does not. */
      readonly mayShare: (node: string) => boolean;
      readonly mustShare: (node: string) => boolean;
      /** Other nodes that say that they announce it as well: for moments, while the link is cut, or of another address. */
      readonly others: readonly string[];
      readonly writer: string | undefined;
    };

const SEED = 0x73_70_6f_6b;

/** Of these nodes the one that speaks where there is no holder: when one goes, only its own Services get another. */
export const spokesmanOf = (service: ObjectKey, nodes: Iterable<string>): string | undefined => {
  let best: { readonly node: string; readonly weight: number } | undefined;
  for (const node of nodes) {
    const weight = hashName(`${node}#${service}`, SEED);
    const wins = best === undefined || weight > best.weight || (weight === best.weight && node < best.node);
    if (wins) best = { node, weight };
  }
  return best?.node;
};

/** The addresses in the status of a Service that can be read, each once. */
const addressesOf = ({ ingress }: Service): readonly IpAddress[] => [
  ...new Set(ingress.flatMap(({ ip }) => parseServiceAddress(ip ?? "") ?? [])),
];

type Holder = NonNullable<AddressStanding["holder"]>;

type Look = {
  readonly address: IpAddress;
  readonly candidates: readonly string[];
  /** Who says that it answers; this node before others, of those the first choice. */
  readonly holder: Holder | undefined;
};

/** Where this node answers for what it holds: nowhere in particular if it may everywhere, so that links that come and go change nothing. */
const ownInterfaces = (address: IpAddress, { self, placements, voices }: Surroundings): readonly string[] => {
  const placement = placements.get(address);
  const allowed = placement?.interfaces[placement.candidates.indexOf(self)] ?? "all";
  return allowed === "all" ? [] : (voices.get(address) ?? []);
};

/** Other nodes that say that they announce a Service, and that count. */
const othersOf = (service: ObjectKey, around: Surroundings): ReadonlyMap<string, SeenStatus> =>
  new Map(
    around
      .statusesOf(service)
      .filter(({ node }) => node !== around.self && around.members.has(node))
      .map((status) => [status.node, status]),
  );

const lookAt = (
  service: ObjectKey,
  address: IpAddress,
  around: Surroundings & { readonly others: ReadonlyMap<string, SeenStatus> },
): Look => {
  const { self, placements, voices, others } = around;
  const placement = placements.get(address);
  // A Service that no node can serve has no say where others can be served.
  if (placement?.services.includes(service) !== true) return { address, candidates: [], holder: undefined };
  const { candidates } = placement;
  if ((voices.get(address)?.length ?? 0) > 0)
    return { address, candidates, holder: { node: self, interfaces: ownInterfaces(address, around) } };
  const first = candidates.find((node) => others.has(node));
  const interfaces = first === undefined ? undefined : others.get(first)?.interfaces;
  const holder = first === undefined || interfaces === undefined ? undefined : { node: first, interfaces };
  return { address, candidates, holder };
};

/** Who speaks where somebody may answer. */
const writerOf = (
  service: ObjectKey,
  looks: readonly Look[],
  { self, members, others }: Surroundings & { readonly others: ReadonlyMap<string, SeenStatus> },
): string | undefined => {
  const order = looks.flatMap(({ candidates }) => candidates);
  const isHere = looks.some(({ holder }) => holder?.node === self);
  const announcer = order.find((node) => (node === self ? isHere : others.has(node)));
  const first = isHere ? self : order.find((node) => members.has(node));
  return announcer ?? first ?? spokesmanOf(service, members);
};

const ownOf = (service: ObjectKey, looks: readonly Look[], self: string): Announced | undefined => {
  const own = looks.flatMap(({ holder }) => (holder?.node === self ? [holder] : []));
  if (own.length === 0) return undefined;
  const isEverywhere = own.some(({ interfaces }) => interfaces.length === 0);
  return {
    service,
    interfaces: isEverywhere ? [] : [...new Set(own.flatMap(({ interfaces }) => interfaces))].sort(),
  };
};

const silentStanding = (
  service: ObjectKey,
  { reason, addresses }: { readonly reason: SilentReason; readonly addresses: readonly IpAddress[] },
  { placements, members }: Surroundings,
): Standing => {
  const leftOut =
    reason !== "no-candidates"
      ? []
      : addresses.flatMap((address) => {
          const explanation = placements.explain(address);
          const silent = explanation?.silent.find((each) => each.service === service);
          return silent?.leftOut ?? explanation?.leftOut ?? [];
        });
  return { type: "silent", reason, leftOut, writer: spokesmanOf(service, members) };
};

/** Where a Service stands. Costs a step for each node if this node is the one that says so. */
export const standingOf = (service: Service, around: Surroundings): Standing => {
  const { self, placements, members } = around;
  const key = objectKey(service.meta);
  const addresses = addressesOf(service);
  const reason = placements.silence(key);
  if (reason !== undefined) return silentStanding(key, { reason, addresses }, around);
  const known = { ...around, others: othersOf(key, around) };
  const looks = addresses.map((address) => lookAt(key, address, known));
  if (looks.every(({ candidates }) => candidates.length === 0)) return { type: "foreign" };
  const writer = writerOf(key, looks, known);
  return {
    type: "announced",
    addresses: looks.map(({ address, holder }) => ({
      ...{ address, holder, stranger: around.strangerAt(address) },
      takeover: holder?.node === self ? around.takeoverOf(address) : undefined,
      leftOut: writer === self ? (placements.explain(address)?.leftOut ?? []) : [],
    })),
    own: ownOf(key, looks, self),
    mayShare: (node) => looks.some(({ candidates }) => candidates.includes(node)) && members.has(node),
    mustShare: (node) =>
      looks.some(({ holder, candidates }) => candidates.includes(node) && holder?.node !== self),
    others: [...known.others.keys()],
    writer,
  };
};
