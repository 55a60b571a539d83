import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Amnesty, type Member, NO_AMNESTY, pardon } from "./amnesty.ts";
import type { Verdict } from "./machine.ts";

const COUNTERS = {
  attempts: 0,
  failedAttempts: 0,
  successfulRounds: 0,
  failedRounds: 0,
  skippedRounds: 0,
  lateAnswers: 0,
};

const member = (id: string, verdict: Verdict, failedRounds = 0): Member => ({
  id,
  state: { verdict, counters: { ...COUNTERS, failedRounds } },
});

const after = (...steps: readonly (readonly Member[])[]): readonly string[] =>
  [...steps.reduce<Amnesty>((amnesty, members) => pardon(amnesty, members), NO_AMNESTY).keys()].sort();

describe("amnesty", () => {
  it("pardons nobody while one member is healthy", () =>
    assert.deepEqual(after([member("a", "failed", 1), member("b", "healthy")]), []));

  it("pardons nobody while one member has not been heard of", () =>
    assert.deepEqual(after([member("a", "failed", 1), member("b", "unknown")]), []));

  it("pardons all when all have failed", () =>
    assert.deepEqual(after([member("a", "failed", 1), member("b", "failed", 1)]), ["a", "b"]));

  it("keeps the pardon of the others when the first answers again", () =>
    assert.deepEqual(
      after(
        [member("a", "failed", 9), member("b", "failed", 9), member("c", "failed", 8)],
        [member("a", "healthy", 9), member("b", "failed", 9), member("c", "failed", 9)],
      ),
      ["b", "c"],
    ));

  it("ends a pardon with the second round that fails although others answer", () =>
    assert.deepEqual(
      after(
        [member("a", "failed", 9), member("b", "failed", 9)],
        [member("a", "healthy", 9), member("b", "failed", 10)],
        [member("a", "healthy", 9), member("b", "failed", 11)],
      ),
      [],
    ));

  it("ends a pardon when the member answers, and does not renew it when that one fails alone", () =>
    assert.deepEqual(
      after(
        [member("a", "failed", 1), member("b", "failed", 1)],
        [member("a", "healthy", 1), member("b", "healthy", 1)],
        [member("a", "healthy", 1), member("b", "failed", 2)],
      ),
      [],
    ));

  it("has nothing to say about an empty group", () => assert.deepEqual(after([]), []));
});
