/** What happens to BGP in a speaker: its events, their lines, and what is true after them. */
import type { Cause } from "#core/bgp/session/cause";
import { PEER_REMEDIES, type PeerReason } from "#core/bgp-peers/reason";
import type { Sentence, Severity } from "#core/observation/sentence";

/** Everything about BGP that can be said to have happened. */
export type BgpEvent =
  /** A session with a peer; `detail` says what was agreed on, or why it went down. */
  | {
      readonly type: "bgp-session";
      readonly peer: string;
      readonly to: "up" | "down" | "removed";
      readonly cause?: Cause["type"];
      readonly detail?: string;
    }
  /** No session comes about, for another reason than before. */
  | {
      readonly type: "bgp-attempt";
      readonly peer: string;
      readonly cause: Cause["type"];
      readonly detail: string;
    }
  /** A BGPPeer means this node and cannot be as it is asked for. */
  | {
      readonly type: "bgp-refusal";
      readonly peer: string;
      readonly state: "begun" | "ended";
      readonly reason?: PeerReason;
      readonly detail?: string;
    }
  /** Something of BGP on this machine fails, or works again: a port to listen on, a VRF, BFD. */
  | {
      readonly type: "bgp-trouble";
      readonly subject: string;
      readonly state: "begun" | "ended";
      readonly detail?: string;
    }
  /** What BFD says of the path to a peer. */
  | { readonly type: "bgp-bfd"; readonly peer: string; readonly to: "up" | "down" | "admin-down" }
  /** A prefix came and went too often, and is announced to nobody for a while. */
  | { readonly type: "bgp-damped"; readonly prefix: string; readonly state: "begun" | "ended" }
  /** A peer is not told of more routes than it may be. */
  | {
      readonly type: "bgp-limit";
      readonly peer: string;
      readonly state: "begun" | "ended";
      readonly most: number;
    }
  /** The last valid peers and advertisements stay in force. */
  | { readonly type: "bgp-configuration-refused"; readonly problems: readonly string[] }
  | {
      readonly type: "bgp-configuration-applied";
      readonly peers: number;
      readonly advertisements: number;
    };

/** What is true of BGP now, and how often what happened. */
export type BgpView = {
  /** Sessions that went down, by cause. */
  readonly bgpDowns: Map<string, number>;
  /** Why no session comes about, by peer, as it was said last. */
  readonly bgpAttempts: Map<string, string>;
  /** BGPPeers that are refused on this node, by name. */
  readonly bgpRefusals: Map<string, { readonly reason: PeerReason; readonly detail: string }>;
  readonly bgpTroubles: Map<string, string>;
  /** Prefixes that are announced to nobody, because they came and went too often. */
  readonly bgpDamped: Set<string>;
  /** Peers that are not told of all that they are to know, with how much they are told at most. */
  readonly bgpLimits: Map<string, number>;
  /** Problems of a configuration that was refused. */
  bgpRefused: readonly string[];
};

/** Before anything happened. */
export const emptyBgpView = (): BgpView => ({
  ...{ bgpDowns: new Map(), bgpAttempts: new Map(), bgpRefusals: new Map(), bgpTroubles: new Map() },
  bgpDamped: new Set(),
  ...{ bgpLimits: new Map(), bgpRefused: [] },
});

const say = (severity: Severity, subject: string, text: string): Sentence => ({ severity, subject, text });

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

type Of<Type extends BgpEvent["type"]> = Extract<BgpEvent, { readonly type: Type }>;

const sessionSentence = ({ peer, to, detail }: Of<"bgp-session">): Sentence => {
  const severity = to === "down" ? "warning" : "notice";
  return say(severity, `peer ${peer}`, detail === undefined || detail === "" ? to : `${to}: ${detail}`);
};

const refusalSentence = ({ peer, state, reason, detail }: Of<"bgp-refusal">): Sentence =>
  state === "begun" && reason !== undefined
    ? say("error", `peer ${peer}`, `no session, since it ${detail ?? ""}: ${PEER_REMEDIES[reason]}`)
    : say("notice", `peer ${peer}`, "is not refused any more");

const limitSentence = ({ peer, state, most }: Of<"bgp-limit">): Sentence =>
  state === "begun"
    ? say(
        "warning",
        `peer ${peer}`,
        `is told of the first ${counted(most, "route")} only, which is its limit`,
      )
    : say("notice", `peer ${peer}`, "is told of all routes again");

/** The line for an event. */
export const bgpSentence = (event: BgpEvent): Sentence => {
  switch (event.type) {
    case "bgp-session":
      return sessionSentence(event);
    case "bgp-attempt":
      return say("warning", `peer ${event.peer}`, `no session: ${event.detail}`);
    case "bgp-refusal":
      return refusalSentence(event);
    case "bgp-trouble":
      return event.state === "begun"
        ? say("error", event.subject, `fails: ${event.detail ?? "no reason given"}`)
        : say("notice", event.subject, "works again");
    case "bgp-bfd":
      return say(event.to === "down" ? "warning" : "notice", `peer ${event.peer}`, `BFD is ${event.to}`);
    case "bgp-damped":
      return event.state === "begun"
        ? say("warning", event.prefix, "came and went too often, and is announced to no router for a while")
        : say("notice", event.prefix, "is announced to routers again");
    case "bgp-limit":
      return limitSentence(event);
    case "bgp-configuration-refused":
      return say(
        "error",
        "configuration of BGP",
        `refused, what was in force stays: ${event.problems.join("; ")}`,
      );
    case "bgp-configuration-applied": {
      const peers = counted(event.peers, "BGPPeer");
      return say(
        "notice",
        "configuration of BGP",
        `in force: ${peers}, ${counted(event.advertisements, "BGPAdvertisement")}`,
      );
    }
  }
};

/** Brings what is true up to date with one more event. */
export const projectBgp = (view: BgpView, event: BgpEvent): void => {
  switch (event.type) {
    case "bgp-session":
      view.bgpAttempts.delete(event.peer);
      if (event.to === "removed") view.bgpLimits.delete(event.peer);
      if (event.to === "down")
        view.bgpDowns.set(event.cause ?? "", (view.bgpDowns.get(event.cause ?? "") ?? 0) + 1);
      break;
    case "bgp-attempt":
      view.bgpAttempts.set(event.peer, event.detail);
      break;
    case "bgp-refusal":
      if (event.state === "begun" && event.reason !== undefined)
        view.bgpRefusals.set(event.peer, { reason: event.reason, detail: event.detail ?? "" });
      else view.bgpRefusals.delete(event.peer);
      break;
    case "bgp-trouble":
      if (event.state === "begun") view.bgpTroubles.set(event.subject, event.detail ?? "");
      else view.bgpTroubles.delete(event.subject);
      break;
    case "bgp-bfd":
      break;
    case "bgp-damped":
      if (event.state === "begun") view.bgpDamped.add(event.prefix);
      else view.bgpDamped.delete(event.prefix);
      break;
    case "bgp-limit":
      if (event.state === "begun") view.bgpLimits.set(event.peer, event.most);
      else view.bgpLimits.delete(event.peer);
      break;
    case "bgp-configuration-refused":
      view.bgpRefused = event.problems;
      break;
    case "bgp-configuration-applied":
      view.bgpRefused = [];
      break;
  }
};

/** Whether an event is about BGP. */
export const isBgpEvent = <Event extends { readonly type: string }>(
  event: Event | BgpEvent,
): event is BgpEvent => event.type.startsWith("bgp-");
