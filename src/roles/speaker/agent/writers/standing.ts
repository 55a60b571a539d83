/**
 * Where a Service stands: who answers for its addresses, and which speaker says so.
 *
 * Each speaker computes this from what the API server shows to all of them, so that one of them writes:
 *
 * 1. Somebody answers: the holder of the first address, in the order of the Service's status, that has one. That another node
 *    holds an address is taken from its `ServiceL2Status`, if its speaker runs and its node is ready.
 * 2. Somebody may answer, and nobody does: the first node of the order of candidates that is a ready member. It is the one that should
 *    hold the address, so it knows best why it does not.
 * 3. Nobody may answer: of the ready members the one with the highest random weight for the Service, so that the work is spread.
 *
 * A ready member is a node with a speaker that runs, of which the API server says that it is ready; if none is, all members count.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { hashName } from "#core/balance/name-hash";
import { parseServiceAddress } from "#core/ipam/block";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Placements } from "#core/layer2/placements";
import type { LeftOut, SilentReason } from "#core/layer2/reason";
import type { Announced, SeenStatus } from "#core/layer2-status/object";
import type { Service } from "#core/service/service";
import type { AddressStanding } from "#core/service-condition/announced";

/** What is known besides the Service itself. */
export type Surroundings = {
  readonly self: string;
  readonly placements: Pick<Placements, "get" | "explain" | "silence">;
  /** What this node holds, and on which interfaces it answers for it. */
  readonly voices: ReadonlyMap<IpAddress, readonly string[]>;
  /** The machine that is none of ours and was heard to answer for an address; `undefined` for none. */
  readonly strangerAt: (address: IpAddress) => MacAddress | undefined;
  readonly statusesOf: (service: ObjectKey) => readonly SeenStatus[];
  /** Ready members; all of them if none is ready. */
  readonly members: ReadonlySet<string>;
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
      /** Whether another node may rightly say that it announces the Service as well. */
      readonly mayShare: (node: string) => boolean;
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

type Look = { readonly address: IpAddress; readonly candidates: readonly string[] } & Pick<
  AddressStanding,
  "holder"
>;

/** Where this node answers for what it holds: nowhere in particular if it may everywhere, so that links that come and go change nothing. */
const ownInterfaces = (address: IpAddress, { self, placements, voices }: Surroundings): readonly string[] => {
  const placement = placements.get(address);
  const allowed = placement?.interfaces[placement.candidates.indexOf(self)] ?? "all";
  return allowed === "all" ? [] : (voices.get(address) ?? []);
};

const lookAt = (service: ObjectKey, address: IpAddress, around: Surroundings): Look => {
  const { self, placements, voices, members } = around;
  const placement = placements.get(address);
  // A Service that no node can serve has no say where others can be served.
  if (placement?.services.includes(service) !== true) return { address, candidates: [], holder: undefined };
  const { candidates } = placement;
  if ((voices.get(address)?.length ?? 0) > 0) {
    return { address, candidates, holder: { node: self, interfaces: ownInterfaces(address, around) } };
  }
  const statuses = around
    .statusesOf(service)
    .filter(({ node }) => node !== self && members.has(node) && candidates.includes(node));
  const first = candidates.find((node) => statuses.some((status) => status.node === node));
  const status = statuses.find(({ node }) => node === first);
  const holder = status === undefined ? undefined : { node: status.node, interfaces: status.interfaces };
  return { address, candidates, holder };
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
  const looks = addresses.map((address) => lookAt(key, address, around));
  if (looks.every(({ candidates }) => candidates.length === 0)) return { type: "foreign" };
  const held = looks.find(({ holder }) => holder !== undefined)?.holder?.node;
  const first = looks.flatMap(({ candidates }) => candidates).find((node) => members.has(node));
  const writer = held ?? first ?? spokesmanOf(key, members);
  return {
    type: "announced",
    addresses: looks.map(({ address, holder }) => ({
      ...{ address, holder, stranger: around.strangerAt(address) },
      leftOut: writer === self ? (placements.explain(address)?.leftOut ?? []) : [],
    })),
    own: ownOf(key, looks, self),
    mayShare: (node) =>
      looks.some(({ holder, candidates }) => holder?.node !== self && candidates.includes(node)),
    writer,
  };
};
