/** What is said of an address: who may answer for it, in which order. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Candidate, Interfaces } from "./candidate.ts";
import { isSameList } from "./entry.ts";
import { LISTED, type Ranking } from "./order.ts";
import type { SharedLists } from "./shared-lists.ts";

export type Placement = {
  readonly address: IpAddress;
  /** The address whose digests give the order: the first of the Service, so that both of a dual-stack Service go together. */
  readonly lead: IpAddress;
  /** Services that are announced at the address, by name; at least one. */
  readonly services: readonly ObjectKey[];
  /**
   * The nodes that may answer, the first choice first: `LISTED`, and as many more as are among them of which it was said that
   * they are dead, `LISTED` of those at most. Fewer if there are no more; none if every node is left out.
   */
  readonly candidates: readonly string[];
  /** For each of `candidates`, on which interfaces it answers. */
  readonly interfaces: readonly Interfaces[];
  /** Whether there are more candidates than are listed: `Placements.candidates` gives all. */
  readonly unlisted: "none" | "some";
};

/** What changed. */
export type Changes = {
  /** New, or different from what was said before. */
  readonly placed: readonly Placement[];
  /** Addresses for which nobody is to answer any more. */
  readonly withdrawn: readonly IpAddress[];
  /** Whether more is left to decide, because no more was asked for. */
  readonly rest: "none" | "some";
};

/** Candidates with some of them, those in `front`, before the others. */
export const withFront = (
  front: readonly Candidate[],
  candidates: readonly Candidate[],
): readonly Candidate[] =>
  front.length === 0
    ? candidates
    : [...front, ...candidates.filter(({ node }) => front.every((one) => one.node !== node))];

/** For as many candidates, all of which answer everywhere. */
const EVERYWHERE: readonly (readonly Interfaces[])[] = Array.from({ length: LISTED + 1 }, (_, length) =>
  new Array<Interfaces>(length).fill("all"),
);

const interfacesOf = (listed: readonly Candidate[]): readonly Interfaces[] =>
  (listed.every(({ interfaces }) => interfaces === "all") ? EVERYWHERE[listed.length] : undefined) ??
  listed.map(({ interfaces }) => interfaces);

type Listed = { readonly listed: readonly Candidate[]; readonly living: number };

/**
 * The first of a list, until enough of them are not known to be dead. Of the dead as many are listed at most: a node that has lost sight of a
 * thousand others is not to list them all, for each address.
 */
const enough = (candidates: readonly Candidate[], dead: ReadonlySet<string>): Listed => {
  const listed: Candidate[] = [];
  let living = 0;
  for (const candidate of candidates) {
    if (living === LISTED) break;
    if (!dead.has(candidate.node)) living += 1;
    else if (listed.length - living === LISTED) continue;
    listed.push(candidate);
  }
  return { listed, living };
};

/** The placement that follows from an order; `front` are candidates that come before it. `all` gives the whole order. */
export const placementOf = (
  {
    address,
    lead,
    services,
    ranking,
  }: Pick<Placement, "address" | "lead" | "services"> & { readonly ranking: Ranking },
  {
    front,
    dead,
    lists,
    all,
  }: {
    readonly front: readonly Candidate[];
    readonly dead: ReadonlySet<string>;
    readonly lists: SharedLists;
    readonly all: () => readonly Candidate[];
  },
): Placement => {
  const known = withFront(front, ranking.first);
  const first = enough(known, dead);
  const isShort = first.living < LISTED && ranking.first.length < ranking.set.candidates.length;
  const { listed } = isShort ? enough(withFront(front, all()), dead) : first;
  return {
    address,
    lead,
    services,
    candidates: lists.share(listed.map(({ node }) => node)),
    interfaces: interfacesOf(listed),
    unlisted: ranking.set.candidates.length > listed.length ? "some" : "none",
  };
};

const isSameInterfaces = (left: Interfaces, right: Interfaces | undefined): boolean =>
  left === "all" || right === "all" || right === undefined ? left === right : isSameList(left, right);

/** Whether two placements of one address say the same. */
export const isSamePlacement = (left: Placement, right: Placement): boolean =>
  left.lead === right.lead &&
  left.unlisted === right.unlisted &&
  isSameList(left.services, right.services) &&
  isSameList(left.candidates, right.candidates) &&
  left.interfaces.every((interfaces, index) => isSameInterfaces(interfaces, right.interfaces[index]));
