/** Ready-made values for tests of BGP sessions, tables of their steps, and effects in a few words. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { IpFamily } from "#base/address";
import { type Ipv4Address, isIpv4, parseAddress } from "#base/address";
import { assert as certain } from "#base/assert";
import { type Instant, instant, seconds } from "#base/time";
import { unicast } from "#core/bgp/message/constants";
import { codeName, subcodeName } from "#core/bgp/message/error-codes";
import type { Capability, HeardMessage, HeardUpdate, Open } from "#core/bgp/message/message";
import type { SessionConfig } from "#core/bgp/session/config";
import type { Effect } from "#core/bgp/session/effect";
import type { ConnectionId, Direction, Input, Moment } from "#core/bgp/session/input";
import { INITIAL, step } from "#core/bgp/session/machine";
import { type SessionState, sessionName } from "#core/bgp/session/state";

/** The router ID that `text` spells. */
export const routerId = (text: string): Ipv4Address => {
  const parsed = parseAddress(text);
  certain(parsed !== undefined && isIpv4(parsed), "not a router ID", { text });
  return parsed;
};

/** AS 64512 with router ID 192.0.2.1, an external peer in AS 64513, both families, 90 s, graceful restart for 120 s, after a NOTIFICATION as well. */
export const sessionConfig = (overrides: Partial<SessionConfig> = {}): SessionConfig => ({
  localAsn: 64_512,
  peerAsn: { type: "given", asn: 64_513 },
  routerId: routerId("192.0.2.1"),
  holdTime: seconds(90),
  keepaliveTime: seconds(30),
  connectRetryTime: seconds(20),
  role: "active",
  families: ["IPv4", "IPv6"],
  multiprotocol: true,
  extendedNextHop: false,
  gracefulRestart: { restartTime: seconds(120), survivesNotification: true },
  ...overrides,
});

/** What a peer offers that can do all that we can, but for graceful restart. */
export const CAPABILITIES: readonly Capability[] = [
  { type: "multiprotocol", family: unicast("IPv4") },
  { type: "multiprotocol", family: unicast("IPv6") },
  { type: "route-refresh" },
  { type: "four-octet-as", asn: 64_513 },
  { type: "enhanced-route-refresh" },
];

/** A peer's offer to keep routes, and to have its own kept for these families. */
export const gracefulRestart = (
  families: readonly IpFamily[],
  overrides: Partial<Extract<Capability, { readonly type: "graceful-restart" }>> = {},
): Capability => ({
  type: "graceful-restart",
  isRestarting: false,
  survivesNotification: false,
  restartTime: 180,
  families: families.map((family) => ({ family: unicast(family), isForwardingPreserved: false })),
  ...overrides,
});

/** AS 64513 with router ID 192.0.2.2, 90 s. */
export const peerOpen = (overrides: Partial<Open> = {}): Open => ({
  type: "open",
  version: 4,
  asn: 64_513,
  holdTime: 90,
  routerId: routerId("192.0.2.2"),
  capabilities: CAPABILITIES,
  ...overrides,
});

/** Routes that nobody imports. */
export const UPDATE: HeardUpdate = {
  type: "update",
  announced: 3,
  withdrawn: 0,
  endOfRib: undefined,
  nextHops: [],
  leniency: [],
};

const nameOf = ({ code, subcode }: { readonly code: number; readonly subcode: number }): string =>
  subcodeName(code, subcode) ?? codeName(code);

/** An effect in a few words, such as `1: send Connection Rejected`, `2: down (hold-timer-expired)`. */
export const inWords = (effect: Effect): string => {
  switch (effect.type) {
    case "connect":
    case "abort-connect":
      return effect.type;
    case "send": {
      const { message } = effect;
      return `${effect.connection}: send ${message.type === "notification" ? nameOf(message) : message.type}`;
    }
    case "up":
    case "close":
      return `${effect.connection}: ${effect.type}`;
    case "refresh":
      return `${effect.connection}: refresh ${effect.family}${effect.isEnhanced ? " between BoRR and EoRR" : ""}`;
    case "down":
      return `${effect.connection}: down (${effect.cause.type})`;
    case "ended":
      return `${effect.connection}: ${effect.state} ended (${effect.cause.type})`;
    case "transition":
      return `${effect.from} -> ${effect.to} (${effect.cause.type})`;
  }
};

/** The present of every table. */
export const NOW: Instant = instant(5_000_000_000);
/** The die shows its least: jittered times are three quarters of what is configured. */
export const MOMENT: Moment = { now: NOW, jitter: 0 };

export const START: Input = { type: "start", isRestarting: false };
export const TIMER: Input = { type: "timer" };
export const connected = (connection: ConnectionId, direction: Direction): Input => ({
  type: "connected",
  connection,
  direction,
});
export const said = (connection: ConnectionId, message: HeardMessage): Input => ({
  type: "message",
  connection,
  message,
});
/** A NOTIFICATION of the peer's, without data. */
export const notified = (connection: ConnectionId, code: number, subcode: number): Input =>
  said(connection, { type: "notification", code, subcode, data: new Uint8Array(0) });
export const OPEN = (connection: ConnectionId): Input => said(connection, peerOpen());
export const KEEPALIVE = (connection: ConnectionId): Input => said(connection, { type: "keepalive" });

/** The state after these inputs, all in the present. */
export const reach = (config: SessionConfig, ...inputs: readonly Input[]): SessionState =>
  inputs.reduce((state, input) => step(config, state, input, MOMENT).state, INITIAL);

/** One row: what an input does in a state. */
export type Row = {
  readonly title: string;
  readonly config?: SessionConfig;
  readonly from: SessionState;
  readonly input: Input;
  /** `undefined`: the present. */
  readonly at?: Instant;
  readonly to: ReturnType<typeof sessionName>;
  /** As `inWords` has them. */
  readonly effects: readonly string[];
};

/** A test for each row. */
export const table = (rows: readonly Row[]): void => {
  for (const { title, config = sessionConfig(), from, input, at = NOW, to, effects } of rows) {
    it(title, () => {
      const { state, effects: done } = step(config, from, input, { ...MOMENT, now: at });
      assert.deepEqual([sessionName(state), done.map(inWords)], [to, effects]);
    });
  }
};
