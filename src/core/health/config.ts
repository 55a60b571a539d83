/** What is asked of a backend or a tracked check, and how often, with every default filled in. */
import type { IpAddress, Ipv4Address } from "#base/address";
import type { Duration } from "#base/time";

/** What a probe does and what counts as an answer. */
export type ProbeKind =
  | { readonly type: "tcp" }
  | {
      readonly type: "http" | "https";
      readonly path: string;
      /** `Host` header; `undefined` means the address asked. */
      readonly host?: string;
      /** Accepted status codes as inclusive ranges. */
      readonly statuses: readonly { readonly from: number; readonly to: number }[];
      /** HTTPS only: whether the certificate must verify. */
      readonly verify: boolean;
      /** HTTPS only: name sent in SNI and checked against the certificate; `undefined` means `host`. */
      readonly serverName?: string;
      /** HTTPS only: PEM file of the accepted authorities; `undefined` means the system's. */
      readonly caFile?: string;
    }
  /** ICMP echo: the machine is there. */
  | { readonly type: "ping"; readonly address: IpAddress; readonly interface?: string }
  /** ARP: the machine is on the network of this interface. */
  | { readonly type: "arp"; readonly address: Ipv4Address; readonly interface: string }
  | {
      readonly type: "script";
      /** Program and arguments, run without a shell; exit status 0 means healthy. */
      readonly command: readonly string[];
    };

export type HealthCheckConfig = {
  readonly probe: ProbeKind;
  /** Port asked; `undefined` means the backend's. Scripts ignore it. */
  readonly port?: number;
  /** From the start of one round to the start of the next. */
  readonly interval: Duration;
  /** How long one attempt may take. */
  readonly timeout: Duration;
  /** Further attempts within a round after the first failed, 0..10. */
  readonly retries: number;
  /** Pause before each further attempt. */
  readonly retryDelay: Duration;
  /** Successful rounds in a row until a failed subject is healthy again, 1..100. */
  readonly rise: number;
  /** Failed rounds in a row until a healthy subject has failed, 1..100. */
  readonly fall: number;
};
