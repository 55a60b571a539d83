/** What is checked between objects. */
import { error, show } from "#core/config/problem";
import type { TextMap } from "#core/kubernetes/meta";
import {
  communitiesOf,
  communityFindings,
  missingNames,
  resolvedCommunities,
} from "./advertisement-rules.ts";
import { bgpProblems } from "./bgp-rules.ts";
import type { Collection } from "./collection.ts";
import { type Community, formatCommunity } from "./community.ts";
import { peerProblems } from "./peer-rules.ts";
import { overlapProblems } from "./pool-rules.ts";
import { type ObjectProblem, type Placed, problemIn, transient } from "./problem.ts";
import { reservationProblems } from "./reservation-rules.ts";

const namesOf = (placed: readonly Placed<unknown>[]): ReadonlySet<string> =>
  new Set(placed.map(({ place }) => place.name));

/** An error for each peer whose BFDProfile is not there (yet). */
const profileProblems = ({ peers, bfdProfiles, unread }: Collection): readonly ObjectProblem[] => {
  if (unread.has("BFDProfile")) return [];
  const known = namesOf(bfdProfiles);
  return peers.flatMap(({ place, spec: { bfdProfile = "" } }) => {
    if (bfdProfile === "" || known.has(bfdProfile)) return [];
    const finding = error(
      ["spec", "bfdProfile"],
      `there is no BFDProfile named ${show(bfdProfile)}`,
      "Create it, or mend the name.",
    );
    return [problemIn(place, transient(finding))];
  });
};

/** Pools and peers that advertisements name although they are not there: MetalLB says nothing of them. */
const nameProblems = (found: Collection): readonly ObjectProblem[] => {
  const pools = namesOf(found.pools);
  const peers = namesOf(found.peers);
  const problems: ObjectProblem[] = [];
  for (const { place, spec } of [...found.l2Advertisements, ...found.bgpAdvertisements]) {
    if (found.unread.has("IPAddressPool")) break;
    const wanted = { names: spec.ipAddressPools, known: pools, kind: "IPAddressPool" };
    problems.push(...missingNames("ipAddressPools", wanted).map((finding) => problemIn(place, finding)));
  }
  for (const { place, spec } of found.bgpAdvertisements) {
    if (found.unread.has("BGPPeer")) break;
    const wanted = { names: spec.peers, known: peers, kind: "BGPPeer" };
    problems.push(...missingNames("peers", wanted).map((finding) => problemIn(place, finding)));
  }
  return problems;
};

const communityProblems = (found: Collection): readonly ObjectProblem[] => {
  const { named, problems } = communitiesOf(found.communities);
  const isIncomplete = found.unread.has("Community") || problems.length > 0;
  const ofAdvertisements = found.bgpAdvertisements.flatMap(({ place, spec }) =>
    communityFindings(spec, named)
      .filter((finding) => finding.isTransient !== true || !isIncomplete)
      .map((finding) => problemIn(place, finding)),
  );
  return [...problems, ...ofAdvertisements, ...tooManyCommunities(found, named)];
};

/** A route may get the communities of all advertisements, and must fit into one message of 4096 octets with them. */
const MOST_COMMUNITIES = { standard: 500, large: 100 } as const;

const tooManyCommunities = (
  { bgpAdvertisements }: Collection,
  named: ReadonlyMap<string, Community>,
): readonly ObjectProblem[] => {
  const seen = { standard: new Set<string>(), large: new Set<string>() };
  for (const { place, spec } of bgpAdvertisements) {
    for (const community of resolvedCommunities(spec, named)) {
      const kind = seen[community.type].add(formatCommunity(community));
      const most = MOST_COMMUNITIES[community.type];
      if (kind.size <= most) continue;
      const message = `with this, BGPAdvertisements name more than ${most} ${community.type} communities`;
      const hint = "Name fewer: a route that got all of them would not fit into a message.";
      return [problemIn(place, error(["spec", "communities"], message, hint))];
    }
  }
  return [];
};

/** Everything that is wrong between the objects of a collection. */
export const crossProblems = (
  found: Collection,
  nodes: ReadonlyMap<string, TextMap> | undefined,
): readonly ObjectProblem[] => [
  ...overlapProblems(found.pools),
  ...reservationProblems(found.reservations, found.unread.has("IPAddressPool") ? undefined : found.pools),
  ...communityProblems(found),
  ...profileProblems(found),
  ...peerProblems(found.peers, nodes),
  ...bgpProblems({
    pools: found.pools,
    advertisements: found.bgpAdvertisements,
    peers: found.peers,
    profiles: found.bfdProfiles,
    nodes,
  }),
  ...nameProblems(found),
];
