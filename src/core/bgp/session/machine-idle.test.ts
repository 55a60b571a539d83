import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, seconds } from "#base/time";
import {
  connected,
  KEEPALIVE,
  NOW,
  OPEN,
  peerOpen,
  reach,
  START,
  said,
  sessionConfig,
  TIMER,
  table,
} from "#testing/bgp-session";
import type { Input } from "./input.ts";
import { INITIAL, step } from "./machine.ts";

const CONFIG = sessionConfig();
const PASSIVE = sessionConfig({ role: "passive" });
const connecting = reach(CONFIG, START);
const waiting = reach(CONFIG, START, { type: "connect-failed", reason: "refused" });
const listening = reach(PASSIVE, START);
const BAD_OPEN = said(1, peerOpen({ asn: 1, capabilities: [] }));
const resting = reach(CONFIG, START, connected(1, "outgoing"), BAD_OPEN);
const stop = (reason: Extract<Input, { type: "stop" }>["reason"]): Input => ({ type: "stop", reason });

/** What means something only while there is a connection, or an attempt. */
const MEANINGLESS: readonly Input[] = [
  { type: "connect-failed", reason: "too late" },
  { type: "closed", connection: 7, reason: undefined },
  { type: "malformed", connection: 7, error: { code: 1, subcode: 1, data: new Uint8Array(0) } },
  { type: "blocked", connection: 7, since: NOW },
  OPEN(7),
  KEEPALIVE(7),
  { type: "bfd", status: "down" },
  { type: "bfd", status: "admin-down" },
];

describe("stopped (RFC 4271 §8.2.2, Idle; RFC 4271 §8.1.2)", () => {
  table([
    {
      title: "connects at once when it is started (events 1, 3)",
      from: INITIAL,
      input: START,
      to: "connect",
      effects: ["connect", "idle -> connect (start)"],
    },
    {
      title: "waits for the peer when it is passive (events 4, 5)",
      config: PASSIVE,
      from: INITIAL,
      input: START,
      to: "active",
      effects: ["idle -> active (start)"],
    },
    { title: "stays stopped (events 2, 8)", from: INITIAL, input: stop("reset"), to: "idle", effects: [] },
    {
      title: "refuses connections, and says so",
      from: INITIAL,
      input: connected(7, "incoming"),
      to: "idle",
      effects: ["7: send Connection Rejected", "7: close", "7: idle ended (not-wanted)"],
    },
    { title: "has no timers", from: INITIAL, input: TIMER, to: "idle", effects: [] },
    { title: "knows of no restart", from: INITIAL, input: { type: "restart-over" }, to: "idle", effects: [] },
    {
      title: "does not care for BFD",
      from: INITIAL,
      input: { type: "bfd", status: "up" },
      to: "idle",
      effects: [],
    },
  ]);

  it("takes no notice of anything else (events 9 to 12, 18 to 28)", () => {
    for (const input of MEANINGLESS) {
      assert.deepEqual(step(CONFIG, INITIAL, input, { now: NOW, jitter: 0 }), {
        state: INITIAL,
        effects: [],
      });
    }
  });
});

describe("resting (RFC 4271 §8.1.1, DampPeerOscillations)", () => {
  table([
    {
      title: "refuses connections without a word: the peer is to come back, not to be told that it is wrong",
      from: resting,
      input: connected(7, "incoming"),
      to: "idle",
      effects: ["7: close", "7: idle ended (not-wanted)"],
    },
    { title: "has been started already", from: resting, input: START, to: "idle", effects: [] },
    { title: "rests on before its time (event 13)", from: resting, input: TIMER, to: "idle", effects: [] },
    {
      title: "connects at once when its time has come (event 13)",
      from: resting,
      input: TIMER,
      at: after(NOW, seconds(1)),
      to: "connect",
      effects: ["connect", "idle -> connect (rest-over)"],
    },
    {
      title: "waits for the peer again when it is passive",
      config: PASSIVE,
      from: reach(PASSIVE, START, connected(1, "incoming"), BAD_OPEN),
      input: TIMER,
      at: after(NOW, seconds(1)),
      to: "active",
      effects: ["idle -> active (rest-over)"],
    },
    {
      title: "rests on when BFD comes up",
      from: resting,
      input: { type: "bfd", status: "up" },
      to: "idle",
      effects: [],
    },
    { title: "stops (event 2)", from: resting, input: stop("reset"), to: "idle", effects: [] },
  ]);

  it("takes no notice of anything else", () => {
    for (const input of MEANINGLESS) {
      assert.deepEqual(step(CONFIG, resting, input, { now: NOW, jitter: 0 }), {
        state: resting,
        effects: [],
      });
    }
  });
});

describe("connecting (RFC 4271 §8.2.2, Connect; RFC 4271 §8.1.4)", () => {
  table([
    {
      title: "has been started already (event 1)",
      from: connecting,
      input: START,
      to: "connect",
      effects: [],
    },
    {
      title: "stops (event 2)",
      from: connecting,
      input: stop("administrative-shutdown"),
      to: "idle",
      effects: ["abort-connect", "connect -> idle (stop)"],
    },
    { title: "waits before its time (event 9)", from: connecting, input: TIMER, to: "connect", effects: [] },
    {
      title: "gives an attempt up for another one (event 9)",
      from: connecting,
      input: TIMER,
      at: after(NOW, seconds(15)),
      to: "connect",
      effects: ["abort-connect", "connect"],
    },
    {
      title: "sends OPEN (event 16)",
      from: connecting,
      input: connected(1, "outgoing"),
      to: "open-sent",
      effects: ["1: send open", "connect -> open-sent (connected)"],
    },
    {
      title: "lets the peer in while it dials (event 17)",
      from: connecting,
      input: connected(2, "incoming"),
      to: "open-sent",
      effects: ["2: send open", "connect -> open-sent (connected)"],
    },
    {
      title: "waits a while when an attempt fails (event 18)",
      from: connecting,
      input: { type: "connect-failed", reason: "connection refused" },
      to: "active",
      effects: ["connect -> active (connect-failed)"],
    },
    {
      title: "dials anew when BFD says that the path works",
      from: connecting,
      input: { type: "bfd", status: "up" },
      to: "connect",
      effects: ["abort-connect", "connect"],
    },
    {
      title: "goes on when BFD says that it does not: the peer may be there before BFD is",
      from: connecting,
      input: { type: "bfd", status: "down" },
      to: "connect",
      effects: [],
    },
  ]);
});

describe("waiting (RFC 4271 §8.2.2, Active)", () => {
  table([
    { title: "has been started already (event 1)", from: waiting, input: START, to: "active", effects: [] },
    {
      title: "stops (event 2)",
      from: waiting,
      input: stop("peer-removed"),
      to: "idle",
      effects: ["active -> idle (stop)"],
    },
    { title: "waits before its time (event 9)", from: waiting, input: TIMER, to: "active", effects: [] },
    {
      title: "dials again (event 9), a moment after the first attempt that came to nothing",
      from: waiting,
      input: TIMER,
      at: after(NOW, seconds(0.75)),
      to: "connect",
      effects: ["connect", "active -> connect (connect-retry)"],
    },
    {
      title: "closes what it has given up before (event 16)",
      from: waiting,
      input: connected(1, "outgoing"),
      to: "active",
      effects: ["1: close", "1: idle ended (not-wanted)"],
    },
    {
      title: "sends OPEN to a peer that connects (event 17)",
      from: waiting,
      input: connected(1, "incoming"),
      to: "open-sent",
      effects: ["1: send open", "active -> open-sent (connected)"],
    },
    {
      title: "dials at once when BFD says that the path works",
      from: waiting,
      input: { type: "bfd", status: "up" },
      to: "connect",
      effects: ["connect", "active -> connect (bfd-up)"],
    },
    {
      title: "never dials when it is passive",
      config: PASSIVE,
      from: listening,
      input: TIMER,
      at: after(NOW, seconds(10_000)),
      to: "active",
      effects: [],
    },
    {
      title: "does not dial for BFD either then",
      config: PASSIVE,
      from: listening,
      input: { type: "bfd", status: "up" },
      to: "active",
      effects: [],
    },
    {
      title: "sends OPEN to a peer that connects when it is passive",
      config: PASSIVE,
      from: listening,
      input: connected(1, "incoming"),
      to: "open-sent",
      effects: ["1: send open", "active -> open-sent (connected)"],
    },
  ]);

  it("takes no notice of what is said of connections that it does not have (events 18 to 28)", () => {
    for (const input of MEANINGLESS) {
      assert.deepEqual(step(CONFIG, waiting, input, { now: NOW, jitter: 0 }), {
        state: waiting,
        effects: [],
      });
    }
  });
});
