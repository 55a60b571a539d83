/** Why an address is answered by whom. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Noticed } from "#core/node/impairment";
import type { Candidate, Interfaces } from "./candidate.ts";
import { leftOutFor } from "./demand.ts";
import type { AddressEntry, Claim } from "./entry.ts";
import type { NodeFacts } from "./field.ts";
import type { LeftOut, SilentReason } from "./reason.ts";

/** A node that may answer, and what was weighed. */
export type Standing = {
  readonly node: string;
  readonly interfaces: Interfaces;
  /** Weights of the preferences that mean it, added up. */
  readonly preference: number;
  /** Whether what is the matter with it puts it behind others. */
  readonly place: "regular" | "behind";
  /** Everything that is the matter with it, the least first. */
  readonly noticed: readonly Noticed[];
  /** Services on the address that it cannot serve. */
  readonly lacks: number;
};

/** A Service for which nobody answers at an address. */
export type Silent = {
  readonly service: ObjectKey;
  readonly reason: SilentReason;
  /** With `no-candidates`: every node, by name. */
  readonly leftOut: readonly LeftOut[];
};

export type Explanation = {
  readonly address: IpAddress;
  /** Services that list it and are announced, by name. */
  readonly services: readonly ObjectKey[];
  /** Services that list it and are not announced, by name. */
  readonly silent: readonly Silent[];
  /** The address whose digests give the order; `undefined` while no Service is announced. */
  readonly lead: IpAddress | undefined;
  /** All that may answer, the first choice first. */
  readonly candidates: readonly Standing[];
  /** All others, by name. Empty while no Service is announced. */
  readonly leftOut: readonly LeftOut[];
};

const unmetOf = (claim: Claim | undefined): readonly Silent[] =>
  (claim?.unmet ?? []).map(({ service, demand }) => ({
    service,
    reason: "no-candidates",
    leftOut: leftOutFor([demand], []),
  }));

/** Explains an address. Costs a step for each node. */
export const explain = ({
  entry: { address, claim },
  silent,
  candidates,
  nodes,
}: {
  readonly entry: AddressEntry;
  readonly silent: Explanation["silent"];
  readonly candidates: readonly Candidate[];
  readonly nodes: ReadonlyMap<string, NodeFacts>;
}): Explanation => ({
  address,
  services: claim?.services ?? [],
  silent: [...silent, ...unmetOf(claim)].sort((left, right) => (left.service < right.service ? -1 : 1)),
  lead: claim?.lead,
  candidates: candidates.map(({ node, interfaces, preference, grade, lacks }) => ({
    node,
    interfaces,
    preference,
    place: grade === 0 ? "regular" : "behind",
    noticed: nodes.get(node)?.noticed ?? [],
    lacks,
  })),
  leftOut: claim === undefined ? [] : leftOutFor(claim.demands, candidates),
});
