/** What an operator says of one session, checked and with every default filled in. */
import { familyOf, type IpAddress } from "#base/address";
import { type Duration, formatDuration, millis } from "#base/time";
import { type Authentication, authenticationProblems } from "./authentication.ts";
import { LONGEST_INTERVAL } from "./constants.ts";

/** Where the peer is. */
export type SessionPath =
  /** On this link, so that packets have passed no router (RFC 5881). */
  | { readonly type: "single-hop"; readonly link: { readonly index: number; readonly name: string } }
  /** Behind routers, if need be (RFC 5883). Packets with a lower TTL or Hop Limit are dropped; 1..255. */
  | { readonly type: "multihop"; readonly minimumHopLimit: number };

export type SessionConfig = {
  readonly peer: IpAddress;
  /** Ours, of the same family: where packets come from and must go to. */
  readonly localAddress: IpAddress;
  readonly path: SessionPath;
  /** The device of the VRF that packets come in and go out by; `undefined`: none, which is the main table. */
  readonly vrf?: string | undefined;
  /** The shortest interval at which we would like to send once the session is up, 10 ms..4294 s. */
  readonly desiredMinTxInterval: Duration;
  /** The shortest interval at which the peer may send, 10 ms..4294 s. */
  readonly requiredMinRxInterval: Duration;
  /** After how many missing packets the peer calls us dead, 1..255. */
  readonly detectMultiplier: number;
  /** A passive system says nothing before it has heard the peer. If both are, nothing happens. */
  readonly role: "active" | "passive";
  /**
   * How often the peer may send echo packets, which come back to it (RFC 5880 §6.4), 10 ms..4294 s; over one hop only.
   * `undefined`: none.
   */
  readonly echoReceiveInterval?: Duration | undefined;
  /** `undefined` means none, and that packets with some are dropped. */
  readonly authentication?: Authentication | undefined;
};

/** What the machine needs to know of its configuration to decide. */
export type MachineConfig = Pick<
  SessionConfig,
  "desiredMinTxInterval" | "requiredMinRxInterval" | "detectMultiplier" | "role" | "echoReceiveInterval"
>;

/** The times of a session whose operator said nothing: down after 900 ms, as other implementations have it. */
export const DEFAULT_TIMES: MachineConfig = {
  desiredMinTxInterval: millis(300),
  requiredMinRxInterval: millis(300),
  detectMultiplier: 3,
  role: "active",
};

const SHORTEST_INTERVAL = millis(10);

const isWhole = (value: number, low: number, high: number): boolean =>
  Number.isInteger(value) && value >= low && value <= high;

/** What is wrong with a configuration, each in half a sentence for the operator; empty when nothing is. */
export const sessionConfigProblems = (config: SessionConfig): readonly string[] => {
  const problems: string[] = [];
  for (const field of ["desiredMinTxInterval", "requiredMinRxInterval"] as const) {
    if (isWhole(config[field], SHORTEST_INTERVAL, LONGEST_INTERVAL)) continue;
    problems.push(`${field} ${formatDuration(config[field])} is not in 10ms..4294s`);
  }
  const { echoReceiveInterval: echo } = config;
  if (echo !== undefined && !isWhole(echo, SHORTEST_INTERVAL, LONGEST_INTERVAL)) {
    problems.push(`echoReceiveInterval ${formatDuration(echo)} is not in 10ms..4294s`);
  }
  if (echo !== undefined && config.path.type === "multihop") {
    problems.push("echo packets cannot be sent back over several hops (RFC 5883 §4)");
  }
  if (!isWhole(config.detectMultiplier, 1, 255)) {
    problems.push(`detectMultiplier ${config.detectMultiplier} is not a whole number in 1..255`);
  }
  if (familyOf(config.peer) !== familyOf(config.localAddress)) {
    problems.push(`peer ${config.peer} and local address ${config.localAddress} are not of one family`);
  }
  if (config.peer === config.localAddress) problems.push(`peer ${config.peer} is our own address`);
  if (config.path.type === "multihop" && !isWhole(config.path.minimumHopLimit, 1, 255)) {
    problems.push(`minimumHopLimit ${config.path.minimumHopLimit} is not a whole number in 1..255`);
  }
  if (config.authentication !== undefined) problems.push(...authenticationProblems(config.authentication));
  return problems;
};
