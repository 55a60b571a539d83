/** The command line of a controller. */
import type { ListenAddress } from "#drivers/http/listen-address";

export type WebhookMode = "enabled" | "disabled" | "only";

export type ControllerOptions = {
  /** Where the resources of `metallb.io` and `steelyard.dev` lie. */
  readonly namespace: string;
  /** `undefined`: the service account of the pod, or what `KUBECONFIG` names. */
  readonly kubeconfig: string | undefined;
  /** Only Services of this class are ours; `undefined`: those that name none. */
  readonly loadBalancerClass: string | undefined;
  readonly webhookMode: WebhookMode;
  readonly webhookAddress: ListenAddress;
  /** Name of the Kubernetes Service in front of the webhook. */
  readonly webhookService: string;
  /** Whether to point the conversion of BGPPeer to our webhook even while another Service serves it. */
  readonly takeConversion: boolean;
  /** Plain HTTP for health and metrics; `undefined`: nowhere. */
  readonly listen: ListenAddress | undefined;
  readonly admin: string;
  /** Write nothing; say what would differ. */
  readonly shadow: boolean;
  /** Metrics under MetalLB's names as well. */
  readonly metallbMetrics: boolean;
  readonly leaseName: string;
  /** Milliseconds. */
  readonly leaseDuration: number;
  /** Who this replica is among the others, such as the pod's name. */
  readonly identity: string;
  readonly logFormat: "text" | "json";
  readonly logLevel: "error" | "warning" | "info" | "debug";
};

/** Where a running controller answers unless told otherwise. */
export const DEFAULT_CONTROLLER_ADMIN = "/run/steelyard/controller.sock";

/** Exit statuses of `steelyard controller`. */
export const EXIT = {
  ok: 0,
  /** No credentials, or an address that cannot be had. */
  environment: 1,
  usage: 2,
} as const;
