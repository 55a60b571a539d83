import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, type Instant, instant, micros, millis, seconds } from "#base/time";
import type { HealthCheckConfig } from "./config.ts";
import { deadline, initialState, type State, step } from "./machine.ts";
import type { ProbeOutcome } from "./probe.ts";
import { gridPoint } from "./schedule.ts";
import { formatWorstCase, worstCase, worstCaseRemoval } from "./worst-case.ts";

const OPERATORS: HealthCheckConfig = {
  probe: { type: "tcp" },
  interval: seconds(2),
  timeout: seconds(3),
  retries: 2,
  retryDelay: seconds(2),
  rise: 1,
  fall: 1,
};

describe("worst-case removal time", () => {
  it("is 13 s for a timeout of 3 s, 2 retries and a delay of 2 s", () => {
    assert.equal(worstCaseRemoval(OPERATORS), seconds(13));
  });

  it("is the timeout alone without retries", () => {
    assert.equal(worstCaseRemoval({ ...OPERATORS, retries: 0 }), seconds(3));
  });

  it("adds whole intervals for every further round", () => {
    const config = { ...OPERATORS, timeout: seconds(1), retries: 0, fall: 3 };
    assert.equal(worstCaseRemoval(config), seconds(2 * 2 + 1));
  });

  it("counts the rounds that start later because a round outlasts the interval", () => {
    assert.deepEqual(worstCase({ ...OPERATORS, fall: 2 }), {
      wait: seconds(2),
      round: seconds(13),
      spacing: seconds(14),
      removal: seconds(14 + 13),
    });
  });

  it("shows its arithmetic", () => {
    assert.equal(
      formatWorstCase(OPERATORS),
      "at most 13s = 3s + 2 x (3s + 2s), after a wait of up to 2s for the next round: 15s in all",
    );
    assert.equal(
      formatWorstCase({ ...OPERATORS, fall: 3 }),
      "at most 41s = 2 x 14s + 13s, a round taking 3s + 2 x (3s + 2s), " +
        "after a wait of up to 2s for the next round: 43s in all",
    );
    assert.equal(
      formatWorstCase({ ...OPERATORS, timeout: millis(500), retries: 0 }),
      "at most 500ms = 500ms, after a wait of up to 2s for the next round: 2.5s in all",
    );
  });
});

/** A backend that answers or fails attempts at random while it lives and answers none once it is dead. */
type Backend = {
  readonly diesAt: Instant;
  /** How long attempt n takes (a fraction of the timeout), and whether a living backend answers it. */
  readonly script: readonly { readonly share: number; readonly ok: boolean }[];
};

/** When the verdict becomes `failed` for good, with the death of a healthy backend; `undefined` if it was not healthy. */
const removalOf = (config: HealthCheckConfig, name: string, backend: Backend): Instant | undefined => {
  let state: State = initialState(config, { name, now: instant(0) });
  let answerAt: Instant | undefined;
  let healthyAtDeath: boolean | undefined;
  for (let events = 0; events < 10_000; events += 1) {
    const now = answerAt ?? deadline(config, state);
    if (now >= backend.diesAt && healthyAtDeath === undefined) healthyAtDeath = state.verdict === "healthy";
    if (healthyAtDeath === false) return undefined;
    if (healthyAtDeath && state.verdict === "failed") return state.since;
    if (answerAt === undefined) {
      const asked = step(config, state, { type: "timer" }, now);
      state = asked.state;
      const share = backend.script[state.attempt % backend.script.length]?.share ?? 1;
      if (asked.effects.length > 0) answerAt = after(now, micros(share * config.timeout));
      continue;
    }
    const ok = backend.script[state.attempt % backend.script.length]?.ok ?? false;
    const took = config.timeout;
    const outcome: ProbeOutcome =
      ok && now < backend.diesAt ? { ok: true, took } : { ok: false, reason: "timeout", detail: "", took };
    state = step(config, state, { type: "probe-result", attempt: state.attempt, outcome }, now).state;
    answerAt = undefined;
  }
  throw new Error("a dead backend was never removed");
};

describe("worst-case removal time, simulated", () => {
  const anyDuration = (maxMillis: number) => fc.integer({ min: 100, max: maxMillis }).map(millis);
  const anyConfig: fc.Arbitrary<HealthCheckConfig> = fc.record({
    probe: fc.constant({ type: "tcp" } as const),
    interval: anyDuration(5_000),
    timeout: anyDuration(5_000),
    retries: fc.integer({ min: 0, max: 4 }),
    retryDelay: anyDuration(3_000),
    rise: fc.integer({ min: 1, max: 4 }),
    fall: fc.integer({ min: 1, max: 4 }),
  });
  const anyBackend: fc.Arbitrary<Backend> = fc.record({
    diesAt: fc.integer({ min: 1, max: 60_000_000 }).map(instant),
    script: fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), ok: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    }),
  });

  it("is never exceeded, however the backend behaved before and after it died", () => {
    let removed = 0;
    fc.assert(
      fc.property(anyConfig, anyBackend, fc.string(), (config, backend, name) => {
        const removedAt = removalOf(config, name, backend);
        if (removedAt === undefined) return;
        removed += 1;
        const { wait, removal } = worstCase(config);
        assert.ok(removedAt - backend.diesAt <= wait + removal);
      }),
      { numRuns: 500 },
    );
    assert.ok(removed > 50, `only ${removed} runs removed anything`);
  });

  it("is reached: a backend that dies right after a success and swallows every attempt takes all of it", () => {
    // Attempt 1 of 200 succeeds at once; the wait is what is then left until the first point of the grid.
    const script = Array.from({ length: 200 }, (_, attempt) => ({
      share: attempt === 1 ? 0 : 1,
      ok: attempt === 1,
    }));
    for (const fall of [1, 3]) {
      const config = { ...OPERATORS, fall };
      const fresh = initialState(config, { name: "web/a", now: instant(0) });
      const first = deadline(config, fresh);
      const second = gridPoint({ interval: config.interval, phase: fresh.gridPhase }, first);
      const removedAt = removalOf(config, "web/a", { diesAt: after(first, micros(1)), script });
      assert.equal(removedAt, after(second, worstCaseRemoval(config)));
    }
  });
});
