/** Virtual servers and their backends as the planners see them. */
import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { Duration } from "#base/time";
import type { HealthCheckConfig } from "#core/health/config";
import type { SourceLimits } from "./limits.ts";
import type { Persistence } from "./persistence.ts";
import type { PortRange } from "./ports.ts";

export type Protocol = "tcp" | "udp";

/** What forwards packets in the kernel: nftables carries everything, the others what their programs know. */
export const ENGINES = ["nftables", "xdp", "ipvs"] as const;
export type EngineName = (typeof ENGINES)[number];

/** Who forwards for a virtual server. */
export type Carrier = {
  readonly engine: EngineName;
  /** Why it is not the chosen engine; `undefined` when it is. */
  readonly because?: string;
};

/**
 * How packets reach a backend: `masquerade` rewrites both addresses, so answers come back through us; `nat` rewrites
 * the destination alone, and the backend's route to the client leads through us; `dsr` (direct server return) forwards
 * the packet as it is and the backend answers the client itself.
 */
export const MODES = ["masquerade", "nat", "dsr"] as const;
export type ForwardingMode = (typeof MODES)[number];

export type Scheduler =
  /** Maglev table over a hash of the client's address and port: the same choice on every edge. */
  | { readonly type: "consistent-hash"; readonly tableSize: number }
  /** The same over the client's address alone: all connections of a client meet the same backend. */
  | { readonly type: "source-hash"; readonly tableSize: number }
  | { readonly type: "round-robin" }
  /** Round robin in proportion to the weights, smoothly interleaved. */
  | { readonly type: "weighted" }
  /** To whoever has the fewest open flows for its weight: approximate, since they are counted every now and then. */
  | { readonly type: "least-connections" };

/** A scheduler by hash, whose choice is the same on every edge. */
export type HashScheduler = Extract<Scheduler, { readonly tableSize: number }>;

export const isHash = (scheduler: Scheduler): scheduler is HashScheduler => "tableSize" in scheduler;

export type Backend = {
  /** Unique within its virtual server; consistent hashing depends on it, not on the address. */
  readonly name: string;
  readonly address: IpAddress;
  /**
   * 1..65535; `undefined` is the port that the client asked for, which it must be where the server has more than one.
   * In `dsr` it never differs from what the client asked for.
   */
  readonly port?: number;
  /** Share of new flows, 0..256; 0 takes none but keeps established flows. */
  readonly weight: number;
};

/**
 * What happens when every backend that could take flows fails its check. `forward`: as if all were healthy, because it
 * is likelier that the edge is cut off, or the check wrong, than that all of them died; an edge that comes back from a
 * cut then serves at once, from the same table as its peer. `reject`: clients are refused at once.
 */
export type WhenAllFail = "forward" | "reject";

/** A machine and a port of it; `port` undefined: the one that the client asked for. */
export type Endpoint = { readonly address: IpAddress; readonly port?: number };

export type VirtualServer = {
  readonly name: string;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly ports: PortRange;
  readonly mode: ForwardingMode;
  readonly scheduler: Scheduler;
  /**
   * Only in `masquerade`: what backends see as the client's address. `undefined` leaves it to the edge, which takes a
   * virtual address that moves together with the server's where it finds one.
   */
  readonly masqueradeAddress?: IpAddress;
  /** Networks whose hosts may open flows; `undefined` means everybody. Packets of others are dropped. */
  readonly sourceRanges?: readonly InterfaceAddress[];
  /** Of the same family as `address`; may be empty. */
  readonly backends: readonly Backend[];
  /** `undefined` means every backend counts as healthy. */
  readonly health?: HealthCheckConfig;
  /** `undefined` means `forward`. */
  readonly whenAllFail?: WhenAllFail;
  /** How long a backend that is being drained keeps its flows; `undefined`: as long as they last. */
  readonly drainTimeout?: Duration;
  /** Takes new flows while no backend can, instead of `whenAllFail`; of the same family as `address`. */
  readonly sorryServer?: Endpoint;
  /** `undefined`: each new flow goes where the scheduler says. */
  readonly persistence?: Persistence;
  /** `undefined`: a source may ask whatever it likes. */
  readonly limits?: SourceLimits;
  /** Handshakes are answered here, and a backend hears of a connection once its client has proved to be there. */
  readonly synProxy?: true;
};

/** `SERVER/BACKEND`, unique over all virtual servers. */
export type BackendKey = `${string}/${string}`;

/** The key of one backend of one virtual server. */
export const backendKey = (server: string, backend: string): BackendKey => `${server}/${backend}`;
