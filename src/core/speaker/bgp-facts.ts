/** How each BGP peer of a node is now: what changes too often to be an event. */
import type { WallTime } from "#base/time";
import type { LeftOut } from "#core/bgp/rib-out/left-out";
import type { SessionName } from "#core/bgp/session/state";

/** One peer. */
export type BgpPeerFacts = {
  /** Of its BGPPeer. */
  readonly name: string;
  /** Its address; `undefined` while that of an unnumbered peer is not known. */
  readonly address: string | undefined;
  /** Of an unnumbered peer. */
  readonly link: string | undefined;
  readonly state: SessionName;
  /** Since when it is established, or since when it is not. */
  readonly since: WallTime;
  /** What was agreed on; `undefined` unless it is established. */
  readonly session:
    | {
        readonly asn: number;
        readonly routerId: string;
        readonly families: readonly string[];
        /** Seconds; 0: neither keepalives nor silence count. */
        readonly holdTime: number;
        readonly keepaliveTime: number;
        /** Seconds that the peer keeps our routes without a session; `undefined`: it does not. */
        readonly keepsRoutes: number | undefined;
      }
    | undefined;
  /** Routes that it is to know, that it was told of, and that wait to be sent. */
  readonly wanted: number;
  readonly announced: number;
  readonly pending: number;
  /** Routes that it is not told of. */
  readonly leftOut: readonly LeftOut[];
  /** What BFD says of the path; `undefined` where it is not asked. */
  readonly bfd: "up" | "down" | "admin-down" | "init" | undefined;
  /** The last failure in words, and when. */
  readonly failure: { readonly text: string; readonly at: WallTime } | undefined;
  /** Messages since the start of the process, by kind. */
  readonly sent: Readonly<Record<string, number>>;
  readonly received: Readonly<Record<string, number>>;
  /** Routes that the peer has told us of, which are not used. */
  readonly ignoredRoutes: number;
  /** How often the session came up. */
  readonly ups: number;
};

/** All peers of a node, by name. */
export type BgpFacts = readonly BgpPeerFacts[];
