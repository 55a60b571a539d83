/** What is checked of advertisements and communities, and what they become. */
import { error, type Finding, show, warning } from "#core/config/problem";
import { matchesAny } from "#core/kubernetes/selector";
import { type Community, formatCommunity, parseCommunity } from "./community.ts";
import type { BgpAdvertisement, L2Advertisement } from "./model.ts";
import { type Found, type ObjectProblem, type Placed, problemIn, transient } from "./problem.ts";
import type { BgpAdvertisementSpec, CommunitySpec, L2AdvertisementSpec } from "./schema-advertisement.ts";
import type { PoolSpec } from "./schema-pool.ts";
import { oneSelector, repeatedNames, selectorFindings, selectorOf, selectorsOf } from "./selector-rules.ts";

type EitherSpec = L2AdvertisementSpec | BgpAdvertisementSpec;

const commonFindings = (spec: EitherSpec): readonly Finding[] => [
  ...repeatedNames(["spec", "ipAddressPools"], spec.ipAddressPools),
  ...selectorFindings(["spec", "ipAddressPoolSelectors"], spec.ipAddressPoolSelectors),
  ...selectorFindings(["spec", "nodeSelectors"], spec.nodeSelectors),
  ...selectorFindings(["spec", "serviceSelectors"], spec.serviceSelectors),
];

/** What is wrong with an `L2Advertisement` by itself. */
export const l2Findings = (spec: L2AdvertisementSpec): readonly Finding[] => [
  ...commonFindings(spec),
  ...(spec.preferredNodeSelectors ?? []).flatMap(({ preference }, index) =>
    oneSelector(["spec", "preferredNodeSelectors", index, "preference"], preference),
  ),
];

const lengthFindings = (spec: BgpAdvertisementSpec): readonly Finding[] => {
  if (spec.serviceSelectors === undefined || spec.serviceSelectors.length === 0) return [];
  const finding = (key: "aggregationLength" | "aggregationLengthV6", whole: 32 | 128): readonly Finding[] =>
    spec[key] === whole
      ? []
      : [
          error(
            ["spec", key],
            `is ${spec[key]}, and an advertisement with serviceSelectors cannot aggregate`,
            `Use ${whole}, or remove serviceSelectors.`,
          ),
        ];
  return [...finding("aggregationLength", 32), ...finding("aggregationLengthV6", 128)];
};

/** What is wrong with a `BGPAdvertisement` by itself. */
export const bgpFindings = (spec: BgpAdvertisementSpec): readonly Finding[] => [
  ...commonFindings(spec),
  ...repeatedNames(["spec", "communities"], spec.communities),
  ...repeatedNames(["spec", "peers"], spec.peers),
  ...lengthFindings(spec),
];

const COMMUNITY_HINT =
  "Write HIGH:LOW with numbers up to 65535, or large:A:B:C with numbers up to 4294967295.";

/** The names that Community resources give, and what is wrong with them. */
export const communitiesOf = (
  resources: readonly Placed<CommunitySpec>[],
): { readonly named: ReadonlyMap<string, Community>; readonly problems: readonly ObjectProblem[] } => {
  const named = new Map<string, Community>();
  const problems: ObjectProblem[] = [];
  for (const { place, spec } of resources) {
    for (const [index, { name = "", value = "" }] of (spec.communities ?? []).entries()) {
      const path = ["spec", "communities", index];
      const read = parseCommunity(value);
      if (read.type !== "community") {
        const finding = error([...path, "value"], `${show(value)} is not a community`, COMMUNITY_HINT);
        problems.push(problemIn(place, finding));
      } else if (named.has(name)) {
        const finding = error([...path, "name"], `${show(name)} is given twice`, "Rename one of them.");
        problems.push(problemIn(place, finding));
      } else named.set(name, read.community);
    }
  }
  return { named, problems };
};

/** The communities of an advertisement, and what is wrong with them. */
const resolved = (
  spec: BgpAdvertisementSpec,
  named: ReadonlyMap<string, Community>,
): { readonly communities: readonly Community[]; readonly findings: readonly Found[] } => {
  const byText = new Map<string, Community>();
  const findings: Found[] = [];
  for (const [index, text] of (spec.communities ?? []).entries()) {
    const read = parseCommunity(text);
    const community = named.get(text) ?? (read.type === "community" ? read.community : undefined);
    if (community !== undefined) byText.set(formatCommunity(community), community);
    else if (read.type === "malformed") {
      findings.push(
        error(["spec", "communities", index], `${show(text)} is not a community`, COMMUNITY_HINT),
      );
    } else {
      const problem = `no Community resource gives the name ${show(text)}`;
      findings.push(
        transient(error(["spec", "communities", index], problem, "Create one, or mend the name.")),
      );
    }
  }
  return { communities: [...byText.values()], findings };
};

/** The communities of an advertisement that can be read. */
export const resolvedCommunities = (
  spec: BgpAdvertisementSpec,
  named: ReadonlyMap<string, Community>,
): readonly Community[] => resolved(spec, named).communities;

/** What is wrong with the communities of an advertisement, given the names there are. */
export const communityFindings = (
  spec: BgpAdvertisementSpec,
  named: ReadonlyMap<string, Community>,
): readonly Found[] => resolved(spec, named).findings;

/** A warning for each name under a key that no object has. */
export const missingNames = (
  key: "ipAddressPools" | "peers",
  {
    names = [],
    known,
    kind,
  }: { names: readonly string[] | undefined; known: ReadonlySet<string>; kind: string },
): readonly Finding[] =>
  names.flatMap((name, index) =>
    known.has(name) ? [] : [warning(["spec", key, index], `there is no ${kind} named ${show(name)}`)],
  );

/** Pools as advertisements choose among them; made once for all advertisements, of which there may be as many as pools. */
export type PoolChoice = {
  readonly all: readonly Placed<PoolSpec>[];
  /** The names of all. */
  readonly names: ReadonlySet<string>;
  readonly byName: ReadonlyMap<string, readonly Placed<PoolSpec>[]>;
};

export const choiceOf = (pools: readonly Placed<PoolSpec>[]): PoolChoice => {
  const byName = Map.groupBy(pools, ({ place }) => place.name);
  return { all: pools, names: new Set(byName.keys()), byName };
};

/** The pools that an advertisement means. */
export const poolsMeant = (spec: EitherSpec, { all, byName }: PoolChoice): readonly Placed<PoolSpec>[] => {
  const named = new Set(spec.ipAddressPools);
  const selectors = selectorsOf(spec.ipAddressPoolSelectors);
  if (named.size === 0 && selectors.length === 0) return all;
  if (selectors.length === 0) return [...named].flatMap((name) => byName.get(name) ?? []);
  return all.filter(({ place }) => named.has(place.name) || matchesAny(selectors, place.labels));
};

const namesMeant = (spec: EitherSpec, pools: PoolChoice): ReadonlySet<string> => {
  const meant = poolsMeant(spec, pools);
  return meant === pools.all ? pools.names : new Set(meant.map(({ place }) => place.name));
};

const advertised = ({ place, spec }: Placed<EitherSpec>, pools: PoolChoice) => ({
  name: place.name,
  pools: namesMeant(spec, pools),
  nodeSelectors: selectorsOf(spec.nodeSelectors),
  serviceSelectors: selectorsOf(spec.serviceSelectors),
});

/** The advertisement that a checked spec describes. */
export const l2AdvertisementOf = (
  placed: Placed<L2AdvertisementSpec>,
  pools: PoolChoice,
): L2Advertisement => {
  const { interfaces = [], preferredNodeSelectors = [] } = placed.spec;
  return {
    ...advertised(placed, pools),
    interfaces: interfaces.length === 0 ? undefined : interfaces,
    preferredNodes: preferredNodeSelectors.map(({ weight, preference }) => ({
      weight,
      selector: selectorOf(preference),
    })),
  };
};

/** The advertisement that a checked spec describes. */
export const bgpAdvertisementOf = (
  placed: Placed<BgpAdvertisementSpec>,
  pools: PoolChoice,
  named: ReadonlyMap<string, Community>,
): BgpAdvertisement => {
  const { spec } = placed;
  const { peers = [] } = spec;
  return {
    ...advertised(placed, pools),
    aggregationLength: spec.aggregationLength,
    aggregationLengthV6: spec.aggregationLengthV6,
    localPref: spec.localPref ?? 0,
    communities: resolvedCommunities(spec, named),
    peers: peers.length === 0 ? undefined : new Set(peers),
  };
};
