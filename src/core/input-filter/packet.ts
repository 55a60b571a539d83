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
};
