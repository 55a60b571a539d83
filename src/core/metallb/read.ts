/** From raw objects, as an API server or files hold them, to a configuration: all of it, or every reason why not. */
import type { TextMap } from "#core/kubernetes/meta";
import { bgpAdvertisementOf, choiceOf, communitiesOf, l2AdvertisementOf } from "./advertisement-rules.ts";
import { Collection } from "./collection.ts";
import { crossProblems } from "./cross-rules.ts";
import type { Configuration } from "./model.ts";
import { bfdProfileOf, peerOf } from "./peer-rules.ts";
import { type Namespaces, poolOf } from "./pool-rules.ts";
import { firstProblems, type ObjectProblem } from "./problem.ts";
import { conflictOf, reservationOf } from "./reservation-rules.ts";

/** What a configuration is read from. */
export type Sources = {
  /** Raw resources, in any order; kinds that configure nothing are passed over. */
  readonly objects: readonly unknown[];
  /** Labels of each namespace, by its name, for the selectors of pools. */
  readonly namespaces: Namespaces;
  /**
   * Labels of each node, by its name, to tell whether two peers or advertisements meet on one. While they are not known,
   * they are taken to meet wherever some node could.
   */
  readonly nodes?: ReadonlyMap<string, TextMap>;
};

/** The outcome: the configuration as a whole, or nothing of it. */
export type Read =
  | {
      readonly ok: true;
      readonly configuration: Configuration;
      readonly warnings: readonly ObjectProblem[];
    }
  /** At least one is an error; warnings are among them. At most about a hundred. */
  | { readonly ok: false; readonly problems: readonly ObjectProblem[] };

/** Everything found in the objects: checked specs, and what is wrong. */
export type Examined = { readonly found: Collection; readonly problems: readonly ObjectProblem[] };

const configurationOf = (found: Collection, namespaces: Namespaces): Configuration => {
  const { pools } = found;
  const choice = choiceOf(pools);
  const { named } = communitiesOf(found.communities);
  return {
    pools: pools.map((pool) => poolOf(pool, namespaces)),
    reservations: found.reservations.map(reservationOf),
    conflicts: found.conflicts.map(({ spec }) => conflictOf(spec)),
    l2Advertisements: found.l2Advertisements.map((one) => l2AdvertisementOf(one, choice)),
    bgpAdvertisements: found.bgpAdvertisements.map((one) => bgpAdvertisementOf(one, choice, named)),
    peers: found.peers.map(peerOf),
    bfdProfiles: found.bfdProfiles.map(bfdProfileOf),
    communities: named,
  };
};

/** Checks objects without making a configuration of them. All problems are there. */
export const examine = ({ objects, namespaces, nodes }: Sources): Examined => {
  const found = new Collection(namespaces);
  for (const [index, raw] of objects.entries()) found.add(raw, index);
  found.arrange();
  return { found, problems: [...found.problems, ...crossProblems(found, nodes)] };
};

/** A conflict is a report, not configuration: one that cannot be read is told and passed over. */
const lenient = (problem: ObjectProblem): ObjectProblem =>
  problem.kind === "AddressConflict" ? { ...problem, severity: "warning" } : problem;

/**
 * Reads a configuration. Never throws, whatever the objects hold; the same objects in another order give the same.
 *
 * Fields that are not known are passed over with a warning, since a newer MetalLB may have them.
 */
export const readConfiguration = (sources: Sources): Read => {
  const { found, problems: all } = examine(sources);
  const problems = all.map(lenient);
  if (problems.some(({ severity }) => severity === "error")) {
    return { ok: false, problems: firstProblems(problems) };
  }
  return {
    ok: true,
    configuration: configurationOf(found, sources.namespaces),
    warnings: firstProblems(problems),
  };
};
