/** The sessions of this node: every peer that means it, or why there is none. */
import type { IpAddress } from "#base/address";
import type { PeerWord } from "#core/bgp/desired";
import { show } from "#core/config/problem";
import type { TextMap } from "#core/kubernetes/meta";
import { matchesAny } from "#core/kubernetes/selector";
import type { BgpPeer, Configuration } from "#core/metallb/model";
import { type PlannedPeer, planPeer } from "./peer-word.ts";
import type { RefusedPeer } from "./reason.ts";
import { type RouterId, routerIdOf } from "./router-id.ts";
import type { SecretReading } from "./secret.ts";

/** What peers are planned from. */
export type PeerSources = {
  readonly configuration: Pick<Configuration, "peers" | "bfdProfiles">;
  readonly node: {
    readonly name: string;
    readonly labels: TextMap;
    readonly internalIps: readonly IpAddress[];
  };
  /** What is known of the Secret with this name. */
  readonly secretOf: (name: string) => SecretReading;
  readonly listening: "yes" | "no";
  /** Whether MetalLB's speaker runs on this node, which has these sessions then; default: no. */
  readonly beside?: "metallb-speaker" | "nobody";
};

/** Routers take one session from an address. */
const LEFT_TO_METALLB = {
  reason: "metallb-speaker",
  text: "has its session with MetalLB's speaker, which runs on this node",
} as const;

export type PeerPlan = {
  /** By name. */
  readonly peers: readonly PlannedPeer[];
  readonly refused: readonly RefusedPeer[];
  /** Names of peers whose nodeSelectors do not mean this node. */
  readonly elsewhere: readonly string[];
  /** What peers are told that say no identifier themselves. */
  readonly routerId: RouterId;
};

const means = ({ nodeSelectors }: BgpPeer, labels: TextMap): boolean =>
  nodeSelectors.length === 0 || matchesAny(nodeSelectors, labels);

/** The same text for peers that are the same neighbour. */
const neighbourText = ({ neighbor, vrf }: PeerWord): string => JSON.stringify([neighbor, vrf]);

/** What keeps a peer from being on one node with another, which comes first by name. */
const disagreement = (
  { word }: PlannedPeer,
  { other, peers }: { readonly other: PlannedPeer; readonly peers: ReadonlyMap<string, BgpPeer> },
): RefusedPeer | undefined => {
  const { name } = word;
  const first = show(other.word.name);
  if (neighbourText(word) === neighbourText(other.word))
    return { name, reason: "same-neighbour", text: `has the neighbour of BGPPeer ${first}` };
  if (word.routerId !== other.word.routerId) {
    const text = `has the router identifier ${word.routerId}, and BGPPeer ${first} has ${other.word.routerId}`;
    return { name, reason: "other-router-id", text };
  }
  const [asn, otherAsn] = [peers.get(name)?.myAsn, peers.get(other.word.name)?.myAsn];
  if (asn !== otherAsn && word.vrf === other.word.vrf)
    return { name, reason: "other-asn", text: `has myASN ${asn}, and BGPPeer ${first} has ${otherAsn}` };
  return undefined;
};

/** Names of the Secrets that peers of this node have their passwords from. */
export const secretsNamed = ({
  configuration,
  node,
}: Pick<PeerSources, "configuration" | "node">): ReadonlySet<string> =>
  new Set(
    configuration.peers.flatMap((peer) =>
      peer.authentication.type === "secret" &&
      peer.authentication.namespace === undefined &&
      means(peer, node.labels)
        ? [peer.authentication.name]
        : [],
    ),
  );

/** Plans all peers. A peer that cannot be together with another one on this node gives way to the one before it by name. */
export const planPeers = ({
  configuration,
  node,
  secretOf,
  listening,
  beside = "nobody",
}: PeerSources): PeerPlan => {
  const profiles = new Map(configuration.bfdProfiles.map((profile) => [profile.name, profile]));
  const byName = new Map(configuration.peers.map((peer) => [peer.name, peer]));
  const routerId = routerIdOf(node);
  const planned: PlannedPeer[] = [];
  const refused: RefusedPeer[] = [];
  const elsewhere: string[] = [];
  for (const peer of configuration.peers) {
    if (!means(peer, node.labels)) {
      elsewhere.push(peer.name);
      continue;
    }
    if (beside === "metallb-speaker") {
      refused.push({ name: peer.name, ...LEFT_TO_METALLB });
      continue;
    }
    const plan = planPeer(peer, { profiles, secretOf, routerId: routerId.id, listening });
    if ("reason" in plan) {
      refused.push(plan);
      continue;
    }
    const others = planned.map((other) => disagreement(plan, { other, peers: byName }));
    const against = others.find((each) => each !== undefined);
    if (against === undefined) planned.push(plan);
    else refused.push(against);
  }
  return { peers: planned, refused, elsewhere, routerId };
};
