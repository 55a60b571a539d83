/** With whom connections are kept in sync, and over what. */
import type { IpAddress } from "#base/address";

export type ConnectionSyncConfig = {
  readonly name: string;
  /** The interface between the edges; whoever can send there can change connections. */
  readonly interface: string;
  /** This box's address on it. */
  readonly address: IpAddress;
  /** The other box's, of the same family. */
  readonly peer: IpAddress;
  /** UDP, 1..65535, the same on both. */
  readonly port: number;
  /** The file with the secret that seals pins; `undefined`: they are not sealed. */
  readonly pinSecretFile?: string;
};
