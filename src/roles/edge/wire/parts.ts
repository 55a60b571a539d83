/** Where the wire process touches the world. */
import type { Duration } from "#base/time";
import type { Balancer } from "#drivers/balance/port";
import type { CheckPort } from "#drivers/check/port";
import type { ClockPort } from "#drivers/clock/port";
import type { ConntrackPort } from "#drivers/conntrack/port";
import type { SyncDaemonPort } from "#drivers/conntrackd/port";
import type { DatagramPort } from "#drivers/datagram/port";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { NotifyPort } from "#drivers/notify/port";
import type { SysctlPort } from "#drivers/sysctl/port";
import type { Deadlines } from "#runtime/deadlines";
import type { WireFacts } from "../messages.ts";
import type { EdgeOptions } from "../options.ts";
import type { AgentOptions, AgentProcess } from "./agent-process.ts";
import type { BgpWorld } from "./bgp-parts.ts";
import type { startFast } from "./fast-link.ts";

/** Everything is real in `serve.ts`; tests put their own in. */
export type WireParts = {
  readonly options: EdgeOptions;
  readonly facts: WireFacts;
  readonly netlink: NetlinkPort;
  readonly engine: Balancer;
  readonly sysctl: SysctlPort;
  readonly checks: CheckPort;
  /** `undefined` where the kernel has no connection tracking. */
  readonly conntrack: ConntrackPort | undefined;
  readonly syncDaemons: SyncDaemonPort;
  readonly datagrams: DatagramPort;
  readonly bgp: BgpWorld;
  readonly clock: ClockPort;
  readonly deadlines: Deadlines;
  readonly startAgent: (agent: AgentOptions) => AgentProcess;
  readonly startFast: typeof startFast;
  /** The service manager; `undefined` when nobody supervises us. */
  readonly notify: NotifyPort | undefined;
  /** How long the service manager lets us be silent. */
  readonly watchdog: Duration | undefined;
  /** Called after work that leaves much garbage. */
  readonly afterBurst: () => void;
  /** Called once, when there is nothing left to do. */
  readonly end: (status: number) => void;
};
