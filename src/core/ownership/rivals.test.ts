import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { after, type Duration, type Instant, instant, micros, millis, seconds } from "#base/time";
import { around, dead, type EntrySketch, entryOf, type Sketch, shown, UP } from "#testing/ownership";
import { deadline, reconsider, tick } from "./machine.ts";
import { hear, miss, type Speaker } from "./rivals.ts";
import type { Entry, Step } from "./state.ts";

const T0 = instant(100_000_000);
const at = (duration: Duration): Instant => after(T0, duration);
const member = (node: string): Speaker => ({ type: "member", node });
const stranger = (last: string): Speaker => {
  const mac = parseMac(`02:00:00:00:00:${last}`);
  assert.ok(mac !== undefined);
  return { type: "stranger", mac };
};
const HOLDING: Entry["state"] = { name: "holding", since: T0, cause: "unheld", disputes: [] };
const YIELDING: Entry["state"] = { name: "yielding", since: T0, cause: "leaving", until: at(seconds(3)) };
const CLAIMING: Entry["state"] = {
  name: "claiming",
  since: T0,
  cause: "holder-dead",
  claimAt: at(millis(130)),
  askAt: undefined,
};
const held = (sketch: EntrySketch = {}): Entry =>
  entryOf({ candidates: ["a", "b", "c"], state: HOLDING, ...sketch });
const hearAt = (now: Duration, entry: Entry, speaker: Speaker, sketch: Sketch = {}): Step =>
  hear(around({ now: at(now), ...sketch }), entry, speaker);

describe("a member that is heard to hold the address", () => {
  it("makes a holder that is less preferred give way at once", () => {
    const { effects, entry } = hearAt(millis(1), held(), member("a"), { standings: { a: UP } });
    assert.deepEqual(shown(effects), ["silence", "holding -> standby: preferred-announced (a)"]);
    assert.equal(entry.memory.holder, "a");
  });

  it("makes it give way though it is believed dead, and nothing is claimed for a while then", () => {
    const sketch: Sketch = { standings: { a: dead(seconds(-60)) } };
    const { effects, entry } = hearAt(millis(1), held(), member("a"), sketch);
    assert.deepEqual(shown(effects), ["silence", "holding -> standby: preferred-announced (a)"]);
    const { config } = around({ now: T0 });
    assert.equal(deadline(config, entry), at(micros(millis(1) + config.contestRetry)));
    const again = tick(around({ now: at(seconds(3)), ...sketch }), entry);
    assert.deepEqual(shown(again.effects), ["standby -> claiming: holder-dead (a)", "ask a"]);
  });

  it("does not make anybody give way while it leaves: it will hear who follows", () => {
    const sketch: Sketch = { standings: { a: { name: "leaving", since: T0 } } };
    assert.deepEqual(hearAt(millis(1), held(), member("a"), sketch).effects, []);
  });

  it("ends a hand-over", () => {
    const sketch: Sketch = { isLeaving: true, standings: { c: UP } };
    const { effects } = hearAt(millis(1), held({ state: YIELDING }), member("c"), sketch);
    assert.deepEqual(shown(effects), ["silence", "yielding -> standby: handed-over (c)"]);
  });

  it("is asked once more by a holder that defended the address and learns then that it is no candidate any more", () => {
    const standings = { standings: { c: UP } };
    const defended = hearAt(millis(1), held(), member("c"), standings).entry;
    const entry = { ...defended, candidates: ["c", "a"] };
    const { effects } = reconsider(around({ now: at(millis(11)), ...standings }), entry);
    assert.deepEqual(shown(effects), ["holding -> yielding: placement (c)", "ask c"]);
  });

  it("puts a claim off when it is the one that was believed dead, and the claim is tried again", () => {
    const sketch: Sketch = { standings: { a: dead(millis(-5)) } };
    const { effects, entry } = hearAt(millis(50), held({ state: CLAIMING }), member("a"), sketch);
    assert.deepEqual(shown(effects), ["claiming -> standby: contested (a)"]);
    const again = tick(around({ now: at(millis(2_050)), ...sketch }), entry);
    assert.deepEqual(shown(again.effects), ["standby -> claiming: holder-dead (a)", "ask a"]);
  });

  it("puts nothing off any more once it is found alive: when it dies, a hold-off is enough", () => {
    const believedDead: Sketch = { standings: { c: dead(seconds(-60)) } };
    const claiming = held({ state: CLAIMING, memory: { holder: "c" } });
    const put = hearAt(millis(50), claiming, member("c"), believedDead).entry;
    const aliveSince = at(millis(300));
    const lives: Sketch = { standings: { c: UP }, settledAt: at(seconds(15)), aliveSince };
    const asks = reconsider(around({ now: at(millis(300)), ...lives }), put);
    assert.deepEqual(shown(asks.effects), ["standby -> claiming: unheld", "ask c"]);
    const waits = hearAt(millis(301), asks.entry, member("c"), lives).entry;
    assert.deepEqual([waits.state.name, waits.memory.holder], ["standby", "c"]);
    const dies: Sketch = { ...lives, standings: { c: dead(millis(800)) } };
    const { effects, entry } = reconsider(around({ now: at(millis(800)), ...dies }), waits);
    assert.deepEqual(shown(effects), ["standby -> claiming: holder-dead (c)", "ask c"]);
    const { config } = around({ now: T0 });
    assert.ok(entry.state.name === "claiming");
    assert.equal(entry.state.claimAt, at(micros(millis(800) + config.holdOff)));
    // One that stays dead is waited for.
    const still = reconsider(around({ now: at(millis(300)), ...believedDead }), put).entry;
    assert.equal(deadline(config, still), at(micros(millis(50) + config.contestRetry)));
  });

  it("ends a claim on an address that nobody seemed to hold", () => {
    const sketch: Sketch = { standings: { c: UP }, settledAt: at(seconds(9)) };
    const { effects, entry } = hearAt(millis(50), held({ state: CLAIMING }), member("c"), sketch);
    assert.deepEqual(shown(effects), ["claiming -> standby: waiting (c)"]);
    assert.equal(deadline(around({ now: T0 }).config, entry), at(seconds(9)));
  });

  it("is remembered by those that stand by", () => {
    const { entry, effects } = hearAt(millis(1), held({ state: entryOf({}).state }), member("a"), {
      standings: { a: UP },
    });
    assert.deepEqual([entry.memory.holder, entry.memory.holderAt, effects], ["a", at(millis(1)), []]);
  });
});

describe("a rival that is less preferred", () => {
  const alive: Sketch = { standings: { c: UP } };
  const deaf: Sketch = { standings: { c: { name: "alive", hearsUs: "no" } } };

  it("is answered once, and asked a moment later whether it goes on", () => {
    const first = hearAt(millis(0), held(), member("c"), alive);
    assert.deepEqual(shown(first.effects), ["announce defence", "rival c"]);
    const second = hearAt(millis(1), first.entry, member("c"), alive);
    assert.deepEqual(second.effects, []);
    const asks = tick(around({ now: at(millis(150)), ...alive }), second.entry);
    assert.deepEqual(shown(asks.effects), ["ask c"]);
    assert.equal(deadline(around({ now: T0 }).config, asks.entry), undefined);
  });

  it("is given way to if it does not hear us", () => {
    for (const sketch of [deaf, { standings: { c: dead(seconds(-1)) } }]) {
      const { entry } = hearAt(millis(0), held(), member("c"), sketch);
      const { effects, entry: after } = hearAt(millis(100), entry, member("c"), sketch);
      assert.deepEqual(shown(effects), ["silence", "holding -> standby: unheard (c)"]);
      assert.equal(after.memory.holder, "c");
    }
  });

  it("is defended against by the lesser name, and given way to by the greater, when both hear each other", () => {
    const { entry } = hearAt(millis(0), held(), member("c"), alive);
    assert.deepEqual(shown(hearAt(millis(100), entry, member("c"), alive).effects), ["announce defence"]);
    const other: Sketch = { standings: { "a-worse": UP } };
    const lesser = hearAt(millis(0), held(), member("a-worse"), other);
    const { effects } = hearAt(millis(100), lesser.entry, member("a-worse"), other);
    assert.deepEqual(shown(effects), ["silence", "holding -> standby: insisted (a-worse)"]);
  });

  it("is given way to for a time that doubles", () => {
    const other: Sketch = { standings: { "a-worse": UP } };
    let entry = held();
    const restraints: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const now = micros(turn * seconds(100));
      entry = hearAt(now, { ...entry, state: HOLDING }, member("a-worse"), other).entry;
      entry = hearAt(micros(now + millis(100)), entry, member("a-worse"), other).entry;
      restraints.push((entry.memory.restrainedUntil - T0 - now - millis(100)) / 1_000_000);
    }
    assert.deepEqual(restraints, [2, 4, 8, 16, 32, 64, 64, 64]);
  });

  it("is a new rival when it has been quiet for a while", () => {
    const { entry } = hearAt(millis(0), held(), member("c"), deaf);
    assert.deepEqual(shown(hearAt(seconds(5), entry, member("c"), deaf).effects), ["announce defence"]);
  });
});

describe("a holder that lives and does not answer", () => {
  const alive: Sketch = { standings: { a: UP, c: UP } };
  const standby = entryOf({ candidates: ["a", "b", "c"], memory: { holder: "a", holderAt: T0 } });

  it("is passed over once a probe has found nobody, and others are asked first", () => {
    const { effects, entry } = miss(around({ now: T0, ...alive }), standby);
    assert.deepEqual(shown(effects), ["standby -> claiming: unheld", "ask all"]);
    const taken = tick(around({ now: at(millis(130)), ...alive }), entry);
    assert.deepEqual(shown(taken.effects), ["answer", "announce takeover", "claiming -> holding: unheld"]);
  });

  it("is left alone when it answers after all", () => {
    const { entry } = miss(around({ now: T0, ...alive }), standby);
    const heard = hearAt(millis(2), entry, member("a"), alive);
    assert.deepEqual(shown(heard.effects), ["claiming -> standby: preferred-alive (a)"]);
    assert.equal(heard.entry.memory.mute, undefined);
  });

  it("gets the address back when it announces it", () => {
    const holding = held({ memory: { mute: "a" } });
    const { effects, entry } = hearAt(millis(1), holding, member("a"), alive);
    assert.deepEqual(shown(effects), ["silence", "holding -> standby: preferred-announced (a)"]);
    assert.equal(entry.memory.mute, undefined);
  });

  it("concerns only the next one", () => {
    const third = entryOf({ candidates: ["a", "c", "b"] });
    const { effects, entry } = miss(around({ now: T0, ...alive }), third);
    assert.deepEqual([effects, entry.state.name], [[], "standby"]);
    assert.deepEqual(miss(around({ now: T0 }), held()).effects, []);
  });
});

describe("a stranger that claims the address", () => {
  it("is reported once and answered, at most every ten seconds, and nothing is given up", () => {
    const first = hearAt(millis(0), held(), stranger("01"));
    assert.deepEqual(shown(first.effects), ["stranger 02:00:00:00:00:01", "announce defence"]);
    const second = hearAt(micros(9_999_999), first.entry, stranger("01"));
    assert.deepEqual(second.effects, []);
    const third = hearAt(seconds(10), second.entry, stranger("01"));
    assert.deepEqual(shown(third.effects), ["announce defence"]);
  });

  it("is gone when it has said nothing for five minutes, and is reported again when it comes back", () => {
    const first = hearAt(millis(0), held(), stranger("01"));
    const second = hearAt(seconds(100), first.entry, stranger("01"));
    const { config } = around({ now: T0 });
    assert.equal(deadline(config, second.entry), at(seconds(400)));
    const before = tick(around({ now: at(micros(399_999_999)) }), second.entry);
    assert.deepEqual(before.effects, []);
    const gone = tick(around({ now: at(seconds(400)) }), before.entry);
    assert.deepEqual(shown(gone.effects), ["stranger-gone 02:00:00:00:00:01"]);
    assert.equal(deadline(config, gone.entry), undefined);
    const again = hearAt(seconds(401), gone.entry, stranger("01"));
    assert.deepEqual(shown(again.effects), ["stranger 02:00:00:00:00:01", "announce defence"]);
  });

  it("stays while it keeps this node from taking the address, and is gone when nobody has answered", () => {
    const claims: EntrySketch = { candidates: ["b", "c"], state: { ...CLAIMING, cause: "unheld" } };
    const found = hearAt(millis(50), entryOf(claims), stranger("01"));
    const sketch: Sketch = { standings: { c: UP } };
    const again = tick(around({ now: at(seconds(3)), ...sketch }), found.entry);
    assert.deepEqual(shown(again.effects), ["standby -> claiming: unheld", "ask all"]);
    const taken = tick(around({ now: at(seconds(4)), ...sketch }), again.entry);
    assert.deepEqual(shown(taken.effects), [
      "answer",
      "announce takeover",
      "stranger-gone 02:00:00:00:00:01",
      "claiming -> holding: unheld",
    ]);
  });

  it("is still there when it is heard between two claims", () => {
    const found = hearAt(millis(50), held({ state: CLAIMING }), stranger("01"));
    const { entry, effects } = hearAt(seconds(299), found.entry, stranger("01"));
    assert.deepEqual(effects, []);
    assert.equal(entry.memory.stranger?.heardAt, at(seconds(299)));
    assert.equal(hearAt(seconds(299), found.entry, stranger("02")).entry, found.entry);
  });

  it("is no matter of this node any more once it answers for the address no more", () => {
    const heard = hearAt(millis(0), held(), stranger("01"));
    const { effects } = hearAt(millis(1), heard.entry, member("a"), { standings: { a: UP } });
    assert.deepEqual(shown(effects), [
      "silence",
      "stranger-gone 02:00:00:00:00:01",
      "holding -> standby: preferred-announced (a)",
    ]);
  });

  it("goes on while this node hands the address over, or keeps it after all", () => {
    const heard = hearAt(millis(0), held({ state: YIELDING }), stranger("01"));
    assert.deepEqual(shown(heard.effects), ["stranger 02:00:00:00:00:01", "announce defence"]);
    const kept = reconsider(around({ now: at(millis(1)) }), heard.entry);
    assert.deepEqual(shown(kept.effects), ["yielding -> holding: kept"]);
    assert.notEqual(kept.entry.memory.stranger, undefined);
  });

  it("makes no more than a report a second, however many addresses it makes up", () => {
    let entry = held();
    let reports = 0;
    for (let count = 0; count < 1_000; count += 1) {
      const step = hearAt(millis(count * 10), entry, stranger((count % 256).toString(16).padStart(2, "0")));
      entry = step.entry;
      reports += step.effects.filter(({ type }) => type === "stranger").length;
    }
    assert.equal(reports, 10);
  });

  it("puts a claim off", () => {
    const { effects } = hearAt(millis(50), held({ state: CLAIMING }), stranger("01"));
    assert.deepEqual(shown(effects), ["stranger 02:00:00:00:00:01", "claiming -> standby: contested"]);
  });

  it("is none of our business while we do not hold the address", () => {
    const { effects } = hearAt(millis(50), held({ state: entryOf({}).state }), stranger("01"));
    assert.deepEqual(effects, []);
  });
});

describe("several rivals that all defend the address", () => {
  it("are answered once each, however often they say so at the same time, and each is asked later", () => {
    const standings = { standings: { c: UP, d: UP } };
    let entry = held({ candidates: ["b", "c", "d"] });
    const said: string[] = [];
    for (let turn = 0; turn < 50; turn += 1) {
      for (const rival of ["c", "d"]) {
        const step = hearAt(millis(turn), entry, member(rival), standings);
        entry = step.entry;
        said.push(...shown(step.effects));
      }
    }
    assert.deepEqual(said, ["announce defence", "rival c", "announce defence", "rival d"]);
    const asks = tick(around({ now: at(millis(150)), ...standings }), entry);
    assert.deepEqual(shown(asks.effects), ["ask c", "ask d"]);
    assert.equal(deadline(around({ now: T0 }).config, asks.entry), undefined);
  });
});
