/** What the engine needs of IPVS: looking, and changing. Answers come at once; nothing here waits. */
import type { IpvsChange } from "#core/ipvs/change";
import type { IpvsDestination, IpvsService, ServiceAddress, SyncDaemon } from "#core/ipvs/model";

/** The name of the errno, with what was being done. */
export type KernelError = {
  readonly code: string;
  /** Such as `add service tcp 192.0.2.10:80`. */
  readonly request: string;
  /** The kernel's own words, if it had any. */
  readonly detail?: string;
};

/** What went wrong with one of several changes. */
export type ChangeError = KernelError & { readonly change: IpvsChange };

export type KernelResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: KernelError };

export type IpvsKernel = {
  /** Every service that is not by firewall mark and is for TCP or UDP, whoever made it. */
  services(): KernelResult<readonly IpvsService[]>;
  /** The destinations of one service. */
  destinations(service: ServiceAddress): KernelResult<readonly IpvsDestination[]>;
  /** The halves of the sync daemon that run. */
  daemons(): KernelResult<readonly SyncDaemon[]>;
  /** Makes the changes in their order; those that fail are given back, the others are made all the same. */
  change(changes: readonly IpvsChange[]): readonly ChangeError[];
  close(): void;
};

/** One line that stands alone. */
export const describeError = ({ code, request, detail }: KernelError): string =>
  `${request}: ${code}${detail === undefined ? "" : ` (${detail})`}`;
