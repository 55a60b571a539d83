/**
 * Everything that can be said to have happened in a speaker, as one closed union.
 *
 * Logs, metrics, `steelyard events` and `steelyard status` are made from these. `docs/reference/speaker-events.md` lists every
 * type; a test compares the two.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Duration, WallTime } from "#base/time";
import type { DeathCause, Standing } from "#core/liveness/standing";
import type { Verdict as Company } from "#core/ownership/company";
import type { Stage, State, TransitionCause } from "#core/ownership/state";
import type { Verdict as Reachability } from "#core/reachability/machine";
import type { BgpEvent } from "./bgp.ts";

/** Where an address is with this node. */
export type Tenure = State["name"];

/** Whether a member that is alive hears this node. */
export type Hearing = Extract<Standing, { name: "alive" }>["hearsUs"];

export type SpeakerEvent =
  | BgpEvent
  | {
      readonly type: "speaker";
      /**
       * `synced`: everything at the API server has been read once; `alone`: it goes on from what is on disk; `state-ignored`: what is
       * on disk cannot be used.
       */
      readonly change: "started" | "synced" | "alone" | "state-ignored" | "leaving" | "stopping";
      readonly detail?: string;
    }
  | {
      readonly type: "address-state";
      readonly address: IpAddress;
      readonly from: Tenure;
      readonly to: Tenure;
      readonly cause: TransitionCause;
      /** The other node that matters, if one does. */
      readonly peer?: string;
      /** Where it is taken from a node that fell silent: how long ago that was last heard. Clients waited a little longer. */
      readonly outage?: Duration;
    }
  | {
      readonly type: "member";
      readonly node: string;
      readonly from: Standing["name"] | "unknown";
      readonly to: Standing["name"];
      /** Why it counts as dead. */
      readonly cause?: DeathCause;
    }
  /** Whether a member that is alive hears this node, as its packets say; `unknown` before any has come. */
  | { readonly type: "hearing"; readonly node: string; readonly hearsUs: Hearing }
  /** Whom this node hears: the question on which it depends whether it may hold addresses. */
  | { readonly type: "company"; readonly to: Company }
  /**
   * This process stands still again and again, and asks other speakers to call this node dead only after so long a silence; `ended`: after
   * the usual one, again.
   */
  | { readonly type: "patience"; readonly state: "begun" | "ended"; readonly wait: Duration }
  /** Another member announces what this node holds by right. */
  | { readonly type: "rival"; readonly address: IpAddress; readonly peer: string }
  /** A machine that is no member of this cluster answers for an address. */
  | {
      readonly type: "duplicate-address";
      readonly address: IpAddress;
      readonly mac: MacAddress;
      readonly stage: Stage;
    }
  /** It is not heard any more, or this node has nothing to do with the address any more. */
  | { readonly type: "duplicate-gone"; readonly address: IpAddress; readonly mac: MacAddress }
  /**
   * An address that the kernel is to answer for (`--bind`): `restored`: it was missing, and is bound again; `refused`: the kernel does not
   * take it, and the speaker answers itself; `adopted`: an earlier run had left it, and this node holds it again; `released`: another one has
   * what an earlier run had left; `stuck`: it cannot be taken off, and goes when its lease ends.
   */
  | {
      readonly type: "binding";
      readonly address: IpAddress;
      readonly link: string;
      readonly change: "restored" | "refused" | "adopted" | "released" | "stuck";
      readonly detail?: string;
    }
  /** The secret that speakers share was read anew from its file; `refused`: it cannot be used, and the one before stays. */
  | { readonly type: "secret"; readonly change: "replaced" | "refused"; readonly detail?: string }
  | { readonly type: "flapping"; readonly address: IpAddress; readonly state: "begun" | "ended" }
  | { readonly type: "link"; readonly link: string; readonly state: "up" | "down" | "absent" }
  | {
      readonly type: "reachability";
      readonly address: IpAddress;
      readonly from: Reachability["type"];
      readonly to: Reachability["type"];
      /** Of an address that is not reachable. */
      readonly obstacle?: Extract<Reachability, { type: "unreachable" }>["obstacle"]["type"];
    }
  /** The last valid configuration stays in force. */
  | { readonly type: "configuration-refused"; readonly problems: readonly string[] }
  | {
      readonly type: "configuration-applied";
      readonly pools: number;
      readonly advertisements: number;
    }
  | {
      readonly type: "api-trouble";
      /** What could not be read. */
      readonly resource: string;
      readonly state: "begun" | "ended";
      readonly detail?: string;
    }
  | {
      readonly type: "write-failed";
      readonly subject: string;
      readonly reason: string;
      readonly message: string;
    }
  | {
      readonly type: "process";
      readonly part: "wire" | "agent" | "fast";
      readonly change: "exited" | "stalled" | "recovered";
      readonly detail?: string;
    };

/** One thing that happened, as it is kept and told. */
export type SpeakerObservation = {
  /** 1, 2, 3, ... without gaps for the life of the process. */
  readonly sequence: number;
  readonly at: WallTime;
  readonly event: SpeakerEvent;
};
