/** The forwarding plan: which backend every slot of every virtual server belongs to. A pure, comparable value. */
import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { Duration, Instant } from "#base/time";
import { seconds } from "#base/time";
import type { SourceLimits } from "./limits.ts";
import { type ForwardingMode, isHash, type Protocol, type Scheduler } from "./model.ts";
import type { Persistence } from "./persistence.ts";
import type { PortRange } from "./ports.ts";

/**
 * What a backend may be given. `draining` takes no new flows and keeps its established ones, like weight 0;
 * `unavailable` gets nothing, and its flows move.
 */
export type Availability = "available" | "draining" | "unavailable";

/**
 * What is reported of a backend: `draining` also when its check is answered with no. `doubtful` when its check fails together with
 * all others, or has just done so, which says more about us than about it. It counts as available unless the server is to reject
 * then; `doubtful-draining` as draining. `unknown` while nobody has asked it yet: it counts as it did in the plan that runs, and as
 * unavailable where that does not have it.
 */
export type Reported = Availability | "doubtful" | "doubtful-draining" | "unknown";

/** Whether a failure counts for nothing as long as another way is open. */
export const isDoubtful = (reported: Reported): boolean =>
  reported === "doubtful" || reported === "doubtful-draining";

/**
 * The number of a backend in packet marks and flow tables, 1..2^31-1. It comes from the names of server and backend
 * alone, so it is the same on every edge and after every restart.
 */
export type BackendId = number;

/** The owner of a slot that nobody owns. */
export const NO_BACKEND: BackendId = 0;

/** A configured backend that packets can reach. */
export type PlannedBackend = {
  readonly name: string;
  readonly id: BackendId;
  readonly address: IpAddress;
  /** `undefined` is the port that the client asked for. */
  readonly port?: number;
  /** 0..256 */
  readonly weight: number;
  readonly availability: Availability;
  /** Open flows when they were last counted; only where the scheduler asks for it. */
  readonly load?: number;
  /**
   * What it is besides one that the configuration lists: `leaving` when that no longer lists it, `sorry` for the one
   * that stands in when no other can take flows. Neither has a share in the table of slots.
   */
  readonly role?: "leaving" | "sorry";
  /** When it loses the flows that it has left; once it has, when it leaves the plan. `undefined`: never. */
  readonly drainUntil?: Instant;
  /** That moment has passed. */
  readonly drained?: true;
  /** The interface that leads to it; only in `dsr`. */
  readonly device?: string;
  /** What it sees as the client's address; only in `masquerade`, where `undefined` is the address of the interface. */
  readonly source?: IpAddress;
  /** Only in `nat`: no other server has it at this port. */
  readonly alone?: true;
};

/**
 * A slot in transition: established flows that nobody recorded belong to `from` until `until`, then to the slot's
 * owner. Flows seen meanwhile are recorded, so that they stay where they are for good.
 */
export type SlotMove = { readonly slot: number; readonly from: BackendId; readonly until: Instant };

/** Who owns each slot of a server; see `slots.ts` for how to ask. Servers whose backends hash alike share one. */
export type SlotTable = {
  /** How many slots there are. */
  readonly length: number;
  /** By slot: the owner's place among the server's backends, from 1 on; 0 when nobody can take the slot's flows. */
  readonly places: Uint16Array;
  /** What the table follows from, so that the same is not made twice. */
  readonly recipe: string;
};

export type ServerPlan = {
  readonly name: string;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly ports: PortRange;
  readonly mode: ForwardingMode;
  readonly scheduler: Scheduler;
  /** Networks whose hosts may open flows; `undefined` means everybody. */
  readonly sourceRanges?: readonly InterfaceAddress[];
  /** `undefined`: each new flow goes where the scheduler says. */
  readonly persistence?: Persistence;
  /** `undefined`: a source may ask whatever it likes. */
  readonly limits?: SourceLimits;
  /** Handshakes are answered here. */
  readonly synProxy?: true;
  /** Sorted by name. */
  readonly backends: readonly PlannedBackend[];
  /** The owner of each slot: who gets its new flows. Follows from the rest. */
  readonly slots: SlotTable;
  /** `dsr` by hash alone only: slots in transition, sorted by slot. */
  readonly moves: readonly SlotMove[];
  /** `dsr` by hash alone only: slots whose packets are looked up among the recorded flows first, ascending. */
  readonly tracked: readonly number[];
};

/** How a server treats its clients. */
export type Treatment = Pick<ServerPlan, "persistence" | "limits" | "synProxy">;

/** How a slot is found: by hash of the client's address and maybe port, or by counting new flows through the slots. */
export const choosesByHash = ({ scheduler }: Pick<ServerPlan, "scheduler">): boolean => isHash(scheduler);

/** Whether the hash alone says where each packet goes, so that in `dsr` flows need not be recorded. */
export const decidesByHash = ({
  scheduler,
  persistence,
}: Pick<ServerPlan, "scheduler" | "persistence">): boolean => isHash(scheduler) && persistence === undefined;

export type ForwardingPlan = {
  /** Addresses of which programs on this box get no packets, in order; `undefined` for none. */
  readonly unaccepted?: readonly IpAddress[];
  /** The interfaces where traffic for `dsr` servers arrives, sorted. */
  readonly ingress: readonly string[];
  /** Sorted by name. */
  readonly servers: readonly ServerPlan[];
};

/** No servers at all. */
export const EMPTY_PLAN: ForwardingPlan = { ingress: [], servers: [] };

/** How long an idle TCP flow stays recorded, and so how long a transition lasts: what IPVS gives a connection too. */
export const TCP_FLOW_IDLE: Duration = seconds(900);
/** The same for UDP, where a new flow cannot be told from an old one, so long transitions would delay draining. */
const UDP_FLOW_IDLE: Duration = seconds(120);

/** How long an idle flow of this protocol stays recorded. */
export const flowIdle = (protocol: Protocol): Duration =>
  protocol === "tcp" ? TCP_FLOW_IDLE : UDP_FLOW_IDLE;
