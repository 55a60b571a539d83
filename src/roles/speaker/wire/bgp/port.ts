/** What talks to the peers, as far as the wire process needs it. */
import type { Instant } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { BgpEvent } from "#core/speaker/bgp";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { BfdHub } from "#runtime/bfd/hub";
import type { Left } from "#runtime/bgp/leaving";
import type { LeftSessions } from "#runtime/bgp/left-sessions";
import type { BgpSpeakerParts } from "#runtime/bgp/parts";
import type { RouteChanges } from "./knowledge.ts";

export type BgpPort = {
  /** With these it talks from now on. */
  setPeers(peers: readonly PeerWord[], now: Instant): void;
  route(changes: RouteChanges): void;
  /** All that there is has been told: peers may forget what they kept of an earlier run. */
  complete(): void;
  /** Interfaces or their addresses are others. */
  linksChanged(now: Instant): void;
  /** How each peer is now. */
  facts(): BgpFacts;
  /** Ends all sessions, in a restart those that outlast it without a word; calls back once, when that is over, with what the next run needs. */
  leave(done: (left: Left | undefined) => void, reason: "restart" | "shutdown"): void;
  /** Ends at once. */
  close(): void;
};

/** What it needs of this process, and what it tells. */
export type BgpSurroundings = {
  /** BFD sessions of this machine: those with peers are among them. */
  readonly bfd: BfdHub;
  readonly links: BgpSpeakerParts["links"];
  /** `again`: an earlier run announced routes a short while ago, and packets have arrived ever since. */
  readonly start: BgpSpeakerParts["start"];
  /** BFD sessions of an earlier run that peers may still have. */
  readonly left: LeftSessions;
  readonly tell: (event: BgpEvent) => void;
  /** Something that `facts` says may be another thing. */
  readonly onFacts: () => void;
};

export type OpenBgp = (around: BgpSurroundings) => BgpPort;
