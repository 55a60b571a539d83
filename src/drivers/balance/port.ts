/** What we ask of the kernel's forwarding: run this plan, atomically, and say what is there. */
import type { LimitKey } from "#core/balance/limits";
import type { Carrier, EngineName } from "#core/balance/model";
import type { Pin } from "#core/balance/pin";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";

/** Why forwarding cannot work on this machine. */
export type Unavailable = {
  readonly code: /** There is no `nft` program. */
    | "no-nft"
    /** The kernel has no nf_tables. */
    | "no-nf-tables"
    /** The process lacks CAP_NET_ADMIN. */
    | "no-permission"
    /** The kernel or `nft` lacks an expression that our rules use. */
    | "missing-feature"
    /** The kernel has no IPVS, or it does not answer. */
    | "no-ipvs";
  readonly detail: string;
  /** What the operator does about it. */
  readonly remedy: string;
};

export type BalanceError = {
  /** `nft` gave up on the ruleset, was not found, or the files in the run directory could not be written. */
  readonly code: "refused" | "no-nft" | "files";
  /** One line that stands alone. */
  readonly message: string;
  /** What `nft` said, if it did. */
  readonly output?: string;
};

export type ApplyResult =
  | {
      readonly ok: true;
      /** Nothing to do, elements replaced through netlink, or the ruleset changed or replaced through `nft`. */
      readonly how: "unchanged" | "elements" | "ruleset";
      /** Somebody else had changed our tables, and they are whole again. */
      readonly repaired: boolean;
      /** Who had, as `NAME (pid N)`, where the kernel told. */
      readonly by?: string;
      /** Recorded flows and clients are lost, as the tables had to be made anew: why, in one line. */
      readonly anew?: string;
      readonly tookMicros: number;
      /** Why what a restart will look for could not be written; every further application tries again. */
      readonly unsaved?: string;
    }
  | { readonly ok: false; readonly error: BalanceError };

export type Observed = {
  /** `partial`: one of our tables is missing, or an applied plan's chains, rules or sets are not all there. */
  readonly tables: "present" | "partial" | "absent";
  /**
   * The plan that an earlier run of the program applied last, to be the first plan's `previous`, so that flows stay
   * where they are across a restart; `undefined` when there is none or the tables are gone.
   */
  readonly lastPlan: ForwardingPlan | undefined;
};

export type RemoveResult = { readonly ok: true } | { readonly ok: false; readonly error: BalanceError };

/** Calls run one after the other, whatever the caller does. */
export type Balance = {
  /** Whether this machine can forward; `undefined` when it can. */
  available(): Promise<Unavailable | undefined>;
  /** Makes the kernel run `plan`. When it fails, each server is as it was, or as it is to be where much was to change. */
  apply(plan: ForwardingPlan): Promise<ApplyResult>;
  observe(): Promise<Observed>;
  /** Takes everything of ours away. Established connections in `masquerade` end with it. */
  remove(): Promise<RemoveResult>;
  /**
   * Calls back when somebody else may have changed something of ours; whether it is so `apply` finds out, and says. Without it,
   * or where nothing can be heard, `apply` has to be asked now and then.
   */
  watch?(onTouched: () => void): void;
  /** Waits for what runs and gives the socket back; the rules stay. */
  close(): Promise<void>;
};

/** The clients that servers with persistence keep on a backend. */
export type Pins = {
  /** Tells every pin of a server; gives the time spent in microseconds, `undefined` when they cannot be read. */
  read(server: ServerPlan, onPin: (pin: Pin) => void): Promise<number | undefined>;
  /** Makes the server keep these clients, whatever it had for them; gives why it could not. */
  write(server: ServerPlan, pins: readonly Pin[]): Promise<string | undefined>;
};

/** All engines together, as one. */
export type Balancer = Balance & {
  /** Of the servers that nftables carries. */
  readonly pins: Pins;
  /** Packets that limits of sources have kept out, since the server got them or the tables were new. */
  keptOut(): Promise<ReadonlyMap<LimitKey, number>>;
  /** What the engines at work have counted. */
  counts(): Readonly<Record<string, number>>;
  /** Who carries a server of the plan applied last. */
  carrier(server: ServerPlan): Carrier;
};

/** One way of forwarding. */
export type BalanceEngine = Balance & {
  readonly name: EngineName;
  /**
   * Whether packets that it does not forward itself go on to nftables, which carries the same servers underneath;
   * otherwise its servers are its own alone.
   */
  readonly passesOn: boolean;
  /** As of `Balancer`; an engine without them keeps its pins to itself. */
  readonly pins?: Pins;
  /** As of `Balancer`; an engine that keeps no limits has nothing to say. */
  keptOut?(): Promise<ReadonlyMap<LimitKey, number>>;
  /** What it has counted, in the words that metrics are made of: a kind and its labels, with a space between. */
  counts?(): Readonly<Record<string, number>>;
  /** Why it cannot carry this server, in half a sentence; `undefined` when it can. */
  refuses(server: ServerPlan): string | undefined;
};
