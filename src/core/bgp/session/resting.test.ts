import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, seconds } from "#base/time";
import {
  connected,
  KEEPALIVE,
  NOW,
  notified,
  OPEN,
  peerOpen,
  reach,
  START,
  said,
  sessionConfig,
  TIMER,
} from "#testing/bgp-session";
import type { Input } from "./input.ts";
import { deadline, INITIAL, step } from "./machine.ts";
import type { SessionState } from "./state.ts";

const CONFIG = sessionConfig();
const WRONG = said(1, peerOpen({ asn: 1, capabilities: [] }));

/** How long it rests, with a die that shows its most, when the same goes wrong time after time. */
const rests = (count: number, went: (start: Instant) => readonly [Input, Instant][]): readonly number[] => {
  const found: number[] = [];
  let now = NOW;
  let { state } = step(CONFIG, INITIAL, START, { now, jitter: 1 });
  for (let turn = 0; turn < count; turn += 1) {
    for (const [input, at] of went(now)) {
      state = step(CONFIG, state, input, { now: at, jitter: 1 }).state;
      now = at;
    }
    const until = deadline(state);
    assert.ok(state.type === "resting" && until !== undefined);
    found.push((until - now) / 1_000_000);
    now = until;
    state = step(CONFIG, state, TIMER, { now, jitter: 1 }).state;
  }
  return found;
};

/** Established for so long, then told to go. */
const session =
  (lived: Duration) =>
  (start: Instant): readonly [Input, Instant][] => {
    const steps: [Input, Instant][] = [
      [connected(1, "outgoing"), start],
      [OPEN(1), start],
      [KEEPALIVE(1), start],
    ];
    let at = start;
    for (; at < start + lived - 60_000_000; at = after(at, seconds(60))) steps.push([KEEPALIVE(1), at]);
    return [...steps, [notified(1, 6, 4), after(start, lived)]];
  };

describe("the rest after a failure", () => {
  it("doubles from one second to two minutes while the peer is wrongly configured, whoever says so", () => {
    const expected = [1, 2, 4, 8, 16, 32, 64, 120, 120];
    for (const last of [WRONG, notified(1, 2, 2)]) {
      const found = rests(9, (start) => [
        [connected(1, "outgoing"), start],
        [last, start],
      ]);
      assert.deepEqual(found, expected);
    }
  });

  it("doubles while sessions do not last two minutes, or two hold times", () => {
    assert.deepEqual(rests(4, session(seconds(179))), [1, 2, 4, 8]);
  });

  it("is short after a session that lived", () => {
    assert.deepEqual(rests(4, session(seconds(180))), [1, 1, 1, 1]);
    let turn = 0;
    const found = rests(5, (start) => {
      turn += 1;
      return turn === 4
        ? session(seconds(1_000))(start)
        : [
            [connected(1, "outgoing"), start],
            [WRONG, start],
          ];
    });
    assert.deepEqual(found, [1, 2, 4, 1, 2]);
  });

  it("stays short where BFD ended the session, which says itself when the next attempt is worth it", () => {
    const cut = (start: Instant): readonly [Input, Instant][] => [
      [{ type: "bfd", status: "up" }, start],
      [connected(1, "outgoing"), start],
      [OPEN(1), start],
      [KEEPALIVE(1), start],
      [{ type: "bfd", status: "down" }, start],
    ];
    assert.deepEqual(rests(4, cut), [1, 1, 1, 1]);
    const told = (start: Instant): readonly [Input, Instant][] => [
      [connected(1, "outgoing"), start],
      [OPEN(1), start],
      [KEEPALIVE(1), start],
      [notified(1, 6, 10), start],
    ];
    assert.deepEqual(rests(4, told), [1, 1, 1, 1]);
  });

  it("is short again after the operator's stop and start", () => {
    const failed = [connected(1, "outgoing"), WRONG];
    const state = reach(CONFIG, START, ...failed, { type: "stop", reason: "reset" }, START, ...failed);
    assert.equal(deadline(state), after(NOW, seconds(0.75)));
  });

  it("is not taken while another connection is there, and not counted", () => {
    const both = reach(CONFIG, START, connected(1, "outgoing"), connected(2, "incoming"));
    const left = step(CONFIG, both, WRONG, { now: NOW, jitter: 0 }).state;
    assert.ok(left.type === "running" && left.history.failures === 0);
    assert.equal(left.incoming?.id, 2);
    const established = reach(CONFIG, START, connected(2, "incoming"), OPEN(2), KEEPALIVE(2));
    assert.equal(established.type === "running" ? established.outgoing.name : "", "none");
  });

  it("is not taken when nothing is wrong: a collision, a Cease, a connection that was closed", () => {
    const open = [START, connected(1, "outgoing")];
    const reached: readonly SessionState[] = [
      reach(CONFIG, ...open, { type: "closed", connection: 1, reason: undefined }),
      reach(CONFIG, ...open, notified(1, 6, 7)),
      reach(CONFIG, ...open, OPEN(1), notified(1, 6, 5)),
    ];
    for (const state of reached) {
      assert.ok(state.type === "running" && state.outgoing.name === "active");
      assert.equal(deadline(state), after(NOW, seconds(0.75)));
    }
  });
});
