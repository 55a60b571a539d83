/** What a BGP speaker needs of the world, and what it tells. */
import type { IpAddress, IpFamily } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { Instant } from "#base/time";
import type { LeftOut } from "#core/bgp/rib-out/left-out";
import type { Cause } from "#core/bgp/session/cause";
import type { SessionName } from "#core/bgp/session/state";
import type { BgpPort } from "#drivers/bgp/port";
import type { AdvertisementPort } from "#drivers/router-advertisement/port";
import type { BfdHub } from "../bfd/hub.ts";
import type { Deadlines } from "../deadlines.ts";
import type { Links } from "../links.ts";
import type { LeftSessions } from "./left-sessions.ts";

export type BgpSpeakerParts = {
  readonly tcp: BgpPort;
  readonly bfd: Pick<BfdHub, "add" | "configure" | "retire" | "remove" | "state" | "prolong" | "legacy">;
  /** BFD sessions of an earlier run that peers may still have. */
  readonly left: LeftSessions;
  readonly routers: AdvertisementPort;
  /** Interfaces of this machine and their addresses; say `linksChanged` when they are others. */
  readonly links: Pick<Links, "all" | "byIndex" | "byName" | "addressesOf" | "reaches">;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Runs something once what waits on the sockets now has been read: a peer that spoke is believed before its silence is. */
  readonly afterReading: (run: () => void) => void;
  /**
   * `again`: an earlier process announced routes from this machine a short while ago, and packets have arrived ever since, so that
   * peers are told that it has restarted (RFC 4724).
   */
  readonly start: "fresh" | "again";
  readonly tell: (observation: BgpObservation, now: Instant) => void;
};

/** What happened. */
export type BgpObservation =
  | {
      readonly type: "session";
      readonly peer: string;
      readonly from: SessionName;
      readonly to: SessionName;
      readonly cause: Cause["type"];
      /** The cause in words, with the NOTIFICATION that was sent or received, decoded. */
      readonly text: string;
    }
  /** Routes that a peer is to know and is not told, other than before; empty: it is told all. */
  | { readonly type: "left-out"; readonly peer: string; readonly leftOut: readonly LeftOut[] }
  /** A prefix came and went too often and is not announced for a while, or is announced again (`until` is `undefined`). */
  | { readonly type: "damped"; readonly prefix: InterfaceAddress; readonly until: Instant | undefined }
  /** Whether peers can connect to us. */
  | {
      readonly type: "listening";
      readonly family: IpFamily;
      readonly vrf: string | undefined;
      readonly port: number;
      /** Why not; `undefined`: they can. */
      readonly refused: string | undefined;
    }
  /** Passwords of peers are not accepted by the kernel, so that these cannot connect to us; `undefined`: all are, again. */
  | { readonly type: "password-refused"; readonly detail: string | undefined }
  | {
      readonly type: "bfd";
      readonly peer: string;
      /** `refused`: there can be no session, for the reason in `detail`. */
      readonly status: "up" | "down" | "admin-down" | "refused";
      readonly detail: string | undefined;
    }
  /** The router at the other end of a link was found, or is not heard any more (`undefined`). */
  | { readonly type: "neighbor"; readonly peer: string; readonly address: IpAddress | undefined };
