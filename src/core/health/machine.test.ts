import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, micros, millis, seconds } from "#base/time";
import type { HealthCheckConfig } from "./config.ts";
import {
  ANSWER_GRACE,
  deadline,
  type Failing,
  initialState,
  isAvailable,
  type Phase,
  type State,
  step,
  type Verdict,
} from "./machine.ts";
import { observe, observeNote, observeSilence } from "./observe.ts";
import type { ProbeFailure, ProbeOutcome } from "./probe.ts";

const CONFIG: HealthCheckConfig = {
  probe: { type: "tcp" },
  interval: seconds(2),
  timeout: seconds(3),
  retries: 0,
  retryDelay: seconds(2),
  rise: 2,
  fall: 3,
};

const START = instant(1_000_000_000);
const OK: ProbeOutcome = { ok: true, took: millis(4) };
const bad = (reason: ProbeFailure = "refused"): ProbeOutcome => ({
  ok: false,
  reason,
  detail: `because of ${reason}`,
  took: millis(4),
});

const fresh = (config = CONFIG): State => initialState(config, { name: "web/node-1", now: START });

/** Lets the subject reach its next attempt and answers it one millisecond later. */
const answerNext = (config: HealthCheckConfig, state: State, outcome: ProbeOutcome): State => {
  const due = deadline(config, state);
  const asked = step(config, state, { type: "timer" }, due);
  assert.equal(asked.effects.length, 1);
  const attempt = asked.state.attempt;
  return step(config, asked.state, { type: "probe-result", attempt, outcome }, after(due, millis(1))).state;
};

const answerAll = (config: HealthCheckConfig, state: State, outcomes: readonly ProbeOutcome[]): State =>
  outcomes.reduce((current, outcome) => answerNext(config, current, outcome), state);

const asPhase = <Name extends Phase["name"]>(state: State, name: Name): Extract<Phase, { name: Name }> => {
  const { phase } = state;
  const matches = (candidate: Phase): candidate is Extract<Phase, { name: Name }> => candidate.name === name;
  if (!matches(phase)) throw new Error(`expected ${name}, got ${phase.name}`);
  return phase;
};

describe("verdict", () => {
  const F = bad();
  const rows: readonly { answers: readonly ProbeOutcome[]; verdict: Verdict; says: string }[] = [
    { answers: [], verdict: "unknown", says: "is unknown before the first answer" },
    { answers: [OK], verdict: "healthy", says: "is healthy after the first success, whatever rise is" },
    { answers: [F], verdict: "failed", says: "is failed after the first failed round, whatever fall is" },
    { answers: [OK, F, F], verdict: "healthy", says: "stays healthy one failed round before fall" },
    { answers: [OK, F, F, F], verdict: "failed", says: "fails at the fall-th failed round in a row" },
    { answers: [OK, F, F, OK, F, F], verdict: "healthy", says: "counts failed rounds anew after a success" },
    { answers: [F, OK], verdict: "failed", says: "stays failed one success before rise" },
    { answers: [F, OK, OK], verdict: "healthy", says: "recovers at the rise-th success in a row" },
    { answers: [F, OK, F, OK], verdict: "failed", says: "counts successes anew after a failed round" },
    {
      answers: [OK, F, F, bad("overloaded")],
      verdict: "healthy",
      says: "takes a skipped round for no failure",
    },
    {
      answers: [OK, F, F, bad("overloaded"), F],
      verdict: "failed",
      says: "keeps the count over a skipped round",
    },
    {
      answers: [bad("overloaded")],
      verdict: "unknown",
      says: "stays unknown when the first round was skipped",
    },
  ];
  for (const { answers, verdict, says } of rows) {
    it(says, () => {
      const state = answerAll(CONFIG, fresh(), answers);
      assert.equal(state.verdict, verdict);
      assert.equal(isAvailable(state), verdict === "healthy");
    });
  }
});

describe("a failure", () => {
  const [NO, SILENT] = [bad("status"), bad("timeout")];
  const rows: readonly { answers: readonly ProbeOutcome[]; failing: Failing | undefined; says: string }[] = [
    { answers: [OK, NO, NO], failing: undefined, says: "is none before the verdict" },
    { answers: [OK, NO, NO, NO], failing: "says-no", says: "is a no by status" },
    { answers: [OK, bad(), bad(), bad()], failing: "says-no", says: "is a no by the kernel of its host" },
    { answers: [OK, SILENT, SILENT, SILENT], failing: "silent", says: "is silence when nobody answers" },
    {
      answers: [OK, NO, SILENT, SILENT],
      failing: "says-no",
      says: "is no silence before it lasts fall rounds",
    },
    {
      answers: [OK, NO, NO, NO, SILENT, SILENT],
      failing: "says-no",
      says: "stays a no one round before fall",
    },
    {
      answers: [OK, NO, NO, NO, SILENT, SILENT, SILENT],
      failing: "silent",
      says: "becomes silence at the fall-th silent round in a row",
    },
    {
      answers: [OK, NO, NO, NO, SILENT, SILENT, NO, SILENT, SILENT],
      failing: "says-no",
      says: "counts silent rounds anew after a no",
    },
    {
      answers: [OK, NO, NO, NO, SILENT, SILENT, OK, SILENT, SILENT],
      failing: "says-no",
      says: "counts silent rounds anew after a success",
    },
    {
      answers: [OK, SILENT, SILENT, SILENT, NO, NO],
      failing: "silent",
      says: "stays silence when its host is started again: what it had is gone",
    },
    { answers: [OK, SILENT, SILENT, SILENT, OK, OK], failing: undefined, says: "is forgotten with health" },
    {
      answers: [OK, SILENT, SILENT, SILENT, OK, OK, NO, NO, NO],
      failing: "says-no",
      says: "is judged anew after health",
    },
    { answers: [SILENT], failing: "silent", says: "of the first round is what that round was" },
    {
      answers: [NO, SILENT, SILENT],
      failing: "says-no",
      says: "of the first round is held to fall afterwards",
    },
    {
      answers: [OK, bad("tls"), bad("tls"), bad("tls")],
      failing: "silent",
      says: "is no answer of a stranger",
    },
    { answers: [OK, ...Array(3).fill(bad("exit"))], failing: "silent", says: "of a script tells nothing" },
    {
      answers: [OK, SILENT, SILENT, bad("overloaded"), SILENT],
      failing: "silent",
      says: "is not interrupted by a skipped round",
    },
  ];
  for (const { answers, failing, says } of rows)
    it(says, () => assert.equal(answerAll(CONFIG, fresh(), answers).failing, failing));

  it("is a no when one attempt of the round was answered, whichever", () => {
    const retrying = { ...CONFIG, retries: 2, fall: 1 };
    const healthy = answerNext(retrying, fresh(retrying), OK);
    const after3 = (...outcomes: readonly ProbeOutcome[]) => answerAll(retrying, healthy, outcomes).failing;
    assert.equal(after3(SILENT, NO, SILENT), "says-no");
    assert.equal(after3(NO, SILENT, SILENT), "says-no");
    assert.equal(after3(SILENT, SILENT, bad("reset")), "says-no");
    assert.equal(after3(SILENT, SILENT, SILENT), "silent");
    assert.equal(after3(NO, NO, NO, SILENT, SILENT, SILENT), "silent");
  });

  it("is kept under another configuration", () => {
    const failed = answerAll(CONFIG, fresh(), [OK, NO, NO, NO, SILENT, SILENT]);
    const carried = initialState(CONFIG, { name: "web/node-1", now: START, carried: failed });
    assert.deepEqual([carried.failing, carried.silentRounds], ["says-no", 0]);
  });
});

describe("round", () => {
  const retrying = { ...CONFIG, retries: 2, fall: 1 };

  it("asks again after the retry delay and keeps the verdict until the retries are used up", () => {
    const healthy = answerNext(retrying, fresh(retrying), OK);
    const once = answerNext(retrying, healthy, bad());
    const overAt = asPhase(once, "pausing").attemptAt - retrying.retryDelay;
    assert.equal(overAt, asPhase(healthy, "waiting").roundAt + millis(1));
    const twice = answerNext(retrying, once, bad("timeout"));
    assert.equal(asPhase(twice, "pausing").retriesLeft, 0);
    assert.equal(twice.verdict, "healthy");
    const thrice = answerNext(retrying, twice, bad("reset"));
    assert.equal(thrice.verdict, "failed");
    assert.equal(thrice.lastFailure?.reason, "reset");
    assert.deepEqual(thrice.counters, {
      attempts: 4,
      failedAttempts: 3,
      successfulRounds: 1,
      failedRounds: 1,
      skippedRounds: 0,
      lateAnswers: 0,
    });
  });

  it("is a success when any of its attempts is", () => {
    const healthy = answerNext(retrying, fresh(retrying), OK);
    const state = answerAll(retrying, healthy, [bad(), bad(), OK]);
    assert.equal(state.verdict, "healthy");
    assert.equal(state.counters.successfulRounds, 2);
    assert.equal(state.counters.failedRounds, 0);
  });

  it("does not let a late timeout answer push back the next attempt", () => {
    const asked = step(retrying, fresh(retrying), { type: "timer" }, deadline(retrying, fresh(retrying)));
    const { since } = asPhase(asked.state, "asking");
    const late = after(after(since, retrying.timeout), millis(7));
    const paused = step(
      retrying,
      asked.state,
      { type: "probe-result", attempt: 1, outcome: bad("timeout") },
      late,
    );
    assert.equal(asPhase(paused.state, "pausing").attemptAt, since + retrying.timeout + retrying.retryDelay);
  });

  it("ignores and counts the answer to an attempt it no longer waits for", () => {
    const once = answerNext(retrying, fresh(retrying), bad());
    const again = step(retrying, once, { type: "timer" }, deadline(retrying, once)).state;
    const late = step(retrying, again, { type: "probe-result", attempt: 1, outcome: OK }, START);
    assert.equal(late.state.counters.lateAnswers, 1);
    assert.deepEqual({ ...late.state, counters: again.counters }, again);
    assert.deepEqual(late.effects, []);
  });

  it("ignores a second answer to the same attempt", () => {
    const once = answerNext(CONFIG, fresh(), bad());
    const twice = step(CONFIG, once, { type: "probe-result", attempt: 1, outcome: OK }, START).state;
    assert.equal(twice.verdict, "failed");
    assert.equal(twice.counters.lateAnswers, 1);
  });

  it("refuses an answer to an attempt that was never made, which is our own mistake", () => {
    assert.throws(() => step(CONFIG, fresh(), { type: "probe-result", attempt: 1, outcome: OK }, START));
  });
});

describe("deadline", () => {
  /** The state just before and at its deadline: nothing may happen before, something must happen then. */
  const fires = (config: HealthCheckConfig, state: State): State => {
    const due = deadline(config, state);
    const before = step(config, state, { type: "timer" }, after(due, micros(-1)));
    assert.equal(before.state, state);
    assert.deepEqual(before.effects, []);
    const at = step(config, state, { type: "timer" }, due);
    assert.notDeepEqual(at.state, state);
    return at.state;
  };

  it("starts a round when it is due and not a microsecond before", () => {
    assert.equal(fires(CONFIG, fresh()).phase.name, "asking");
  });

  it("starts a further attempt when its pause is over and not a microsecond before", () => {
    const retrying = { ...CONFIG, retries: 1 };
    assert.equal(fires(retrying, answerNext(retrying, fresh(retrying), bad())).phase.name, "asking");
  });

  it("gives up on a silent prober after the timeout and the grace and not a microsecond before", () => {
    const asked = step(CONFIG, fresh(), { type: "timer" }, deadline(CONFIG, fresh())).state;
    assert.equal(deadline(CONFIG, asked), asPhase(asked, "asking").since + CONFIG.timeout + ANSWER_GRACE);
    const state = fires(CONFIG, asked);
    assert.equal(state.verdict, "failed");
    assert.equal(state.lastFailure?.reason, "unanswered");
  });

  const roundAt = (state: State): Instant => asPhase(state, "waiting").roundAt;

  it("keeps rounds on the grid although timers and answers are late", () => {
    let state = answerNext(CONFIG, fresh(), OK);
    const first = roundAt(state);
    for (let round = 1; round <= 5; round += 1) {
      const late = after(roundAt(state), millis(300));
      const asked = step(CONFIG, state, { type: "timer" }, late).state;
      const answer = { type: "probe-result", attempt: asked.attempt, outcome: OK } as const;
      state = step(CONFIG, asked, answer, after(late, millis(40))).state;
      assert.equal(roundAt(state), first + round * CONFIG.interval);
    }
  });

  it("skips the grid points that passed while the program slept", () => {
    const state = answerNext(CONFIG, fresh(), OK);
    const woken = after(roundAt(state), seconds(61));
    const asked = step(CONFIG, state, { type: "timer" }, woken).state;
    const answer = { type: "probe-result", attempt: asked.attempt, outcome: OK } as const;
    assert.equal(roundAt(step(CONFIG, asked, answer, woken).state), roundAt(state) + seconds(62));
  });

  it("never starts two rounds at one grid point, even when the answer takes no time", () => {
    const state = answerNext(CONFIG, fresh(), OK);
    const due = roundAt(state);
    const asked = step(CONFIG, state, { type: "timer" }, due).state;
    const answer = { type: "probe-result", attempt: asked.attempt, outcome: OK } as const;
    assert.equal(roundAt(step(CONFIG, asked, answer, due).state), due + CONFIG.interval);
  });
});

describe("a changed configuration", () => {
  it("keeps the verdict, its age and the totals, and starts counting against it anew", () => {
    const before = answerAll(CONFIG, fresh(), [OK, bad(), bad()]);
    const slower = { ...CONFIG, interval: seconds(10) };
    const now = after(START, seconds(60));
    const carried = initialState(slower, { name: "web/node-1", now, carried: before });
    assert.equal(carried.verdict, "healthy");
    assert.equal(carried.since, before.since);
    assert.deepEqual(carried.counters, before.counters);
    assert.equal(carried.against, 0);
    const wait = deadline(slower, carried) - now;
    assert.ok(wait >= 0 && wait < slower.interval);
  });

  it("does not mistake an answer from before it for one to a later attempt", () => {
    const asked = step(CONFIG, fresh(), { type: "timer" }, deadline(CONFIG, fresh())).state;
    const carried = initialState(CONFIG, { name: "web/node-1", now: START, carried: asked });
    const again = step(CONFIG, carried, { type: "timer" }, deadline(CONFIG, carried)).state;
    const late = step(CONFIG, again, { type: "probe-result", attempt: 1, outcome: OK }, START).state;
    assert.equal(late.verdict, "unknown");
    assert.equal(late.counters.lateAnswers, 1);
  });
});

describe("observation", () => {
  it("says nothing while the verdict holds", () => {
    const state = answerNext(CONFIG, fresh(), OK);
    assert.equal(observe(state, answerNext(CONFIG, state, bad())), undefined);
  });

  it("names cause, age of the former verdict and the attempt that decided a failure", () => {
    const healthy = answerNext(CONFIG, fresh(), OK);
    const almost = answerAll(CONFIG, healthy, [bad(), bad()]);
    const failed = answerNext(CONFIG, almost, bad("status"));
    assert.deepEqual(observe(almost, failed), {
      from: "healthy",
      to: "failed",
      cause: "fall",
      at: failed.since,
      held: failed.since - healthy.since,
      failure: { reason: "status", detail: "because of status" },
    });
  });

  it("carries what a success did not show until one comes that shows it", () => {
    const mute: ProbeOutcome = { ok: true, took: millis(4), note: "status 401" };
    const unknown = fresh();
    const healthy = answerNext(CONFIG, unknown, mute);
    assert.equal(observe(unknown, healthy)?.note, "status 401");
    const failed = answerAll(CONFIG, healthy, [bad(), bad(), bad()]);
    assert.equal(observe(healthy, failed)?.note, undefined);
    const telling = answerNext(CONFIG, healthy, OK);
    assert.equal(observe(healthy, telling), undefined);
    assert.deepEqual(observeNote(healthy, telling), { note: undefined });
    assert.equal(observeNote(telling, answerNext(CONFIG, telling, OK)), undefined);
    assert.deepEqual(observeNote(telling, answerNext(CONFIG, telling, mute)), { note: "status 401" });
    assert.equal(observeNote(unknown, healthy), undefined, "it comes with the verdict");
    const recovered = answerAll(CONFIG, failed, [mute, OK]);
    assert.equal(recovered.verdict, "healthy");
    assert.equal(observe(failed, recovered)?.note, undefined);
  });

  it("names the other causes without a failure where there is none", () => {
    const unknown = fresh();
    const healthy = answerNext(CONFIG, unknown, OK);
    const failed = answerNext(CONFIG, unknown, bad());
    const recovering = answerNext(CONFIG, failed, OK);
    const causes = [
      observe(unknown, healthy),
      observe(unknown, failed),
      observe(recovering, answerNext(CONFIG, recovering, OK)),
    ].map((transition) => [transition?.cause, transition?.failure?.reason]);
    assert.deepEqual(causes, [
      ["first-success", undefined],
      ["first-failure", "refused"],
      ["rise", undefined],
    ]);
  });
});

describe("the observation of silence", () => {
  it("is made once, of one that had failed and said no", () => {
    const retrying = { ...CONFIG, retries: 0, fall: 1 };
    let state = fresh(retrying);
    const seen = [OK, bad(), bad(), bad("timeout"), bad("timeout"), OK].map((outcome) => {
      const before = state;
      state = answerNext(retrying, before, outcome);
      return observeSilence(before, state)?.reason;
    });
    assert.deepEqual(seen, [undefined, undefined, undefined, "timeout", undefined, undefined]);
  });
});
