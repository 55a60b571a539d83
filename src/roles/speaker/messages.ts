/**
 * What the two processes of a speaker say to each other: JSON lines on a socket pair.
 *
 * The wire process has all that must not wait: BFD, ARP and NDP, who holds what. The agent has Kubernetes. The wire is the parent,
 * and goes on by itself while the agent is away; the one journal of what happened is the wire's.
 */
import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { WallTime } from "#base/time";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import type { Verdict } from "#core/reachability/machine";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { SpeakerEvent, SpeakerObservation } from "#core/speaker/event";
import type { ViewSnapshot } from "#core/speaker/snapshot";
import type { ReportedLink } from "#core/speaker-report/report";
import type { MemberWord, PlacementWord } from "./fast/desired.ts";

/** About the wire process, for status. */
export type WireFacts = { readonly pid: number; readonly startedAt: WallTime; readonly version: string };

/** An address that this node is to ask for, as nobody else does. */
export type ProbeDuty = {
  readonly address: IpAddress;
  /** The TCP port to connect to; `undefined` where the Service has none. */
  readonly port: number | undefined;
};

/** On which interfaces this node answers for an address that it holds. */
export type Voice = { readonly address: IpAddress; readonly interfaces: readonly string[] };

export type AgentToWire =
  /** First message. One of another version is not listened to. */
  | { readonly type: "hello"; readonly pid: number; readonly version: string }
  /** All speakers of the cluster, this one among them. */
  | { readonly type: "members"; readonly members: readonly MemberWord[] }
  /** A few hundred placements at most: those that are new or changed, and addresses that are nobody's any more. */
  | {
      readonly type: "placements";
      readonly changed: readonly PlacementWord[];
      readonly removed: readonly IpAddress[];
    }
  /** What was placed since `hello` is everything there is: whatever the wire knew besides is gone. */
  | { readonly type: "all-placed" }
  /** All that this node is to ask for from now on. */
  | { readonly type: "probes"; readonly duties: readonly ProbeDuty[] }
  /** All BGP peers of this node. Holds passwords: never to be shown. */
  | { readonly type: "bgp-peers"; readonly peers: readonly PeerWord[] }
  /** A few hundred routes at most: those that are new or changed, and prefixes that nobody is told of any more. */
  | {
      readonly type: "bgp-routes";
      readonly changed: readonly RouteWord[];
      readonly removed: readonly InterfaceAddress[];
    }
  /** Whether this node stays: one that is about to go must not have peers keep its routes for the next speaker. */
  | { readonly type: "bgp-stance"; readonly node: "stays" | "goes" }
  /** Peers and routes since `hello` are everything there is: whatever the wire knew besides is gone. */
  | { readonly type: "bgp-complete" }
  /** Something happened in the agent: it comes back as an observation. */
  | { readonly type: "event"; readonly event: SpeakerEvent };

export type WireToAgent =
  | {
      readonly type: "snapshot";
      readonly view: ViewSnapshot;
      readonly recent: readonly SpeakerObservation[];
      /** Sequence of the last observation that this or an earlier agent was sent, and has logged; 0 for none. */
      readonly told: number;
      readonly wire: WireFacts;
      readonly voices: readonly Voice[];
      readonly links: readonly ReportedLink[];
      readonly bgp: BgpFacts;
    }
  | { readonly type: "observation"; readonly observation: SpeakerObservation }
  /** Addresses for which this changed; without interfaces for one that is not held any more. */
  | { readonly type: "voices"; readonly voices: readonly Voice[] }
  /** All interfaces that are up and may answer. */
  | { readonly type: "links"; readonly links: readonly ReportedLink[] }
  /** What this node's questions came to; of an address that is asked for no more nothing is said. */
  | { readonly type: "verdicts"; readonly verdicts: readonly { address: IpAddress; verdict: Verdict }[] }
  /** How each BGP peer is now. */
  | { readonly type: "bgp"; readonly facts: BgpFacts }
  /** Packets dropped and not sent since the start, by reason. */
  | { readonly type: "counts"; readonly counts: Readonly<Record<string, number>> }
  /** The whole program ends: write what must be written, close the admin socket and exit. */
  | { readonly type: "stop" };
