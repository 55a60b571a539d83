/** What can be seen of a peer: plain values that survive JSON. */
import type { IpAddress, Ipv4Address } from "#base/address";
import type { Instant } from "#base/time";
import type { SessionStateName } from "#core/bfd/constants";
import type { Counts } from "#core/bgp/rib-out/left-out";
import type { Negotiated } from "#core/bgp/session/config";
import { type SessionName, sessionName } from "#core/bgp/session/state";
import type { MessageCounts } from "./counters.ts";
import type { Peer } from "./peer.ts";
import type { Failure } from "./peer-session.ts";

export type PeerSnapshot = {
  readonly name: string;
  /** `undefined`: the router at the end of the link was not found yet. */
  readonly address: IpAddress | undefined;
  readonly state: SessionName;
  /** Since when it has that state. */
  readonly since: Instant;
  /** Of an established session. */
  readonly session:
    | { readonly local: IpAddress; readonly negotiated: Negotiated; readonly peerRouterId: Ipv4Address }
    | undefined;
  readonly counts: Counts;
  /** What went wrong last, also of a session that is up again; `undefined`: nothing since the peer is wanted. */
  readonly failure: Failure | undefined;
  /** `undefined`: there is no BFD session. */
  readonly bfd: SessionStateName | undefined;
  readonly sent: MessageCounts;
  readonly received: MessageCounts;
  /** Routes that the peer announced, none of which is used. */
  readonly routesHeard: number;
  /** How often the session came up. */
  readonly ups: number;
};

export const snapshotOf = (peer: Peer): PeerSnapshot => {
  const { name, where, state, since, failure, negotiated, channel, rib, bfd, counters } = peer;
  return {
    ...{ name, address: where?.address, state: sessionName(state), since, failure },
    session:
      negotiated === undefined || channel === undefined
        ? undefined
        : { local: channel.connection.local.address, negotiated, peerRouterId: negotiated.peerRouterId },
    counts: rib.counts,
    bfd: bfd.state?.name,
    ...counters.snapshot(),
  };
};
