/** Where the wire process touches the world. */
import type { Duration, Instant, WallTime } from "#base/time";
import type { Authentication } from "#core/bfd/authentication";
import type { OwnershipConfig } from "#core/ownership/config";
import type { ResponderConfig } from "#core/responder/config";
import type { Bequest } from "#drivers/files/bequest";
import type { RunRecord } from "#drivers/files/record";
import type { Child, ChildOptions } from "#drivers/ipc/child";
import type { Deadlines } from "#runtime/deadlines";
import type { ProbePackets } from "../fast/probes-sockets.ts";
import type { SpeakerParts } from "../fast/speaker.ts";
import type { AgentToWire, WireFacts, WireToAgent } from "../messages.ts";
import type { OpenBgp } from "./bgp/port.ts";
import type { ThriftParts } from "./thrift.ts";

/** The agent's process. */
export type AgentPort = Pick<Child<AgentToWire, WireToAgent>, "isReady" | "send" | "stop" | "kill">;
export type AgentOptions = Omit<ChildOptions<AgentToWire, WireToAgent>, "command" | "first" | "onStart">;

/** Everything is real in `world.ts`; tests put their own in. */
export type WireParts = Pick<
  SpeakerParts,
  "bfd" | "netlink" | "random" | "digest" | "forwardsIpv6" | "answerer"
> & {
  readonly packets: ProbePackets;
  readonly node: string;
  /** Of this start of the machine. */
  readonly bootId: string;
  readonly facts: WireFacts;
  readonly now: () => Instant;
  /** The time of day. */
  readonly time: () => WallTime;
  readonly deadlines: Deadlines;
  readonly ownership: OwnershipConfig;
  readonly responder: ResponderConfig;
  readonly authentication: Authentication | undefined;
  /** What is kept on disk; `onFailure` is told of each write that failed. */
  readonly openState: (onFailure: (detail: string) => void) => RunRecord;
  /** The same for BGP. */
  readonly openBgpState: (onFailure: (detail: string) => void) => RunRecord;
  /** What the last run has left of BFD with BGP peers, and this one will. */
  readonly bequest: Bequest;
  /** Opens what talks to BGP peers. */
  readonly openBgp: OpenBgp;
  /** How long it may take BGP to end. */
  readonly bgpLeaveLimit: Duration;
  readonly startAgent: (agent: AgentOptions) => AgentPort;
  /** What becomes of memory while nothing happens. */
  readonly memory: Pick<ThriftParts, "rest" | "expectWork">;
  /** Says on standard error what keeps this node from its work: an agent may not be there to log it. */
  readonly complain: (message: string) => void;
  /** Called once, when there is nothing left to do. */
  readonly end: (status: number) => void;
};
