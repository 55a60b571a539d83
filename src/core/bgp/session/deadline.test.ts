import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import {
  connected,
  inWords,
  KEEPALIVE,
  MOMENT,
  NOW,
  OPEN,
  peerOpen,
  reach,
  START,
  said,
  sessionConfig,
  TIMER,
  UPDATE,
} from "#testing/bgp-session";
import type { SessionConfig } from "./config.ts";
import type { Input } from "./input.ts";
import { deadline, INITIAL, step } from "./machine.ts";
import type { SessionState } from "./state.ts";
import { connectRetryTime, keepaliveTime, nextKeepalive, restTime } from "./timers.ts";

const CONFIG = sessionConfig();
const UP = [START, connected(1, "outgoing"), OPEN(1), KEEPALIVE(1)];
const WRONG = said(1, peerOpen({ asn: 1, capabilities: [] }));
const later = (duration: Duration): Instant => after(NOW, duration);

/** Nothing one microsecond before, something at it. */
const expires = (state: SessionState, at: Instant, effects: readonly string[], config = CONFIG): void => {
  assert.equal(deadline(state), at);
  const early = step(config, state, TIMER, { now: instant(at - 1), jitter: 0 });
  assert.deepEqual(early, { state, effects: [] });
  const due = step(config, state, TIMER, { now: at, jitter: 0 });
  assert.deepEqual(due.effects.map(inWords), effects);
  const next = deadline(due.state);
  assert.ok(next === undefined || next > at, "what was due is not due again");
};

describe("the deadline (RFC 4271 §8.1.3, RFC 4271 §8.2.1)", () => {
  it("does not exist for a session that is stopped, or that waits for the peer", () => {
    assert.equal(deadline(INITIAL), undefined);
    assert.equal(deadline(reach(sessionConfig({ role: "passive" }), START)), undefined);
  });

  it("is the end of the rest after a failure", () => {
    const state = reach(CONFIG, START, connected(1, "outgoing"), WRONG);
    expires(state, later(seconds(0.75)), ["connect", "idle -> connect (rest-over)"]);
  });

  it("is the ConnectRetryTimer's while it dials", () => {
    expires(reach(CONFIG, START), later(seconds(15)), ["abort-connect", "connect"]);
  });

  it("is the next attempt's while it waits, which comes ever later: from a second to the ConnectRetryTimer's time", () => {
    let now = NOW;
    let state = reach(CONFIG, START);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      state = step(CONFIG, state, { type: "connect-failed", reason: "refused" }, { now, jitter: 1 }).state;
      const due = deadline(state) ?? assert.fail("no deadline");
      expires(state, due, ["connect", "active -> connect (connect-retry)"]);
      waits.push((due - now) / 1_000_000);
      now = due;
      state = step(CONFIG, state, TIMER, { now, jitter: 1 }).state;
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 20, 20, 20]);
  });

  it("is near again once a session was established in between", () => {
    const refused: Input = { type: "connect-failed", reason: "refused" };
    const tried = reach(CONFIG, START, refused, { type: "bfd", status: "up" }, refused);
    assert.equal(deadline(tried), later(seconds(1.5)));
    const incoming = [connected(1, "incoming"), OPEN(1)];
    const both = [START, refused, { type: "bfd", status: "up" } as const, refused, ...incoming];
    const closed: Input = { type: "closed", connection: 1, reason: undefined };
    assert.equal(deadline(reach(CONFIG, ...both, closed)), later(seconds(3)));
    const again = reach(CONFIG, ...both, KEEPALIVE(1), closed);
    const rested = step(CONFIG, again, TIMER, { now: later(seconds(1)), jitter: 0 }).state;
    const next = step(CONFIG, rested, refused, { now: later(seconds(1)), jitter: 0 }).state;
    assert.equal(deadline(next), later(seconds(1.75)));
  });

  it("is four minutes after our OPEN, if the peer says nothing (RFC 4271 §8.2.2)", () => {
    const state = reach(CONFIG, START, connected(1, "outgoing"));
    expires(state, later(seconds(240)), [
      "1: send Hold Timer Expired",
      "1: close",
      "1: open-sent ended (hold-timer-expired)",
      "open-sent -> idle (hold-timer-expired)",
    ]);
  });

  it("is the next KEEPALIVE's, from the first one on (§4.4)", () => {
    expires(reach(CONFIG, ...UP.slice(0, 3)), later(seconds(22.5)), ["1: send keepalive"]);
    expires(reach(CONFIG, ...UP), later(seconds(22.5)), ["1: send keepalive"]);
  });

  it("is the hold time's after whatever the peer said last", () => {
    const quiet = sessionConfig({ holdTime: seconds(90), keepaliveTime: seconds(30) });
    for (const input of [
      KEEPALIVE(1),
      said(1, UPDATE),
      said(1, { type: "route-refresh", family: { afi: 1, safi: 1 }, meaning: "request" }),
    ]) {
      const heardAt = later(seconds(60));
      let state = step(quiet, reach(quiet, ...UP), TIMER, { now: heardAt, jitter: 0 }).state;
      state = step(quiet, state, input, { now: heardAt, jitter: 0 }).state;
      for (let due = deadline(state); due !== undefined && due < after(heardAt, seconds(90)); ) {
        state = step(quiet, state, TIMER, { now: due, jitter: 0 }).state;
        due = deadline(state);
      }
      expires(state, after(heardAt, seconds(90)), [
        "1: send Hold Timer Expired",
        "1: close",
        "1: down (hold-timer-expired)",
        "1: established ended (hold-timer-expired)",
        "established -> idle (hold-timer-expired)",
      ]);
    }
  });

  it("is the hold time's after the KEEPALIVE that establishes the session, too", () => {
    const config = sessionConfig({ keepaliveTime: seconds(30), holdTime: seconds(90) });
    const confirmed = reach(config, ...UP.slice(0, 3));
    const heardAt = later(seconds(20));
    const { state } = step(config, confirmed, KEEPALIVE(1), { now: heardAt, jitter: 0 });
    assert.ok(state.type === "running" && state.outgoing.name === "established");
    assert.equal(state.outgoing.holdUntil, after(heardAt, seconds(90)));
  });

  it("does not exist once a session without hold time is established (§4.2)", () => {
    for (const [ours, theirs] of [
      [seconds(0), 90],
      [seconds(90), 0],
    ] as const) {
      const config = sessionConfig({ holdTime: ours });
      const open = said(1, peerOpen({ holdTime: theirs }));
      assert.equal(deadline(reach(config, START, connected(1, "outgoing"), open, KEEPALIVE(1))), undefined);
    }
  });
});

describe("a peer that reads nothing (RFC 9687)", () => {
  const blocked = (since: Instant | undefined): Input => ({ type: "blocked", connection: 1, since });
  const withoutHoldTime = sessionConfig({ holdTime: seconds(0) });
  const CUT_OFF = [
    "1: send Send Hold Timer Expired",
    "1: close",
    "1: down (send-hold-timer-expired)",
    "1: established ended (send-hold-timer-expired)",
    "established -> idle (send-hold-timer-expired)",
  ];
  const until = (config: SessionConfig, open: Input, ...inputs: readonly Input[]): SessionState =>
    reach(config, START, connected(1, "outgoing"), open, KEEPALIVE(1), ...inputs);

  it("is cut off after eight minutes", () => {
    const state = until(withoutHoldTime, OPEN(1), blocked(later(micros(7))));
    expires(state, later(micros(480_000_007)), CUT_OFF, withoutHoldTime);
  });

  it("is cut off after twice a longer hold time, though it still talks", () => {
    const config = sessionConfig({ holdTime: seconds(65_000), keepaliveTime: seconds(20_000) });
    const open = said(1, peerOpen({ holdTime: 65_000 }));
    let state = until(config, open, blocked(NOW));
    const end = later(seconds(130_000));
    for (let due = deadline(state); due !== undefined && due < end; due = deadline(state)) {
      state = step(config, state, TIMER, { now: due, jitter: 0 }).state;
      state = step(config, state, KEEPALIVE(1), { now: due, jitter: 0 }).state;
    }
    expires(state, end, CUT_OFF, config);
  });

  it("is not cut off when something went out meanwhile", () => {
    const moved = until(withoutHoldTime, OPEN(1), blocked(NOW), blocked(later(seconds(479))));
    assert.equal(deadline(moved), later(seconds(479 + 480)));
    const free = until(withoutHoldTime, OPEN(1), blocked(NOW), blocked(undefined));
    assert.equal(deadline(free), undefined);
  });

  it("is remembered from before the session was established", () => {
    const state = reach(
      withoutHoldTime,
      ...[START, connected(1, "outgoing"), blocked(NOW), OPEN(1), KEEPALIVE(1)],
    );
    assert.equal(deadline(state), later(seconds(480)));
  });
});

describe("after a long sleep", () => {
  const morning = later(seconds(36_000));
  const awake = { now: morning, jitter: 0 };

  it("an established session ends once, and nothing else is said", () => {
    const { state, effects } = step(CONFIG, reach(CONFIG, ...UP), TIMER, awake);
    assert.deepEqual(effects.map(inWords), [
      "1: send Hold Timer Expired",
      "1: close",
      "1: down (hold-timer-expired)",
      "1: established ended (hold-timer-expired)",
      "established -> idle (hold-timer-expired)",
    ]);
    assert.deepEqual(step(CONFIG, state, TIMER, awake), { state, effects: [] });
  });

  it("a peer that was heard before the timer is believed, and gets one KEEPALIVE", () => {
    const heard = step(CONFIG, reach(CONFIG, ...UP), KEEPALIVE(1), awake).state;
    const { state, effects } = step(CONFIG, heard, TIMER, awake);
    assert.deepEqual(effects.map(inWords), ["1: send keepalive"]);
    assert.equal(deadline(state), after(morning, seconds(22.5)));
  });

  it("one attempt to connect is made", () => {
    const waiting = reach(CONFIG, START, { type: "connect-failed", reason: "refused" });
    const { state, effects } = step(CONFIG, waiting, TIMER, awake);
    assert.deepEqual(effects.map(inWords), ["connect", "active -> connect (connect-retry)"]);
    assert.deepEqual(step(CONFIG, state, TIMER, awake).effects, []);
  });

  it("two connections that wait for an OPEN end in one step, and an attempt is not made besides", () => {
    const both = reach(CONFIG, START, connected(1, "outgoing"), connected(2, "incoming"));
    const { state, effects } = step(CONFIG, both, TIMER, awake);
    assert.deepEqual(effects.map(inWords), [
      "1: send Hold Timer Expired",
      "1: close",
      "1: open-sent ended (hold-timer-expired)",
      "2: send Hold Timer Expired",
      "2: close",
      "2: open-sent ended (hold-timer-expired)",
      "open-sent -> idle (hold-timer-expired)",
    ]);
    assert.equal(deadline(state), after(morning, seconds(0.75)));
  });
});

describe("times (RFC 4271 §10)", () => {
  const die = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

  it("between attempts are shortened by up to a quarter, and never come down to less than three quarters of a second", () => {
    fc.assert(
      fc.property(die, fc.integer({ min: 0, max: 65_535 }), (jitter, configured) => {
        const time = connectRetryTime(sessionConfig({ connectRetryTime: seconds(configured) }), jitter);
        const full = seconds(Math.max(configured, 1));
        assert.ok(time >= full * 0.75 && time <= full, `${time}`);
      }),
    );
  });

  it("between KEEPALIVEs are a third of the hold time at most, shortened by up to a quarter, but not to less than a second", () => {
    const negotiated = (time: Duration) => ({
      ...({ peerAsn: 1, kind: "external", peerRouterId: CONFIG.routerId } as const),
      ...{ holdTime: micros(3 * time), keepaliveTime: time, hasFourOctetAsn: true, families: [] },
      ...{ hasExtendedNextHop: false, hasRouteRefresh: false, hasEnhancedRouteRefresh: false },
      peerKeepsRoutes: undefined,
    });
    fc.assert(
      fc.property(
        die,
        fc.integer({ min: 0, max: 30_000 }),
        fc.integer({ min: 3, max: 65_535 }),
        (jitter, wanted, holdTime) => {
          const time = keepaliveTime(seconds(wanted), seconds(holdTime));
          assert.ok(time >= 1_000_000 && time <= Math.max(holdTime / 3, 1) * 1_000_000 + 1);
          const next = nextKeepalive(negotiated(time), { due: NOW, now: NOW, jitter });
          assert.ok(next !== undefined);
          assert.ok(next - NOW >= Math.max(time * 0.7499, 1_000_000) && next - NOW <= time + 1);
        },
      ),
    );
    assert.equal(keepaliveTime(seconds(30), seconds(0)), 0);
    assert.equal(keepaliveTime(seconds(10), seconds(90)), 10_000_000);
  });

  it("of KEEPALIVEs do not drift when the timer is late", () => {
    const late = later(seconds(29));
    const { state } = step(CONFIG, reach(CONFIG, ...UP), TIMER, { now: late, jitter: 0 });
    assert.equal(deadline(state), later(seconds(45)));
  });

  it("of rests double from a second to two minutes, and stay there", () => {
    const rests = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000].map((failures) => restTime(failures, 1) / 1_000_000);
    assert.deepEqual(rests, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    assert.equal(restTime(1, 0), 750_000);
  });
});

it("changes nothing before it is due, whatever the state", () => {
  const inputs = [...UP, connected(2, "incoming")];
  for (let count = 1; count <= inputs.length; count += 1) {
    const state = reach(CONFIG, ...inputs.slice(0, count));
    assert.deepEqual(step(CONFIG, state, TIMER, MOMENT), { state, effects: [] });
  }
});
