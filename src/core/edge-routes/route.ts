/** A route of an edge as its configuration has it. */
import type { IpAddress } from "#base/address";
import type { RouteWord } from "#core/bgp/desired";

/** A prefix, whom it is told to, and the virtual servers for whose sake. */
export type EdgeRoute = {
  /** The prefix as text: unique. */
  readonly name: string;
  readonly route: RouteWord;
  /** Names of VirtualServers whose address is in it, in order; at least one. */
  readonly servers: readonly string[];
};

/** A virtual server as far as routes go. */
export type RoutedServer = {
  readonly name: string;
  readonly address: IpAddress;
  readonly labels: Readonly<Record<string, string>>;
};
