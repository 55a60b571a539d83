/** What happens to a node's addresses, as `ownership.ts` is told it. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { SessionCounts, StandingChange } from "#core/liveness/liveness";

/** Who may hold an address, in order of preference. The first few are enough; a node that is not among them never holds it. */
export type Placement = { readonly address: IpAddress; readonly candidates: readonly string[] };

/** Another node, and the MAC addresses under which it may be heard. */
export type MemberMacs = { readonly name: string; readonly macs: readonly MacAddress[] };

/** What happened. */
export type Input =
  /** Time has passed, and all sockets have been read. */
  | { readonly type: "timer" }
  /** This process runs, and has not read its sockets yet. */
  | { readonly type: "awake" }
  /** Placements that are new or have changed, and addresses that are gone. */
  | {
      readonly type: "placements";
      readonly changed: readonly Placement[];
      readonly removed: readonly IpAddress[];
    }
  /** All placements that there were have been told: those that come from now on are of addresses that nobody has used yet. */
  | { readonly type: "all-placed" }
  /** All other members. */
  | { readonly type: "members"; readonly members: readonly MemberMacs[] }
  /** Standings that have changed, and how many sessions are in which condition. */
  | {
      readonly type: "standings";
      readonly changes: readonly StandingChange[];
      readonly sessions: SessionCounts;
    }
  /** Whether this node can carry an address: link up, subnet there. It cannot until this says so. */
  | {
      readonly type: "fitness";
      readonly changes: readonly { readonly address: IpAddress; readonly isFit: boolean }[];
    }
  /** Somebody announced an address (gratuitous ARP, unsolicited NA), or answered for it. */
  | { readonly type: "heard"; readonly address: IpAddress; readonly mac: MacAddress }
  /** A probe of an address that another one should hold has found nobody, several times in a row. */
  | { readonly type: "unanswered"; readonly address: IpAddress }
  /**
   * Whether there is a gateway on the link to ask, one that has answered before, in this run or an earlier one: for want of
   * an answer that never comes the last node of two would give up.
   */
  | { readonly type: "gateway"; readonly isKnown: boolean }
  | { readonly type: "gateway-heard" }
  /** Hand everything over and say when it is done. */
  | { readonly type: "leave" }
  /** The opposite of `leave`. */
  | { readonly type: "stay" };
