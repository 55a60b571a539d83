/** The answer of `/v1/status`. Times are milliseconds since 1970-01-01T00:00Z, durations microseconds. */
import type { HealthState, RouterState } from "#core/observation/event";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";

export type RouterStatus = {
  readonly name: string;
  readonly interface: string;
  readonly vrid: number;
  readonly version: 2 | 3;
  readonly family: "IPv4" | "IPv6";
  readonly state: RouterState;
  readonly since: number;
  /** Why it is in this state, from the list in docs/reference/vrrp.md. */
  readonly reason: string;
  /** The router whose advertisement caused it, where one did. */
  readonly peer?: string;
  /** Priority from the configuration and the one in force. */
  readonly priority: number;
  readonly effectivePriority: number | "fault";
  /** Tracked interfaces and checks that count against it now. */
  readonly failed: readonly string[];
  readonly advertisementInterval: number;
  readonly addresses: readonly { readonly address: string; readonly held: boolean }[];
  readonly conflicts: readonly string[];
  /** Why it cannot start yet. */
  readonly waiting?: string;
  readonly takeovers: number;
};

export type BackendStatus = {
  readonly name: string;
  readonly address: string;
  /** `undefined`: the port that the client asked for. */
  readonly port?: number;
  readonly weight: number;
  /** `unchecked` when the virtual server has no health check. */
  readonly health: HealthState | "unchecked";
  readonly since: number;
  readonly reason?: string;
};

/** A backend that takes no new flows. */
export type DrainStatus = {
  readonly backend: string;
  /** `drained`: its time is up, and what it had left has ended. */
  readonly state: "draining" | "drained";
  readonly since: number;
  /** When it will be drained; `undefined` without a deadline. */
  readonly until?: number;
  /** Flows that are still open, as counted a few seconds ago; `undefined` in `dsr`, which does not know. */
  readonly openFlows?: number;
};

export type ServerStatus = {
  readonly name: string;
  readonly address: string;
  readonly protocol: "tcp" | "udp";
  /** `80`, `8000-8099` or `all`. */
  readonly ports: string;
  readonly mode: string;
  readonly scheduler: string;
  /** Who forwards for it: `nftables`, `xdp` or `ipvs`. */
  readonly engine: string;
  /** Why it is not the engine that was chosen. */
  readonly engineReason?: string;
  /** Longest time from the start of the first failing check to removal; `undefined` without a health check. */
  readonly worstCaseRemoval?: number;
  readonly backends: readonly BackendStatus[];
  /** Backends with weight 0, those whose check is answered with no, and those that the configuration no longer lists. */
  readonly drains: readonly DrainStatus[];
  /**
   * Where new connections go while no backend can take them: to every backend that has failed, as if it were healthy, to
   * nobody, or to the sorry server. `undefined` while a backend can, or may be able to.
   */
  readonly whenNone?: "failed-backends" | "refused" | "sorry-server";
  /** Stands in while no backend can take connections. */
  readonly sorryServer?: { readonly address: string; readonly port?: number };
};

export type CheckStatus = {
  readonly name: string;
  readonly health: HealthState;
  readonly since: number;
  readonly reason?: string;
  /** Who is asked, and how. */
  readonly asks: string;
  /** Longest time from a failure to the verdict, the wait for the next round counted in. */
  readonly worstCase: number;
};

/** A router that is told of virtual servers. */
export type PeerStatus = BgpPeerFacts & {
  /** Why no session comes about, as it was said last; only without one. */
  readonly obstacle?: string;
  /** It is told of so many routes only, and there are more. */
  readonly limit?: number;
};

export type RouteStatus = {
  readonly prefix: string;
  /** Virtual servers whose address is in it. */
  readonly servers: readonly string[];
  /** Peers that are to know it, by name. */
  readonly peers: readonly string[];
  /**
   * `last-resort`: with the least preference, since all backends have failed their checks here; `withheld`: not at all, since nobody
   * behind its virtual servers takes connections; `damped`: not for a while, since it came and went too often.
   */
  readonly state: "announced" | "last-resort" | "withheld" | "damped";
};

export type Status = {
  readonly role: "edge";
  /** What the program was started as, unless `edge`. */
  readonly program?: "vip";
  readonly version: string;
  readonly now: number;
  readonly wire: { readonly pid: number; readonly startedAt: number };
  readonly agent: { readonly pid: number; readonly startedAt: number };
  readonly config: {
    /** Counts accepted configurations; 0 before the first. */
    readonly generation: number;
    readonly since: number;
    /** Problems of a newer configuration that was refused. */
    readonly refused?: readonly string[];
  };
  readonly forwarding: {
    readonly state: "idle" | "applied" | "failed";
    readonly since: number;
    readonly detail?: string;
  };
  readonly routers: readonly RouterStatus[];
  readonly servers: readonly ServerStatus[];
  readonly checks: readonly CheckStatus[];
  /** Only with a `BGPPeer` or a `BGPAdvertisement`. */
  readonly bgp?: {
    readonly peers: readonly PeerStatus[];
    readonly routes: readonly RouteStatus[];
    /** What of BGP fails on this machine. */
    readonly troubles: readonly string[];
  };
  /** Whether a takeover would keep connections in the modes that translate; only with a `ConnectionSync`. */
  readonly connectionSync?: { readonly state: string; readonly since: number; readonly detail: string };
};
