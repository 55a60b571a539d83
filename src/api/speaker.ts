/** The answers of a speaker's `/v1/status` and `/v1/explain`. Times are milliseconds since 1970-01-01T00:00Z. */

import type { PeerReason } from "#core/bgp-peers/reason";
import type { Stance } from "#core/bgp-routes/stance";
import type { Explanation } from "#core/layer2/explain";
import type { SilentReason } from "#core/layer2/reason";
import type { ApiWord, DeathCause, Standing } from "#core/liveness/standing";
import type { Verdict as Company } from "#core/ownership/company";
import type { TransitionCause } from "#core/ownership/state";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import type { Hearing, Tenure } from "#core/speaker/event";

/** An address that this node has had to do with. */
export type AddressStatus = {
  readonly address: string;
  readonly state: Tenure;
  readonly since: number;
  /** Why it is in that state. */
  readonly cause: TransitionCause;
  /** The other node that matters, if one does. */
  readonly peer?: string;
  /** Where this node answers for it now. */
  readonly interfaces: readonly string[];
  /** How long the node that it was taken from had been silent, in milliseconds. */
  readonly outage?: number;
};

/** Another node with a speaker, as this one sees it. */
export type MemberStatus = {
  readonly node: string;
  readonly standing: Standing["name"];
  readonly since: number;
  /** Why it counts as dead. */
  readonly cause?: DeathCause;
  /** Of one that is alive: whether it hears this node; `unknown` if it is taken for alive without having been heard. */
  readonly hearsUs?: Hearing;
  /** Where it is reached, and what the API server says of its node; missing until the agent has read the cluster. */
  readonly address?: string;
  readonly api?: ApiWord;
};

/** A BGPPeer that means this node and has no session there, since it cannot be as it is asked for. */
export type RefusedPeerStatus = { readonly peer: string; readonly reason: PeerReason; readonly text: string };

/** BGP on this node. */
export type BgpStatus = {
  /** Who talks to the peers: this program, or the FRR of this machine. */
  readonly engine: "own" | "frr";
  /** Routes that peers are to know; missing until the agent that answers has read the cluster. */
  readonly routes?: number;
  /** By name. */
  readonly peers: readonly (BgpPeerFacts & {
    /** Why no session comes about. */
    readonly obstacle?: string;
    /** Beyond so many it is not told of routes, and there are more. */
    readonly limit?: number;
  })[];
  readonly refusedPeers: readonly RefusedPeerStatus[];
  /** Problems of newer resources that were refused. */
  readonly refused: readonly string[];
  /** Prefixes that no router is told of for a while, since they came and went too often. */
  readonly damped: readonly string[];
  /** What fails on this machine. */
  readonly troubles: readonly string[];
  /** What peers without a routerID of their own are told, and where it comes from; missing while it is not known. */
  readonly routerId?: { readonly id: string; readonly from: "address" | "name" };
};

export type SpeakerStatus = {
  readonly role: "speaker";
  readonly version: string;
  readonly now: number;
  readonly node: string;
  readonly wire: { readonly pid: number; readonly startedAt: number };
  readonly agent: { readonly pid: number; readonly startedAt: number };
  /** Whether the cluster has been read since the wire process started; until then it goes on from what is on disk. */
  readonly isSynced: boolean;
  /** Whom this node hears. */
  readonly company: Company | "unknown";
  /**
   * After what silence others take over from this node, in milliseconds, where that is longer than usual because it stands still again and
   * again.
   */
  readonly patience?: number;
  /** Addresses of the whole cluster that are announced; missing until the agent that answers has read the cluster. */
  readonly placements?: number;
  /** By address. */
  readonly addresses: readonly AddressStatus[];
  readonly members: readonly MemberStatus[];
  /** Machines that are no nodes of the cluster and answer for an address. */
  readonly duplicates: readonly {
    readonly address: string;
    readonly mac: string;
    /** `held`: here as well; `used`: it was in use, and is not taken; `unused`: it was to be used for the first time, and is not. */
    readonly stage: "held" | "used" | "unused";
  }[];
  /** Addresses that this node asks for, and is not answered as it should be. */
  readonly unreachable: readonly { readonly address: string; readonly obstacle: string }[];
  /** Addresses that move too often. */
  readonly flapping: readonly string[];
  readonly linksDown: readonly string[];
  /** Problems of a newer configuration that was refused. */
  readonly refused: readonly string[];
  /** What cannot be read at the API server now, and why. */
  readonly trouble: readonly string[];
  /** Writes that wait for their turn or for the API server. */
  readonly waitingWrites: number;
  readonly bgp: BgpStatus;
};

/** Whether a peer of the node has the route of an address. */
export type BgpPeerExplanation = {
  /** Of its BGPPeer. */
  readonly peer: string;
  /** `unsure`: some routes of the family are not told, or not yet, and this one may be one of them. */
  readonly has: "yes" | "no" | "unsure";
  readonly text: string;
};

/** What the node that was asked tells routers of an address. */
export type BgpAddressExplanation = {
  /** How it announces: as others do, as the last resort since it is about to go, or not any more. */
  readonly stance: Stance;
  readonly peers: readonly BgpPeerExplanation[];
  /** Why, a sentence each. */
  readonly text: readonly string[];
};

/** Why an address is answered by whom, and where it is with the node that was asked. */
export type AddressExplanation = Explanation & {
  /** Nodes that are recorded to announce one of its Services. */
  readonly recorded: readonly string[];
  /** Candidates that count as dead here. */
  readonly dead: readonly string[];
  readonly here?: AddressStatus;
  readonly bgp?: BgpAddressExplanation;
};

export type SpeakerExplanation = {
  readonly role: "speaker";
  readonly node: string;
  /** `namespace/name`. */
  readonly service: string;
  /** Why nobody answers for it. */
  readonly silence?: { readonly reason: SilentReason; readonly text: string };
  readonly addresses: readonly AddressExplanation[];
};

/** What a speaker says of an address that a Service has. */
export type SpeakerAddressExplanation = {
  readonly role: "speaker";
  readonly node: string;
  readonly address: AddressExplanation;
};
