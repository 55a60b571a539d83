/** The command line of a speaker. */
import type { ListenAddress } from "#drivers/http/listen-address";

export type SpeakerOptions = {
  /** The node that it runs on, as Kubernetes calls it. */
  readonly node: string;
  /** Where the resources of `metallb.io` and `steelyard.dev`, and the speakers' pods lie. */
  readonly namespace: string;
  /** `undefined`: the service account of the pod, or what `KUBECONFIG` names. */
  readonly kubeconfig: string | undefined;
  /** Only Services of this class are ours; `undefined`: those that name none. */
  readonly loadBalancerClass: string | undefined;
  /** `metallb`: decide exactly as MetalLB's speakers do, for as long as some run in the same cluster. */
  readonly rules: "steelyard" | "metallb";
  /** Use nodes that are labelled `node.kubernetes.io/exclude-from-external-load-balancers` all the same. */
  readonly ignoreExcludeLabel: boolean;
  /** Spread addresses evenly: no node gets more than so many times its share, 1 or more; `undefined`: MetalLB's order. */
  readonly spread: number | undefined;
  /** A file with the secret that speakers share; `undefined`: sessions are not authenticated. */
  readonly secretFile: string | undefined;
  /** Longest time between two announcements of an address that is held, in milliseconds: below the ageing of switches. */
  readonly refresh: number;
  /** Whether addresses are bound to interfaces, so that the kernel answers for them. */
  readonly bind: boolean;
  /** Whether addresses are probed from another node. */
  readonly probe: boolean;
  /** What a node does that hears no peer and knows no gateway. */
  readonly withoutGateway: "go-on" | "withdraw";
  /** Who talks to BGP peers: this program, or an FRR of this machine that does what it is told. */
  readonly bgpEngine: "own" | "frr";
  /** Folder of FRR's sockets; `undefined`: where `vtysh` looks for them. */
  readonly frrSockets: string | undefined;
  /** TCP port on which BGP peers may open sessions; `undefined`: this node opens all of them itself. */
  readonly bgpListen: number | undefined;
  /** How long peers that do not keep routes over a restart hear that routes are about to go, in milliseconds. */
  readonly bgpDrain: number;
  /** Plain HTTP for health and metrics; `undefined`: nowhere. */
  readonly listen: ListenAddress | undefined;
  readonly admin: string;
  /** Where what must survive a restart is kept. */
  readonly stateDirectory: string;
  readonly logFormat: "text" | "json";
  readonly logLevel: "error" | "warning" | "info" | "debug";
};

/** Where a running speaker answers unless told otherwise. */
export const DEFAULT_SPEAKER_ADMIN = "/run/steelyard/speaker.sock";
export const DEFAULT_SPEAKER_STATE = "/run/steelyard/speaker";

/** The name that a speaker holds in its network namespace, where there can be one only. */
export const SPEAKER_LOCK = "steelyard-speaker";

/** Exit statuses of `steelyard speaker`. */
export const EXIT = {
  ok: 0,
  /** No capabilities, no credentials, or an address that cannot be had. */
  environment: 1,
  usage: 2,
} as const;

/** The options as one argument for our own second process. */
export const speakerOptionsText = (options: SpeakerOptions): string => JSON.stringify(options);

/** What `speakerOptionsText` wrote; `undefined` for whatever else stands there. */
export const parseSpeakerOptions = (text: string | undefined): SpeakerOptions | undefined => {
  try {
    const options: unknown = JSON.parse(text ?? "");
    return typeof options === "object" && options !== null && "node" in options
      ? (options as SpeakerOptions)
      : undefined;
  } catch {
    return undefined;
  }
};
