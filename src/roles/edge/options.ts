/** The command line of an edge, shared by its two processes. */

import { ENGINES, type EngineName } from "#core/balance/model";

export { ENGINES };

/** Whether to ask for real-time scheduling, and whether a refusal is worth a warning. */
export type RealtimeWish = "try" | "insist" | "never";

export type EdgeOptions = {
  /** What the program was started as, and calls itself. */
  readonly program: "edge" | "vip";
  /** A `ControlPlaneEndpoint` that the command line spells; `undefined` when all is in files. */
  readonly endpoint?: unknown;
  /** Configuration files and directories, in the order given. */
  readonly config: readonly string[];
  /** Path of the admin socket. */
  readonly admin: string;
  /** Directory for what must survive a restart but not a reboot, created with mode 0700. */
  readonly runtimeDirectory: string;
  readonly logFormat: "text" | "json";
  readonly logLevel: "error" | "warning" | "info" | "debug";
  /** Ask for SCHED_RR for the thread that speaks VRRP. */
  readonly realtime: RealtimeWish;
  /** Who forwards packets where it can; nftables does what it cannot. */
  readonly engine: EngineName;
  /** How long routers hear that routes are about to go before they are withdrawn, in milliseconds. */
  readonly bgpDrain: number;
  /** Where IPVS shares its connections with the other edge, and under which number, 1..255; nowhere if `undefined`. */
  readonly ipvsSync?: { readonly interface: string; readonly id: number };
};

/** Where a running edge answers unless told otherwise. */
export const DEFAULT_ADMIN = "/run/steelyard/edge.sock";
/** Where an edge keeps its runtime state unless told otherwise. */
export const DEFAULT_RUNTIME_DIRECTORY = "/run/steelyard";

/** The same for `steelyard vip`. */
export const VIP_ADMIN = "/run/steelyard-vip/vip.sock";
export const VIP_RUNTIME_DIRECTORY = "/run/steelyard-vip";

/** A line of complaint in the name of the program. */
export const complaint = ({ program }: Pick<EdgeOptions, "program">, message: string): string =>
  `steelyard ${program}: ${message}\n`;

/** The name that an edge holds in its network namespace, where there can be one only; `steelyard vip` is one too. */
export const EDGE_LOCK = "steelyard-edge";

/** Exit statuses of `steelyard edge`. */
export const EXIT = {
  ok: 0,
  /** The environment: missing rights, no nf_tables, another program on the socket. */
  environment: 1,
  /** The configuration or the command line. */
  usage: 2,
} as const;

/** The options as one argument for our own second process. */
export const optionsText = (options: EdgeOptions): string => JSON.stringify(options);

/** What `optionsText` wrote; `undefined` for whatever else stands there. */
export const parseOptions = (text: string | undefined): EdgeOptions | undefined => {
  try {
    const options: unknown = JSON.parse(text ?? "");
    return typeof options === "object" && options !== null && "config" in options
      ? (options as EdgeOptions)
      : undefined;
  } catch {
    return undefined;
  }
};
