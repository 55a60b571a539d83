/** Asks one backend or runs one script, once. */
import type { IpAddress } from "#base/address";
import type { Duration } from "#base/time";
import type { ProbeKind } from "#core/health/config";
import type { ProbeOutcome } from "#core/health/probe";

export type { ProbeOutcome } from "#core/health/probe";

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
