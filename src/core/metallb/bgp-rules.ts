/** What is checked between BGPAdvertisements, the pools they mean, and the peers they tell. */
import type { IpFamily } from "#base/address";
import { error, type Finding, show } from "#core/config/problem";
import type { TextMap } from "#core/kubernetes/meta";
import type { LabelSelector } from "#core/kubernetes/selector";
import { choiceOf, poolsMeant } from "./advertisement-rules.ts";
import { mayShareNode } from "./nodes.ts";
import { type Narrowest, narrowestEntries } from "./pool-rules.ts";
import { type ObjectProblem, type Placed, problemIn } from "./problem.ts";
import type { BgpAdvertisementSpec } from "./schema-advertisement.ts";
import type { BfdProfileSpec, PeerSpec } from "./schema-peer.ts";
import type { PoolSpec } from "./schema-pool.ts";
import { selectorsOf } from "./selector-rules.ts";

/** What the rules look at. */
export type BgpWorld = {
  readonly pools: readonly Placed<PoolSpec>[];
  readonly advertisements: readonly Placed<BgpAdvertisementSpec>[];
  readonly peers: readonly Placed<PeerSpec>[];
  readonly profiles: readonly Placed<BfdProfileSpec>[];
  /** Labels of each node; `undefined` while they are not known. */
  readonly nodes: ReadonlyMap<string, TextMap> | undefined;
};

/** A pool and what the rules need of it. */
type MeasuredPool = { readonly name: string; readonly narrowest: ReadonlyMap<IpFamily, Narrowest> };

/** An advertisement and what the rules need of it. */
type Measured = {
  readonly placed: Placed<BgpAdvertisementSpec>;
  readonly pools: ReadonlySet<MeasuredPool>;
  readonly nodeSelectors: readonly LabelSelector[];
  /** `undefined` means all. */
  readonly peers: ReadonlySet<string> | undefined;
  readonly localPref: number;
};

const measured = ({ pools, advertisements }: BgpWorld): readonly Measured[] => {
  const measuredPools = new Map(
    pools.map((pool) => [pool, { name: pool.place.name, narrowest: narrowestEntries(pool.spec) }]),
  );
  const choice = choiceOf(pools);
  const all = new Set(measuredPools.values());
  return advertisements.map((placed) => {
    const { peers = [], localPref = 0 } = placed.spec;
    const meant = poolsMeant(placed.spec, choice);
    return {
      placed,
      pools: meant === pools ? all : new Set(meant.flatMap((pool) => measuredPools.get(pool) ?? [])),
      nodeSelectors: selectorsOf(placed.spec.nodeSelectors),
      peers: peers.length === 0 ? undefined : new Set(peers),
      localPref,
    };
  });
};

const LENGTH_KEYS = { IPv4: "aggregationLength", IPv6: "aggregationLengthV6" } as const;

const lengthFindings = (
  spec: BgpAdvertisementSpec,
  { name, narrowest }: MeasuredPool,
): readonly Finding[] => {
  const findings: Finding[] = [];
  for (const [family, { text, length }] of narrowest) {
    const key = LENGTH_KEYS[family];
    if (spec[key] >= length) continue;
    const message = `${spec[key]} is shorter than the /${length} of ${show(text)} in pool ${show(name)}`;
    const hint = `Use ${length} or more, so that no address outside the pool is announced.`;
    findings.push(error(["spec", key], message, hint));
  }
  return findings;
};

/** Whether two advertisements announce different prefixes for every address of a pool. */
const announceApart = (
  left: BgpAdvertisementSpec,
  right: BgpAdvertisementSpec,
  { narrowest }: MeasuredPool,
): boolean =>
  [...narrowest.keys()].every((family) => left[LENGTH_KEYS[family]] !== right[LENGTH_KEYS[family]]);

const tellTheSamePeer = (left: Measured, right: Measured): boolean => {
  const { peers } = right;
  if (left.peers === undefined || peers === undefined) return true;
  return [...left.peers].some((peer) => peers.has(peer));
};

const selectsServices = ({ serviceSelectors = [] }: BgpAdvertisementSpec): boolean =>
  serviceSelectors.length > 0;

/** The pool for which two advertisements ask for different local preferences of one announcement, if any. */
const contested = (left: Measured, right: Measured, nodes: BgpWorld["nodes"]): MeasuredPool | undefined => {
  if (left.localPref === right.localPref || !tellTheSamePeer(left, right)) return undefined;
  const pool = [...left.pools].find(
    (each) => right.pools.has(each) && !announceApart(left.placed.spec, right.placed.spec, each),
  );
  return pool !== undefined && mayShareNode(left.nodeSelectors, right.nodeSelectors, nodes)
    ? pool
    : undefined;
};

/** Told of each advertisement once, however many it disagrees with. */
const preferenceProblems = (
  advertisements: readonly Measured[],
  nodes: BgpWorld["nodes"],
): readonly ObjectProblem[] => {
  const judged = advertisements.filter(({ placed }) => !selectsServices(placed.spec));
  if (new Set(judged.map(({ localPref }) => localPref)).size < 2) return [];
  return judged.flatMap((each, index): readonly ObjectProblem[] => {
    for (const other of judged.slice(0, index)) {
      const pool = contested(other, each, nodes);
      if (pool === undefined) continue;
      const message = `is ${each.localPref}, and ${show(other.placed.place.name)} asks for ${other.localPref} for the same prefixes of pool ${show(pool.name)}`;
      const hint = "Use the same, or different pools, aggregation lengths, peers or nodes.";
      return [problemIn(each.placed.place, error(["spec", "localPref"], message, hint))];
    }
    return [];
  });
};

/** Names of the peers that BFD watches with echo packets. */
const echoPeers = ({ peers, profiles }: BgpWorld): ReadonlySet<string> => {
  const echoing = new Set(
    profiles.filter(({ spec }) => spec.echoMode === true).map(({ place }) => place.name),
  );
  return new Set(
    peers.filter(({ spec }) => echoing.has(spec.bfdProfile ?? "")).map(({ place }) => place.name),
  );
};

const echoProblems = (
  { placed, pools, peers }: Measured,
  echo: ReadonlySet<string>,
): readonly ObjectProblem[] => {
  const pool = [...pools].find(({ narrowest }) => narrowest.has("IPv6"));
  const peer = [...echo].find((name) => peers === undefined || peers.has(name));
  if (pool === undefined || peer === undefined) return [];
  const message = `announces IPv6 addresses of pool ${show(pool.name)} to peer ${show(peer)}, whose BFDProfile has echoMode`;
  const hint = "Turn echoMode off, name other peers, or name pools without IPv6.";
  return [problemIn(placed.place, error(["spec"], message, hint))];
};

/** What is wrong between advertisements, pools and peers. */
export const bgpProblems = (world: BgpWorld): readonly ObjectProblem[] => {
  const advertisements = measured(world);
  const echo = echoPeers(world);
  return [
    ...advertisements.flatMap(({ placed, pools }) =>
      [...pools].flatMap((pool) =>
        lengthFindings(placed.spec, pool).map((finding) => problemIn(placed.place, finding)),
      ),
    ),
    ...preferenceProblems(advertisements, world.nodes),
    ...advertisements.flatMap((each) => echoProblems(each, echo)),
  ];
};
