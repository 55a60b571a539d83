/**
 * Everything that can be said to have happened, as one closed union.
 *
 * Logs, metrics, `steelyard events`, `steelyard status` and the journal are all made from these and from
 * nothing else. `docs/reference/events.md` lists every type; a test compares the two.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Duration, WallTime } from "#base/time";
import type { Limit } from "#core/balance/limits";
import type { EngineName } from "#core/balance/model";
import type { SyncState } from "#core/connection-sync/statistics";
import type { PinSyncState } from "#core/pin-sync/listener";
import type { BgpEvent } from "#core/speaker/bgp";
import type { ConflictKind } from "#core/vrrp/conflict";
import type { TransitionCause } from "#core/vrrp/observe";

/** What a virtual router is: RFC 9568 §6.3, and `fault` while something it tracks forbids it to take part. */
export type RouterState = "initialize" | "backup" | "active" | "fault";

/** What we know of a checked subject; `unknown` until the first verdict. */
export type HealthState = "unknown" | "healthy" | "failed";

/** How the ruleset in the kernel got to where it is. */
export type ForwardingChange = "ruleset" | "elements" | "unchanged" | "removed";

/** One of our processes or threads. */
export type Part = "wire" | "agent" | "fast";

/** A resource as people name it; a `Route` is what BGPAdvertisements come to, by its prefix. */
export type ResourceName = {
  readonly kind: "VirtualRouter" | "VirtualServer" | "TrackedCheck" | "ConnectionSync" | "BGPPeer" | "Route";
  readonly name: string;
};

/** What happens to sessions with routers; the rest of what a speaker says of BGP is about a cluster. */
export type SessionEvent = Exclude<
  BgpEvent,
  { readonly type: "bgp-refusal" | "bgp-configuration-refused" | "bgp-configuration-applied" }
>;

export type Event =
  | SessionEvent
  | {
      readonly type: "bgp-route";
      /** The prefix. */
      readonly route: string;
      /**
       * `withheld`: routers are told nothing of it, since none of its virtual servers can serve anybody; `last-resort`: they are told to
       * prefer any other edge, since all backends have failed their checks; `announced`: again, as configured; `removed`: one that
       * was not announced as configured is not in the configuration any more.
       */
      readonly state: "announced" | "last-resort" | "withheld" | "removed";
      readonly servers: readonly string[];
    }
  | {
      readonly type: "router-state";
      readonly router: string;
      readonly from: RouterState;
      readonly to: RouterState;
      readonly reason: TransitionCause;
      /** The advertiser that caused it, where one did. */
      readonly peer?: IpAddress;
    }
  | {
      readonly type: "router-priority";
      readonly router: string;
      /** `fault` while the router may not take part. */
      readonly priority: number | "fault";
      /** The tracked subjects that count against it now. */
      readonly failed: readonly string[];
    }
  | {
      readonly type: "router-conflict";
      readonly router: string;
      readonly conflict: ConflictKind;
      readonly peer: IpAddress;
      /** Whether it has begun or ended. */
      readonly state: "begun" | "ended";
      readonly detail?: string;
      /** How long there was evidence of it; once it has ended. */
      readonly lasted?: Duration;
    }
  | {
      readonly type: "router-waiting";
      readonly router: string;
      /** Whether it has begun or ended; one reason after another begins twice and ends once. */
      readonly state: "begun" | "ended";
      /** What it waits for. */
      readonly detail: string;
    }
  | {
      readonly type: "address";
      readonly router: string;
      readonly address: IpAddress;
      readonly device: string;
      /**
       * `adopted`: taken over as it was there already; `restored`: put back after somebody else removed it; `kept`: given
       * up and left on the interface, because the owner's interface had it before.
       */
      readonly change: "added" | "adopted" | "restored" | "removed" | "kept" | "failed";
      readonly detail?: string;
    }
  | {
      readonly type: "virtual-link";
      readonly router: string;
      /** The interface with the virtual MAC address. */
      readonly device: string;
      readonly change: "made" | "removed" | "failed";
      readonly detail?: string;
    }
  | {
      readonly type: "duplicate-address";
      readonly router: string;
      readonly address: IpAddress;
      readonly mac: MacAddress;
    }
  | {
      readonly type: "link";
      readonly link: string;
      readonly state: "up" | "down" | "absent";
    }
  | {
      readonly type: "backend-health";
      readonly server: string;
      readonly backend: string;
      readonly from: HealthState;
      readonly to: HealthState;
      /** The last attempt's failure, see `drivers/check/port`. */
      readonly reason?: string;
      readonly detail?: string;
    }
  | {
      readonly type: "check-health";
      readonly check: string;
      readonly from: HealthState;
      readonly to: HealthState;
      readonly reason?: string;
      readonly detail?: string;
    }
  | {
      readonly type: "forwarding-applied";
      readonly how: ForwardingChange;
      readonly took: Duration;
      /** Somebody else had changed our tables; they are whole again. */
      readonly repaired?: true;
      /** Who had, as `NAME (pid N)`, where the kernel told. */
      readonly by?: string;
      /** The tables were made anew, and what packets had recorded is lost: why what was there could not stay. */
      readonly anew?: string;
    }
  | { readonly type: "forwarding-failed"; readonly detail: string }
  | {
      readonly type: "server-engine";
      readonly server: string;
      /** Who forwards for it from now on; before the first such event it is `nftables`. */
      readonly engine: EngineName;
      /** Why it is not the engine that was chosen, where it is not. */
      readonly detail?: string;
    }
  | {
      readonly type: "backend-drain";
      readonly server: string;
      readonly backend: string;
      /** `draining`: it takes no new flows; `drained`: what it had left was ended; `over`: it takes flows again, is silent, or is gone. */
      readonly state: "draining" | "drained" | "over";
      /** When it will be drained; `undefined` without a deadline. */
      readonly until?: WallTime;
    }
  | {
      readonly type: "kept-out";
      readonly server: string;
      readonly limit: Limit;
      /** Packets since this was last said. */
      readonly count: number;
    }
  | {
      readonly type: "flows-ended";
      readonly server: string;
      /** Those that the flows went to; they can take nothing any more. */
      readonly backends: readonly string[];
      /** How many entries of the connection tracking table were removed. */
      readonly count: number;
    }
  | {
      readonly type: "connection-sync";
      /** What a takeover would do to connections now. */
      readonly state: SyncState;
      readonly detail: string;
    }
  | {
      readonly type: "pin-sync";
      /** Whether the other edge knows which clients are kept where. */
      readonly state: PinSyncState;
      readonly detail: string;
    }
  | {
      readonly type: "conntrack";
      /** `filling` and `full`: of the connection tracking table; `ample`: no longer; `failed`: it cannot be read. */
      readonly change: "ample" | "filling" | "full" | "failed";
      readonly detail: string;
    }
  | {
      readonly type: "sysctl";
      /** Its path below /proc/sys. */
      readonly setting: string;
      /** `repaired`: somebody else had set it back. */
      readonly change: "set" | "repaired" | "restored" | "failed";
      readonly detail: string;
    }
  | {
      readonly type: "config-applied";
      readonly generation: number;
      readonly added: readonly ResourceName[];
      readonly changed: readonly ResourceName[];
      readonly removed: readonly ResourceName[];
    }
  | { readonly type: "config-refused"; readonly problems: readonly string[] }
  | {
      readonly type: "process";
      readonly part: Part;
      readonly change: "started" | "ready" | "stopping" | "exited" | "stalled" | "degraded";
      readonly detail: string;
    };

/** An event with its place in the one sequence of this wire process. */
export type Observation = {
  /** 1, 2, 3, ... without gaps for the life of the wire process. */
  readonly sequence: number;
  readonly at: WallTime;
  readonly event: Event;
};
