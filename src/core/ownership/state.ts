/** The states, effects and surroundings of the machine in `machine.ts`. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Duration, Instant } from "#base/time";
import type { Standing } from "#core/liveness/standing";
import type { Verdict } from "./company.ts";
import type { OwnershipConfig } from "./config.ts";

/** Why a node takes an address. */
export type ClaimCause =
  /** It fell silent, or was found dead otherwise. */
  | "holder-dead"
  /** It said that it leaves. */
  | "holder-leaving"
  /** It said that it holds nothing any more: it has restarted, or was cut off. */
  | "holder-vacated"
  /** Nobody answers for the address. */
  | "unheld"
  /** This node is preferred over the one that holds it. */
  | "preferred";

/** Why a node gives an address up, or a claim. */
export type YieldCause =
  /** The next one was heard, after this node had begun to yield. */
  | "handed-over"
  /** A candidate that is preferred over this node was heard announcing. */
  | "preferred-announced"
  /** Another one announces, and does not hear this node. */
  | "unheard"
  /** Another one announces in spite of a defence: the two have different placements. */
  | "insisted"
  /** Nobody took it within the time that a hand-over may last. */
  | "hand-over-timeout"
  /** This node hears neither peers nor gateway. */
  | "isolated"
  /** This process stood still for so long that others may have taken over. */
  | "frozen"
  /** This node cannot carry the address: no link, no subnet. */
  | "unfit"
  /** This node leaves. */
  | "leaving"
  /** The address is gone, or this node is no candidate any more. */
  | "placement"
  /** A candidate that is preferred over this node is alive. */
  | "preferred-alive"
  /** Somebody answers for the address of whom that was not expected. */
  | "contested"
  /** It may not claim before some time has passed. */
  | "waiting";

/** Why an address changed its state. Each is also the `cause` label of the transition counter. */
export type TransitionCause = ClaimCause | YieldCause | "kept";

/** Not held, not claimed. */
export type StandbyState = {
  readonly name: "standby";
  readonly since: Instant;
  /** Nodes whose standing this depends on; empty when this node would claim if something of its own were different. */
  readonly waitsFor: readonly string[];
  /** When to think again; `undefined` means when something changes. */
  readonly until: Instant | undefined;
  /** Whether this node is the first candidate that is able, so that its own condition matters. */
  readonly isFirst: boolean;
};

/** About to be taken: the hold-off runs, or others are asked. */
export type ClaimingState = {
  readonly name: "claiming";
  readonly since: Instant;
  readonly cause: ClaimCause;
  /** When it is taken. */
  readonly claimAt: Instant;
  /** When the next question goes out; `undefined` when all have. */
  readonly askAt: Instant | undefined;
};

/** A rival was told once that the address is held here. */
export type Dispute = {
  readonly rival: string;
  readonly defendedAt: Instant;
  /** When the rival is asked whether it still answers; `undefined` when it was. */
  readonly askAt: Instant | undefined;
};

/** Answered for. */
export type HoldingState = {
  readonly name: "holding";
  readonly since: Instant;
  readonly cause: TransitionCause;
  /** One for each rival, the oldest first. */
  readonly disputes: readonly Dispute[];
};

/** Still answered for, until another one is heard to hold it. */
export type YieldingState = {
  readonly name: "yielding";
  readonly since: Instant;
  readonly cause: "leaving" | "placement";
  readonly until: Instant;
};

export type State = StandbyState | ClaimingState | HoldingState | YieldingState;

/** A machine that is no member of this cluster and answers for an address. */
export type Stranger = {
  readonly mac: MacAddress;
  readonly heardAt: Instant;
  readonly reportedAt: Instant;
  /** When it was last told that the address is held here; `undefined`: it was not. */
  readonly defendedAt: Instant | undefined;
};

/** Somebody holds an address of whom that was not believed, so nothing is claimed for a while. */
export type Contest = {
  /** A member that was believed dead; `undefined`: a machine that is no member, or whoever took it while this process stood still. */
  readonly by: string | undefined;
  readonly at: Instant;
  readonly until: Instant;
};

/** The one to which this node gave way, which is asked now and then whether it still answers. */
export type GivenWay = {
  readonly to: string;
  readonly askAt: Instant;
  /** `undefined` before the first question. */
  readonly askedAt: Instant | undefined;
};

/** What is remembered of an address besides its state. */
export type Memory = {
  /** Who was last known to hold it; `undefined`: nobody knows. */
  readonly holder: string | undefined;
  /** When that was heard. */
  readonly holderAt: Instant;
  /** A candidate that lives and yet does not answer for the address; `undefined`: none that is known. */
  readonly mute: string | undefined;
  /** Who was not expected to answer did; `undefined`: nobody. */
  readonly contest: Contest | undefined;
  /** Nothing is taken from a candidate that holds it well before this: this node could not carry it for a while. */
  readonly settledAt: Instant;
  /** Nothing is taken from a living holder before this: this node gave way, or the address flaps. */
  readonly restrainedUntil: Instant;
  /** The last restraint after a dispute; 0 before the first. */
  readonly restraint: Duration;
  /** `undefined` if this node gave way to nobody, or has taken it since. */
  readonly givenWay: GivenWay | undefined;
  /** When it was taken, the latest few. */
  readonly takenAt: readonly Instant[];
  readonly isFlapping: boolean;
  /** A machine that is no member and has the address as well, or keeps this node from taking it. */
  readonly stranger: Stranger | undefined;
  /** Since when somebody might have used it, as long as nobody has; `undefined`: it was used, or may have been. */
  readonly unusedSince: Instant | undefined;
};

/** One address as one node sees it. */
export type Entry = {
  readonly address: IpAddress;
  readonly candidates: readonly string[];
  /** Whether this node can carry it. */
  readonly fitness: "unknown" | "fit" | "unfit";
  readonly state: State;
  readonly memory: Memory;
};

/** What a decision on an address depends on besides the address. */
export type Surroundings = {
  readonly self: string;
  readonly config: OwnershipConfig;
  readonly now: Instant;
  /** Whether this node is on its way out. */
  readonly isLeaving: boolean;
  readonly company: Verdict;
  /** When this node will have been all right for long enough to take addresses from others. */
  readonly settledAt: Instant;
  standingOf(node: string): Standing;
  /** When a node last came to be alive, whether or not it has died since; what it held before, it may not hold any more. */
  aliveSince(node: string): Instant;
  /** Whether a node has come back just now, as it often did lately; of this node itself: whether it has stood still often. */
  isUnsteady(node: string): boolean;
};

/**
 * What becomes of an address that a machine claims which is no member: this node goes on answering for it (`held`); it was in use, and
 * this node does not take it (`used`); or it was to be used for the first time, and is not (`unused`).
 */
export type Stage = "held" | "used" | "unused";

/** What the caller must do, in order. */
export type Effect =
  /** Answer for the address from now on. */
  | { readonly type: "answer"; readonly address: IpAddress }
  /** Do not answer for it any more. Forwarding what still arrives goes on. */
  | { readonly type: "silence"; readonly address: IpAddress }
  /**
   * Tell the link that the address is here: a whole burst after `takeover`, a short one after `peer-returned` (others may
   * hold it, too, and must not miss it), once for `defence`. The second of a burst should follow after a tenth of a second.
   */
  | {
      readonly type: "announce";
      readonly address: IpAddress;
      readonly cause: "takeover" | "defence" | "peer-returned";
    }
  /** Ask who answers for the address, at once: all of the link, or one node by its MAC addresses. */
  | { readonly type: "ask"; readonly address: IpAddress; readonly of: string | undefined }
  /** Ask the gateway for a sign of life, at once. */
  | { readonly type: "ask-gateway" }
  /** Whom this node hears has changed; `isolated` is to be said on every session (`path-down`, RFC 5880 §6.8.17). */
  | { readonly type: "company"; readonly verdict: Verdict }
  /**
   * Ask peers, by the multiplier of BFD packets, to call this node dead only after `wait`: it stands still often, or does not any more
   * (`isUsual`).
   */
  | {
      readonly type: "patience";
      readonly bfdMultiplier: number;
      readonly wait: Duration;
      readonly isUsual: boolean;
    }
  /** Say on every session that this node holds nothing any more (`path-down`, RFC 5880 §6.8.17): peers may have stood still as well. */
  | { readonly type: "say-vacated" }
  /** Say on every session that this node leaves (AdminDown, RFC 5880 §6.8.16), or that it does not. */
  | { readonly type: "say-leaving" | "say-staying" }
  /** All addresses are given up after `leave`: the process may end. */
  | { readonly type: "left" }
  /** For people: what changed and why. */
  | {
      readonly type: "transition";
      readonly address: IpAddress;
      readonly from: State["name"];
      readonly to: State["name"];
      readonly cause: TransitionCause;
      /** The other node that matters, if one does. */
      readonly peer: string | undefined;
    }
  /** For people: another member announces what this node holds by right. */
  | { readonly type: "rival"; readonly address: IpAddress; readonly peer: string }
  /** For people: a machine that is no member claims an address. */
  | {
      readonly type: "stranger";
      readonly address: IpAddress;
      readonly mac: MacAddress;
      readonly stage: Stage;
    }
  /** For people: it is not heard any more, or this node has nothing to do with the address any more. */
  | { readonly type: "stranger-gone"; readonly address: IpAddress; readonly mac: MacAddress }
  /** For people: the address moves too often, or does not any more. */
  | { readonly type: "flapping" | "calm"; readonly address: IpAddress };

/** An address and what must be done on the way to its new state. */
export type Step = { readonly entry: Entry; readonly effects: readonly Effect[] };
