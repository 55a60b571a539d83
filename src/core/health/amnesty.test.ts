import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, seconds } from "#base/time";
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

const at = (second: number): Instant => after(instant(0), seconds(second));

const member = (id: string, verdict: Verdict, failedRounds = 0, since = 0): Member => ({
  id,
  state: {
    verdict,
    since: at(since),
    counters: { ...COUNTERS, failedRounds, successfulRounds: verdict === "healthy" ? 1 : 0 },
  },
});

const pardoned = (...steps: readonly (readonly Member[])[]): readonly string[] =>
  [...steps.reduce<Amnesty>((amnesty, members) => pardon(amnesty, members), NO_AMNESTY).keys()].sort();

describe("amnesty", () => {
  it("pardons nobody while one member is healthy", () =>
    assert.deepEqual(pardoned([member("a", "failed", 1), member("b", "healthy")]), []));

  it("pardons nobody while one member has not been heard of", () =>
    assert.deepEqual(pardoned([member("a", "failed", 1), member("b", "unknown")]), []));

  it("pardons all when all have failed", () =>
    assert.deepEqual(pardoned([member("a", "failed", 1), member("b", "failed", 1)]), ["a", "b"]));

  it("keeps the pardon of the others when the first answers again", () =>
    assert.deepEqual(
      pardoned(
        [member("a", "failed", 9), member("b", "failed", 9), member("c", "failed", 8)],
        [member("a", "healthy", 9), member("b", "failed", 9), member("c", "failed", 9)],
      ),
      ["b", "c"],
    ));

  it("ends a pardon with the second round that fails although others answer", () =>
    assert.deepEqual(
      pardoned(
        [member("a", "failed", 9), member("b", "failed", 9)],
        [member("a", "healthy", 9), member("b", "failed", 10)],
        [member("a", "healthy", 9), member("b", "failed", 11)],
      ),
      [],
    ));

  it("ends a pardon when the member answers, and does not renew it when that one fails alone", () =>
    assert.deepEqual(
      pardoned(
        [member("a", "failed", 1), member("b", "failed", 1)],
        [member("a", "healthy", 1), member("b", "healthy", 1)],
        [member("a", "healthy", 1), member("b", "failed", 2)],
      ),
      [],
    ));

  it("has nothing to say about an empty group", () => assert.deepEqual(pardoned([]), []));

  describe("of an edge that is cut off", () => {
    const CUT = at(100);
    const cut = (...members: readonly Member[]): Amnesty => pardon(NO_AMNESTY, members, CUT);
    const names = (amnesty: Amnesty): readonly string[] => [...amnesty.keys()].sort();
    const round = (each: Member, change: Partial<typeof COUNTERS>, verdict?: Verdict): Member => ({
      id: each.id,
      state: {
        ...each.state,
        verdict: verdict ?? each.state.verdict,
        counters: { ...each.state.counters, ...change },
      },
    });

    it("pardons whoever fails, but not who had failed well before", () => {
      assert.deepEqual(
        names(cut(member("a", "healthy", 0, 1), member("b", "failed", 1, 95), member("c", "failed", 9, 89))),
        ["a", "b"],
      );
    });

    it("pardons the failure of a round that began before it was connected again, and not that of the next", () => {
      const healthy = member("a", "healthy", 4, 1);
      const during = cut(healthy, member("b", "healthy"));
      const once = [round(healthy, { failedRounds: 5 }, "failed"), member("b", "healthy")];
      const connected = pardon(during, once);
      assert.deepEqual(names(connected), ["a", "b"]);
      assert.deepEqual(
        names(pardon(connected, [round(healthy, { failedRounds: 6 }, "failed"), member("b", "healthy")])),
        ["b"],
      );
    });

    it("pardons nothing any more once a healthy one has answered", () => {
      const healthy = member("a", "healthy", 4, 1);
      const during = cut(healthy, member("b", "healthy"));
      const answered = [round(healthy, { successfulRounds: 2 }), member("b", "healthy")];
      const connected = pardon(during, answered);
      assert.deepEqual(names(connected), ["b"]);
    });

    it("keeps the pardon of a failed one that answers until it counts as healthy", () => {
      const failed = member("a", "failed", 4, 99);
      const during = cut(failed, member("b", "healthy"));
      const answered = [round(failed, { successfulRounds: 1 }), member("b", "healthy")];
      assert.deepEqual(names(pardon(during, answered)), ["a", "b"]);
    });
  });
});
