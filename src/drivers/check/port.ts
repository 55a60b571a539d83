/** Asks one backend or runs one script, once. */
import type { IpAddress } from "#base/address";
import type { Duration } from "#base/time";
import type { ProbeKind } from "#core/health/config";

/** Why an attempt failed. Each value is also the `reason` label of `steelyard_check_failures_total`. */
export type ProbeFailure =
  | "timeout"
  | "refused"
  | "unreachable"
  | "reset"
  | "tls"
  | "status"
  | "protocol"
  | "exit"
  | "not-started";

export type ProbeOutcome =
  | { readonly ok: true; readonly took: Duration }
  | { readonly ok: false; readonly reason: ProbeFailure; readonly detail: string; readonly took: Duration };

export type ProbeRequest = {
  readonly probe: ProbeKind;
  /** `undefined` for scripts that stand alone. */
  readonly target?: { readonly address: IpAddress; readonly port: number };
  readonly timeout: Duration;
};

export type CheckPort = {
  /** Never rejects; always settles within `timeout` plus a scheduling delay. */
  probe(request: ProbeRequest): Promise<ProbeOutcome>;
};
