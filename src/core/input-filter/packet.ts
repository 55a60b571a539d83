/** The packet that is asked about. */
import type { IpAddress, IpFamily } from "#base/address";

/** IP protocol numbers (IANA). */
export const PROTOCOL = { tcp: 6, vrrp: 112 } as const;

/** The first packet of something that the machine does not know yet. */
export type Packet = {
  readonly family: IpFamily;
  readonly protocol: (typeof PROTOCOL)[keyof typeof PROTOCOL];
  /** The interface that it arrives at. */
  readonly interface: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Of TCP. */
  readonly port?: number;
  /**
   * The interface by which it goes on to another machine, its destination translated already; `undefined` when it is for this
   * machine.
   */
  readonly leavesBy?: string;
};
