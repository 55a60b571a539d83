import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, millis, seconds } from "#base/time";
import { DEFAULT_LEASE_TIMES, type LeaseConfig, leaseConfigProblem } from "./config.ts";
import { deadline, initialState, leads, step } from "./machine.ts";
import type { LeaseRecord } from "./record.ts";
import type { Effect, Input, ReadResult, State, WriteResult } from "./state.ts";

const CONFIG: LeaseConfig = { ...DEFAULT_LEASE_TIMES, identity: "a" };
const START = instant(seconds(1_000));

const record = (changes: Partial<LeaseRecord> = {}): LeaseRecord => ({
  resourceVersion: "1",
  holder: "b",
  duration: seconds(15),
  transitions: 4,
  acquireTime: "then",
  ...changes,
});
const found = (changes: Partial<LeaseRecord> = {}): ReadResult => ({
  type: "found",
  record: record(changes),
});
const written = (changes: Partial<LeaseRecord> = {}): WriteResult => ({
  type: "written",
  record: record({ holder: "a", ...changes }),
});

/** A replica whose time the test moves. */
class Replica {
  state: State = initialState(START);
  now: Instant = START;

  input(input: Input): readonly Effect[] {
    const { state, effects } = step(CONFIG, this.state, input, this.now);
    this.state = state;
    return effects;
  }

  timer(): readonly Effect[] {
    return this.input({ type: "timer" });
  }

  read(result: ReadResult): readonly Effect[] {
    return this.input({ type: "read-result", attempt: this.state.attempt, result });
  }

  wrote(result: WriteResult): readonly Effect[] {
    return this.input({ type: "write-result", attempt: this.state.attempt, result });
  }

  pass(duration: Duration): this {
    this.now = after(this.now, duration);
    return this;
  }

  get deadline(): Duration | undefined {
    const due = deadline(CONFIG, this.state);
    return due === undefined ? undefined : ((due - this.now) as Duration);
  }

  get leads(): boolean {
    return leads(this.state, this.now);
  }
}

const types = (effects: readonly Effect[]): string => effects.map(({ type }) => type).join(" ");

/** A replica that has created the Lease; its claim was sent at START, version 1. */
const leader = (): Replica => {
  const replica = new Replica();
  replica.timer();
  replica.read({ type: "absent" });
  assert.equal(types(replica.wrote(written())), "became-leader");
  return replica;
};

describe("a replica that follows", () => {
  it("reads at once, and creates a Lease that is not there", () => {
    const replica = new Replica();
    assert.equal(replica.deadline, 0);
    assert.deepEqual(replica.timer(), [{ type: "read", attempt: 1 }]);
    const claim = { holder: "a", duration: seconds(15), transitions: 0, acquireTime: undefined };
    assert.deepEqual(replica.read({ type: "absent" }), [{ type: "create", attempt: 2, claim }]);
    assert.equal(types(replica.wrote(written())), "became-leader");
    assert.ok(replica.leads);
  });

  it("takes a Lease at once that was released, and counts the change of hands", () => {
    const replica = new Replica();
    replica.timer();
    const claim = { holder: "a", duration: seconds(15), transitions: 5, acquireTime: undefined };
    assert.deepEqual(replica.read(found({ holder: "" })), [
      { type: "update", attempt: 2, resourceVersion: "1", claim },
    ]);
  });

  it("takes up again what already names it, without counting a change", () => {
    const replica = new Replica();
    replica.timer();
    const [effect] = replica.read(found({ holder: "a" }));
    assert.ok(effect?.type === "update");
    assert.deepEqual([effect.claim.transitions, effect.claim.acquireTime], [4, "then"]);
  });

  it("looks for a renewal again and again while it does not come, and takes the Lease once it has stood still for its duration", () => {
    const replica = new Replica();
    replica.timer();
    const seenAt = replica.now;
    for (const expected of [1_800, 200, 200, 400, 800, 1_600, 2_000, 2_000, 2_000, 2_000, 2_000]) {
      assert.deepEqual(replica.read(found()), []);
      assert.equal(replica.deadline, millis(expected));
      assert.equal(types(replica.pass(millis(expected)).timer()), "read");
    }
    assert.equal(replica.now, after(seenAt, seconds(15)));
    assert.equal(types(replica.read(found())), "update");
  });

  it("looks just before a renewal is due and just after it, once it has seen when that is", () => {
    const replica = new Replica();
    replica.timer();
    const renewedAt = (version: number): Instant => after(START, millis(2_000 * version - 1_300));
    const seen: number[] = [];
    let looks = 0;
    for (let version = 0; version < 40; looks += 1) {
      if (replica.now >= renewedAt(version + 1)) version += 1;
      seen.push(replica.now - renewedAt(version));
      replica.read(found({ resourceVersion: `${version}` }));
      replica.pass(replica.deadline ?? assert.fail()).timer();
    }
    const firstSights = seen.slice(-20).filter((age) => age < seconds(1));
    assert.ok(firstSights.length >= 9);
    assert.ok(
      firstSights.every((age) => age <= millis(200)),
      `${firstSights}`,
    );
    assert.ok(looks <= 80, `${looks} looks for 40 renewals`);
  });

  it("does not take it a microsecond earlier", () => {
    const replica = new Replica();
    replica.timer();
    replica.read(found());
    replica.pass(seconds(2)).timer();
    replica.pass((seconds(13) - 1) as Duration);
    assert.deepEqual(replica.read(found()), []);
    assert.equal(replica.deadline, 1);
  });

  it("begins to wait anew whenever the version changes, whatever times are written in it", () => {
    const replica = new Replica();
    replica.timer();
    for (let version = 1; version < 40; version += 1) {
      assert.deepEqual(replica.read(found({ resourceVersion: `${version}` })), []);
      replica.pass(seconds(2)).timer();
    }
    assert.equal(replica.leads, false);
  });

  it("waits for as long as the holder has promised", () => {
    const replica = new Replica();
    replica.timer();
    replica.read(found({ duration: seconds(60) }));
    replica.pass(seconds(2)).timer();
    replica.pass(seconds(57));
    assert.deepEqual(replica.read(found({ duration: seconds(60) })), []);
    replica.pass(seconds(1)).timer();
    assert.equal(types(replica.read(found({ duration: seconds(60) }))), "update");
  });

  it("respects the term of a Lease that was removed meanwhile", () => {
    const replica = new Replica();
    replica.timer();
    replica.read(found());
    replica.pass(seconds(2)).timer();
    assert.deepEqual(replica.read({ type: "absent" }), []);
    while (replica.now < after(START, seconds(15))) {
      replica.pass(replica.deadline ?? assert.fail()).timer();
      if (replica.now < after(START, seconds(15))) assert.deepEqual(replica.read({ type: "absent" }), []);
    }
    assert.equal(replica.now, after(START, seconds(15)));
    assert.equal(types(replica.read({ type: "absent" })), "create");
  });

  it("reads again after a claim that somebody else was faster with", () => {
    const replica = new Replica();
    replica.timer();
    replica.read({ type: "absent" });
    assert.deepEqual(replica.wrote({ type: "conflict" }), []);
    assert.equal(replica.leads, false);
    assert.equal(types(replica.pass(millis(500)).timer()), "read");
  });

  it("does not lead by an answer that comes after the term it would give", () => {
    const replica = new Replica();
    replica.timer();
    replica.read({ type: "absent" });
    assert.deepEqual(replica.pass(seconds(10)).wrote(written()), []);
    assert.equal(replica.leads, false);
  });

  it("asks again when no answer comes, and ignores the one that comes too late", () => {
    const replica = new Replica();
    replica.timer();
    const limit = replica.deadline;
    assert.ok(limit !== undefined);
    assert.deepEqual(replica.pass(limit).timer(), []);
    assert.equal(types(replica.pass(seconds(2)).timer()), "read");
    assert.deepEqual(replica.input({ type: "read-result", attempt: 1, result: { type: "absent" } }), []);
    assert.equal(types(replica.read({ type: "absent" })), "create");
  });

  it("does not believe a write that came back with another holder", () => {
    const replica = new Replica();
    replica.timer();
    replica.read({ type: "absent" });
    assert.deepEqual(replica.wrote(written({ holder: "b" })), []);
    replica.pass(seconds(2)).timer();
    assert.deepEqual(replica.read(found()), []);
  });
});

describe("a replica that leads", () => {
  it("renews every two seconds, counted from when the last renewal was sent, under the version it knows", () => {
    const replica = leader();
    assert.equal(replica.deadline, seconds(2));
    const [effect] = replica.pass(seconds(2)).timer();
    assert.ok(effect?.type === "update");
    assert.deepEqual([effect.resourceVersion, effect.claim.acquireTime], ["1", "then"]);
    assert.deepEqual(replica.pass(millis(300)).wrote(written({ resourceVersion: "2" })), []);
    assert.equal(replica.deadline, millis(1_700));
  });

  it("gives up at the renew deadline, counted from when its last success was sent", () => {
    const replica = leader();
    replica.pass(seconds(2)).timer();
    replica.pass(seconds(1)).wrote({ type: "failed" });
    const lostAt = after(START, seconds(10));
    const lost: Effect[] = [];
    while (replica.leads) {
      const due = replica.deadline;
      assert.ok(due !== undefined && due > 0);
      replica.pass(due);
      const effects = replica.timer();
      lost.push(...effects.filter(({ type }) => type === "lost-leadership"));
      if (types(effects).includes("read")) replica.read({ type: "failed" });
    }
    assert.equal(replica.now, lostAt);
    assert.deepEqual(lost, [{ type: "lost-leadership", reason: "renew-deadline" }]);
  });

  it("does not lead any more when it wakes up after its term, before it has done anything", () => {
    const replica = leader();
    replica.pass((seconds(10) - 1) as Duration);
    assert.ok(replica.leads);
    replica.pass(1 as Duration);
    assert.equal(replica.leads, false);
    assert.equal(types(replica.timer()), "lost-leadership read");
  });

  it("goes on after a lost answer: reads, sees itself, renews under the new version", () => {
    const replica = leader();
    replica.pass(seconds(2)).timer();
    replica.pass(replica.deadline ?? assert.fail()).timer();
    assert.equal(types(replica.pass(seconds(2)).timer()), "read");
    const [effect] = replica.read(found({ holder: "a", resourceVersion: "2" }));
    assert.ok(effect?.type === "update" && effect.resourceVersion === "2");
    assert.deepEqual(replica.wrote(written({ resourceVersion: "3" })), []);
    assert.ok(replica.leads);
  });

  it("steps down at once when the Lease names another, or nobody", () => {
    for (const holder of ["b", ""]) {
      const replica = leader();
      replica.pass(seconds(2)).timer();
      replica.wrote({ type: "conflict" });
      replica.pass(millis(500)).timer();
      const effects = replica.read(found({ holder, resourceVersion: "9" }));
      assert.deepEqual(effects[0], { type: "lost-leadership", reason: "taken" });
      assert.equal(replica.leads, false);
    }
  });

  it("does not take an update that changed nothing for a renewal", () => {
    const replica = leader();
    replica.pass(seconds(2)).timer();
    replica.wrote(written({ resourceVersion: "1" }));
    replica.pass(seconds(8));
    assert.equal(types(replica.timer()), "lost-leadership read");
  });
});

describe("a clean stop", () => {
  it("gives up first and releases then", () => {
    const replica = leader();
    const [lost, release] = replica.pass(seconds(1)).input({ type: "stop" });
    assert.deepEqual(lost, { type: "lost-leadership", reason: "stopped" });
    assert.ok(release?.type === "update");
    assert.deepEqual([release.claim.holder, release.claim.transitions], ["", 4]);
    assert.deepEqual(replica.wrote(written({ holder: "", resourceVersion: "2" })), [{ type: "stopped" }]);
    assert.equal(replica.deadline, undefined);
    assert.deepEqual(replica.timer(), []);
  });

  it("waits for a renewal under way, and releases what came of it", () => {
    const replica = leader();
    replica.pass(seconds(2)).timer();
    assert.equal(types(replica.input({ type: "stop" })), "lost-leadership");
    const [release] = replica.wrote(written({ resourceVersion: "2" }));
    assert.ok(release?.type === "update" && release.resourceVersion === "2" && release.claim.holder === "");
  });

  it("reads when the renewal under way gets no answer, and leaves alone what another holds", () => {
    const replica = leader();
    replica.pass(seconds(2)).timer();
    replica.input({ type: "stop" });
    assert.deepEqual(replica.wrote({ type: "failed" }), []);
    assert.equal(types(replica.pass(millis(500)).timer()), "read");
    assert.equal(types(replica.read(found({ resourceVersion: "5" }))), "stopped");
  });

  it("is over at once for one that follows, and after the renew deadline when nobody answers", () => {
    const follower = new Replica();
    follower.timer();
    assert.equal(types(follower.input({ type: "stop" })), "stopped");
    const replica = leader();
    const stopAt = replica.now;
    replica.input({ type: "stop" });
    assert.deepEqual(replica.input({ type: "stop" }), []);
    let last = "";
    while (replica.deadline !== undefined) last = types(replica.pass(replica.deadline).timer());
    assert.equal(last, "stopped");
    assert.equal(replica.now, after(stopAt, seconds(10)));
  });

  it("never leads by a claim that was under way", () => {
    const replica = new Replica();
    replica.timer();
    replica.read({ type: "absent" });
    assert.deepEqual(replica.input({ type: "stop" }), []);
    const effects = replica.wrote(written());
    assert.equal(types(effects), "update");
    assert.equal(replica.leads, false);
  });
});

describe("leaseConfigProblem", () => {
  it("accepts the defaults", () => assert.equal(leaseConfigProblem(CONFIG), undefined));

  const wrong: readonly (readonly [Partial<LeaseConfig>, RegExp])[] = [
    [{ identity: "" }, /identity/],
    [{ leaseDuration: millis(15_500) }, /whole seconds/],
    [{ leaseDuration: seconds(3_601) }, /above an hour/],
    [{ renewDeadline: seconds(15) }, /below the lease duration/],
    [{ retryPeriod: millis(99) }, /below 100ms/],
    [{ retryPeriod: millis(5_001) }, /fit twice/],
  ];
  for (const [changes, message] of wrong)
    it(`refuses ${JSON.stringify(changes)}`, () =>
      assert.match(leaseConfigProblem({ ...CONFIG, ...changes }) ?? "", message));
});
