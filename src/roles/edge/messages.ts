/**
 * What the three parts of an edge say to each other.
 *
 * agent <-> wire: JSON lines on a socket pair. wire <-> fast thread: structured clones on a message port.
 */
import type { WallTime } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import type { Desired } from "#core/config/desired";
import type { Event, HealthState, Observation, ResourceName } from "#core/observation/event";
import type { View } from "#core/observation/view";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { RealtimeWish } from "./options.ts";

/** Which resources a new configuration adds, changes and removes. */
export type ConfigChanges = {
  readonly added: readonly ResourceName[];
  readonly changed: readonly ResourceName[];
  readonly removed: readonly ResourceName[];
};

/** About the wire process, for status. */
export type WireFacts = { readonly pid: number; readonly startedAt: WallTime; readonly version: string };

export type AgentToWire =
  /** First message: the agent wants a snapshot, and then what happens. One of another version is not listened to. */
  | { readonly type: "hello"; readonly pid: number; readonly version: string }
  /** Some of the virtual servers of the `desired` that follows: thousands in one message would stop the wire for long. */
  | { readonly type: "servers"; readonly servers: readonly VirtualServer[] }
  /** What the files want, with the servers that came before it; answered with the same `id`. */
  | { readonly type: "desired"; readonly id: number; readonly desired: Desired }
  /** The files were read again, and want what is in force. */
  | { readonly type: "unchanged" }
  /** The files changed and hold something that is refused; the running configuration stays. */
  | { readonly type: "refused"; readonly problems: readonly string[] };

export type WireToAgent =
  | {
      readonly type: "snapshot";
      readonly view: View;
      readonly recent: readonly Observation[];
      /** Sequence of the last observation that this or an earlier agent was sent, and has logged; 0 for none. */
      readonly told: number;
      readonly wire: WireFacts;
      /** The configuration in force; `undefined` before the first. */
      readonly desired?: Desired;
    }
  | { readonly type: "observation"; readonly observation: Observation }
  /** Whether a `desired` is in force from now on. */
  | { readonly type: "answer"; readonly id: number; readonly accepted: boolean }
  | { readonly type: "counts"; readonly counts: Readonly<Record<string, number>> }
  /** How each BGP peer is now. */
  | { readonly type: "bgp"; readonly facts: BgpFacts }
  /** Read the files again (SIGHUP). */
  | { readonly type: "reload" }
  /** The whole program ends: close the admin socket and exit. */
  | { readonly type: "stop" };

export type WireToFast =
  | {
      readonly type: "configure";
      readonly routers: readonly VirtualRouterConfig[];
      /** `resuming`: start only routers that go on where a killed run of the program was; the others wait. */
      readonly start: "all" | "resuming";
    }
  /** Let these routers go, each as soon as it has a successor, and say `retired`. */
  | { readonly type: "retire"; readonly routers: readonly string[] }
  | { readonly type: "check-health"; readonly check: string; readonly state: HealthState }
  /** Give everything up in an orderly way and say `stopped`. */
  | { readonly type: "stop" }
  /** Leave everything as it is for the program's next run, and say `stopped`. */
  | { readonly type: "abandon" };

export type FastToWire =
  | { readonly type: "event"; readonly event: Event; readonly at: WallTime }
  /** Packets dropped and not sent since the start, by reason; at most every 200 ms, when they changed. */
  | { readonly type: "counts"; readonly counts: Readonly<Record<string, number>> }
  | { readonly type: "retired" }
  | { readonly type: "stopped" };

/** What the fast thread is given at its start. */
export type FastStart = {
  /** One 64-bit cell: monotonic microseconds until which the wire process vouches for itself. */
  readonly lease: SharedArrayBuffer;
  /** One 64-bit cell: monotonic microseconds of the fast thread's last sign of life. */
  readonly life: SharedArrayBuffer;
  /** Ask for real-time scheduling of the fast thread. */
  readonly realtime: RealtimeWish;
  /** Where what must survive a restart is kept. */
  readonly runtimeDirectory: string;
};
