/** The states, inputs and effects of the machine in `machine.ts`. */
import type { IpAddress } from "#base/address";
import type { Duration, Instant } from "#base/time";
import type { VirtualRouterConfig } from "./config.ts";

/** What a router needs to know of its configuration to decide. */
export type MachineConfig = Pick<
  VirtualRouterConfig,
  | "version"
  | "priority"
  | "advertisementInterval"
  | "preempt"
  | "preemptDelay"
  | "syncGroup"
  | "transport"
  | "virtualMacInterface"
>;

/** Why a router takes no part: all of them must go before it does. */
export type Obstacle = "not-started" | "no-address" | "tracking-fault" | "group-fault";

/** Whether tracking lets the router run, and with which priority (1..254, or 255 for the owner). */
export type Standing = { readonly type: "able"; readonly priority: number } | { readonly type: "fault" };

/** Another router's advertisement, once `admission.ts` has let it in. */
export type HeardAdvertisement = {
  readonly source: IpAddress;
  readonly priority: number;
  readonly advertisementInterval: Duration;
};

/**
 * What a backup's timer waits for: an active router's silence, the skew after one resigned, or the end of a
 * worse router's term.
 */
export type Expectation = "silence" | "resignation" | "preemption";

export type InitializeState = {
  readonly name: "initialize";
  readonly priority: number;
  /** Primary address of the interface; `undefined` while it has none. */
  readonly address: IpAddress | undefined;
  /** At least one. */
  readonly obstacles: readonly Obstacle[];
};

export type BackupState = {
  readonly name: "backup";
  /** Effective priority, after tracking. */
  readonly priority: number;
  /** Primary address of the interface: the tie-breaker, and the source of advertisements. */
  readonly address: IpAddress;
  readonly activeAdverInterval: Duration;
  readonly activeDownAt: Instant;
  readonly expectation: Expectation;
  /** When a worse but living router's term ends; `undefined` unless a preempt delay is running. */
  readonly preemptAt: Instant | undefined;
  /** Whether it would be active if its sync group let it; always false for a router without group. */
  readonly willing: boolean;
};

export type ActiveState = {
  readonly name: "active";
  readonly priority: number;
  readonly address: IpAddress;
  readonly adverAt: Instant;
  /** When the last advertisement was sent, to bound answers to a flood. */
  readonly sentAt: Instant;
};

export type State = InitializeState | BackupState | ActiveState;

/** What happened. */
export type Input =
  /** `resume`: an earlier run of the program was active here so lately that nobody can have taken over. */
  | { readonly type: "startup"; readonly resume?: boolean }
  | { readonly type: "shutdown" }
  | { readonly type: "timer" }
  | ({ readonly type: "advertisement" } & HeardAdvertisement)
  | { readonly type: "tracking"; readonly standing: Standing }
  /** The interface's primary address; `undefined` when it lost its last one or the interface is gone. */
  | { readonly type: "address"; readonly address: IpAddress | undefined }
  /** From the sync group's planner (`#core/election/sync-group`). */
  | { readonly type: "group"; readonly command: GroupCommand }
  /** The configuration passed with this step differs from the last one's in more than the priority. */
  | { readonly type: "reconfigured" };

/** What a sync group makes its members do. */
export type GroupCommand = "become-active" | "step-down" | "hold" | "release";

/** What the caller must do, in order. */
export type Effect =
  | { readonly type: "send-advertisement"; readonly priority: number }
  /** Take exactly the configured addresses and tell the network. Repeating it does no harm. */
  | { readonly type: "announce-addresses" }
  /** Another router claimed to be active: addresses are held already, but neighbours may have learnt its. */
  | { readonly type: "reannounce-addresses" }
  | { readonly type: "withdraw-addresses" };

/** A state and what must be done on the way to it. */
export type Step = { readonly state: State; readonly effects: readonly Effect[] };
