import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, micros, millis, seconds } from "#base/time";
import type { Standing } from "#core/liveness/standing";
import { around, dead, type EntrySketch, entryOf, ONE, type Sketch, shown, UP } from "#testing/ownership";
import { deadline, reconsider, tick } from "./machine.ts";
import type { Entry, Step, Surroundings } from "./state.ts";

const T0 = instant(100_000_000);
const at = (duration: Duration): Instant => after(T0, duration);

/** What the first thought about a new address at T0 leads to, for this node `b` of the candidates a, b, c. */
const first = (sketch: Sketch, entry: EntrySketch = {}): Step =>
  reconsider(around({ now: T0, ...sketch }), entryOf({ candidates: ["a", "b", "c"], ...entry }));

/** A member of which the API server has said for long that it is not ready. */
const notReady: Standing = { name: "dead", since: at(seconds(-60)), cause: "not-ready" };

/** Moves time to each deadline until `end`, in the same surroundings; gives all effects as text. */
const wait = (
  sketch: Sketch,
  step: Step,
  end: Instant,
): { readonly entry: Entry; readonly said: string[] } => {
  let { entry } = step;
  const said: string[] = [];
  for (;;) {
    const surroundings: Surroundings = around({ now: T0, ...sketch });
    const due = deadline(surroundings.config, entry);
    if (due === undefined || due > end) return { entry, said };
    const early = tick(around({ ...sketch, now: after(due, micros(-1)) }), entry);
    assert.deepEqual(early, { entry, effects: [] }, "a microsecond early nothing happens");
    const next = tick(around({ ...sketch, now: due }), entry);
    for (const line of shown(next.effects)) said.push(`${(due - T0) / 1_000}ms ${line}`);
    entry = next.entry;
  }
};

describe("an address that is not held", () => {
  const rows: readonly (readonly [string, Sketch, EntrySketch, string])[] = [
    ["stays while a better candidate lives", { standings: { a: UP } }, {}, "standby"],
    ["stays while this node cannot carry it", {}, { fitness: "unfit" }, "standby"],
    ["stays while it is not known whether this node can", {}, { fitness: "unknown" }, "standby"],
    ["stays while this node is no candidate", {}, { candidates: ["a", "c"] }, "standby"],
    ["stays while this node leaves", { isLeaving: true }, {}, "standby"],
    ["stays while this node is cut off", { company: "isolated" }, {}, "standby"],
    ["stays while this node does not know whether it is", { company: "doubtful" }, {}, "standby"],
    ["is claimed when nobody better lives", { standings: { a: dead(seconds(-9)) } }, {}, "claiming"],
    ["is claimed by one that only its gateway hears", { company: "alone" }, {}, "claiming"],
  ];
  for (const [what, sketch, entry, state] of rows) {
    it(what, () => assert.equal(first(sketch, entry).entry.state.name, state));
  }

  it("is asked for twice in the time for questions, and then taken", () => {
    const step = first({});
    assert.deepEqual(shown(step.effects), ["standby -> claiming: unheld", "ask all"]);
    assert.deepEqual(wait({}, step, at(seconds(1))).said, [
      "65ms ask all",
      "130ms answer",
      "130ms announce takeover",
      "130ms claiming -> holding: unheld",
    ]);
  });

  it("is asked for as long as a session waits for a peer while this node is new: its holder may stand still for a moment", () => {
    for (const sketch of [
      { settledAt: at(seconds(15)) },
      { standings: { a: notReady }, settledAt: at(seconds(15)) },
    ]) {
      const { said } = wait(sketch, first(sketch), at(seconds(1)));
      assert.deepEqual(said.slice(0, 2), ["125ms ask all", "250ms answer"]);
    }
    const isBack = { memory: { settledAt: at(seconds(15)) } };
    assert.equal(wait({}, first({}, isBack), at(seconds(1))).said[1], "250ms answer");
  });

  it("is asked for no longer than ever by one that is new and has seen the better candidate die", () => {
    const sketch: Sketch = { standings: { a: dead(millis(-5)) }, settledAt: at(seconds(15)) };
    assert.equal(wait(sketch, first(sketch), at(seconds(1))).said[1], "130ms answer");
  });

  it("is taken a hold-off after its holder fell silent, if that does not answer", () => {
    const sketch: Sketch = { standings: { a: dead(millis(-5)) } };
    const step = first(sketch, { memory: { holder: "a" } });
    assert.deepEqual(shown(step.effects), ["standby -> claiming: holder-dead (a)", "ask a"]);
    assert.deepEqual(wait(sketch, step, at(seconds(1))).said, [
      "62.5ms ask all",
      "125ms answer",
      "125ms announce takeover",
      "125ms claiming -> holding: holder-dead (a)",
    ]);
  });

  it("is not taken before the hold-off of each better candidate is over", () => {
    const standings = { a: dead(millis(-1)), holder: dead(millis(-100)) };
    const { said } = wait(
      { standings },
      first({ standings }, { memory: { holder: "holder" } }),
      at(seconds(1)),
    );
    assert.equal(said.at(-1), "129ms claiming -> holding: holder-dead (holder)");
  });

  it("is taken at once from one that leaves", () => {
    const standings = { a: { name: "leaving", since: T0 } } as const;
    for (const holder of ["a", undefined]) {
      const { effects } = first({ standings }, { memory: { holder } });
      assert.deepEqual(shown(effects), [
        "answer",
        "announce takeover",
        "standby -> holding: holder-leaving (a)",
      ]);
    }
  });

  it("is taken from one that says that it holds nothing, once it was asked", () => {
    const sketch: Sketch = { standings: { a: { name: "dead", since: T0, cause: "vacated" } } };
    const step = first(sketch, { memory: { holder: "a" } });
    assert.equal(
      wait(sketch, step, at(seconds(1))).said.at(-1),
      "65ms claiming -> holding: holder-vacated (a)",
    );
  });

  it("is taken from a worse candidate that holds it well once this node is settled, and not before", () => {
    const sketch: Sketch = { standings: { a: dead(seconds(-60)), c: UP }, settledAt: at(seconds(7)) };
    const step = first(sketch, { memory: { holder: "c", holderAt: T0 } });
    assert.deepEqual([step.entry.state.name, shown(step.effects)], ["standby", []]);
    assert.deepEqual(wait(sketch, step, at(seconds(7))).said, [
      "7000ms answer",
      "7000ms announce takeover",
      "7000ms standby -> holding: preferred (c)",
    ]);
  });

  it("is taken from one that no session watches, once this node is settled", () => {
    const sketch: Sketch = { standings: { c: { name: "alive", hearsUs: "unknown" } } };
    const { entry } = first(sketch, { memory: { holder: "c", holderAt: T0 } });
    assert.equal(entry.state.name, "holding");
  });

  it("is taken from one that others pronounce dead, once it was asked", () => {
    const sketch: Sketch = {
      standings: { a: { name: "dead", since: at(seconds(-60)), cause: "not-ready" } },
    };
    const step = first(sketch, { memory: { holder: "a" } });
    assert.equal(
      wait(sketch, step, at(seconds(1))).said.at(-1),
      "130ms claiming -> holding: holder-dead (a)",
    );
  });

  it("is taken at once from one that holds it and is no candidate, for that one gives up soon", () => {
    const sketch: Sketch = { standings: { d: UP }, settledAt: at(seconds(7)) };
    assert.equal(first(sketch, { memory: { holder: "d", holderAt: T0 } }).entry.state.name, "holding");
  });

  it("is not taken from a worse candidate that would not hear of it", () => {
    const sketch: Sketch = { standings: { c: { name: "alive", hearsUs: "no" } } };
    const { entry } = first(sketch, { memory: { holder: "c", holderAt: T0 } });
    assert.deepEqual([entry.state.name, deadline(around({ now: T0 }).config, entry)], ["standby", undefined]);
  });

  it("is asked for anew when a better candidate has died since its holder was heard", () => {
    const sketch: Sketch = { standings: { a: dead(seconds(-1)), c: UP }, settledAt: at(seconds(7)) };
    const { effects } = first(sketch, {
      memory: { holder: "c", holderAt: at(seconds(-2)) },
    });
    assert.equal(shown(effects)[0], "standby -> claiming: unheld");
  });

  it("is asked for anew when its holder was gone since it was heard", () => {
    const sketch: Sketch = { standings: { c: UP }, settledAt: at(seconds(7)), aliveSince: at(seconds(-1)) };
    const heardBefore = first(sketch, { memory: { holder: "c", holderAt: at(seconds(-2)) } });
    assert.equal(shown(heardBefore.effects)[0], "standby -> claiming: unheld");
    const heardSince = first(sketch, { memory: { holder: "c", holderAt: at(seconds(-0.5)) } });
    assert.equal(heardSince.entry.state.name, "standby");
  });

  it("is not claimed any more when a better candidate returns within the hold-off", () => {
    const { entry } = first({ standings: { a: dead(micros(0)) } });
    const { entry: after, effects } = reconsider(
      around({ now: at(millis(50)), standings: { a: UP } }),
      entry,
    );
    assert.deepEqual(
      [after.state.name, shown(effects)],
      ["standby", ["claiming -> standby: preferred-alive (a)"]],
    );
  });

  it("is claimed on though a better candidate returns, where that has often gone and come, until that one is heard to hold it", () => {
    const { entry } = first({ standings: { a: dead(micros(0)) }, settledAt: T0 });
    const now = at(millis(50));
    const returned: Sketch = { standings: { a: UP }, aliveSince: now, unsteady: ["a"] };
    const goesOn = reconsider(around({ ...returned, now }), entry).entry;
    assert.equal(goesOn.state.name, "claiming");
    assert.equal(
      reconsider(around({ ...returned, now: at(millis(130)) }), goesOn).entry.state.name,
      "holding",
    );
    const heard = { ...goesOn, memory: { ...goesOn.memory, holder: "a", holderAt: at(millis(60)) } };
    assert.equal(reconsider(around({ ...returned, now: at(millis(60)) }), heard).entry.state.name, "standby");
  });

  it("is left to others for longer by a node that has often stood still, but for one whose holder has just died", () => {
    const ill: Sketch = { standings: { c: UP }, settledAt: at(seconds(60)), unsteady: ["b"] };
    const claimAt = (sketch: Sketch): number | undefined => {
      const { state } = first(sketch, { candidates: ["a", "b", "c"] }).entry;
      return state.name === "claiming" ? (state.claimAt - T0) / 1_000 : undefined;
    };
    assert.equal(claimAt({ settledAt: at(seconds(60)) }), 250);
    assert.equal(claimAt(ill), 750);
    assert.equal(claimAt({ ...ill, standings: {} }), 250, "there is nobody else");
    assert.equal(claimAt({ ...ill, standings: { a: dead(micros(0)), c: UP } }), 130);
  });

  it("is not claimed later because something else changes meanwhile", () => {
    let { entry } = first({});
    for (let time = 1; time < 130; time += 7)
      entry = reconsider(around({ now: at(millis(time)) }), entry).entry;
    assert.equal(reconsider(around({ now: at(millis(130)) }), entry).entry.state.name, "holding");
  });
});

describe("an address that is held", () => {
  const holding: Entry["state"] = { name: "holding", since: T0, cause: "unheld", disputes: [] };
  const rows: readonly (readonly [string, Sketch, EntrySketch, readonly string[]])[] = [
    ["stays though a better candidate lives", { standings: { a: UP } }, {}, []],
    ["stays while this node asks its gateway", { company: "doubtful" }, {}, []],
    [
      "goes at once when this node is cut off",
      { company: "isolated" },
      {},
      ["silence", "holding -> standby: isolated"],
    ],
    [
      "goes at once when this node cannot carry it",
      {},
      { fitness: "unfit" },
      ["silence", "holding -> standby: unfit"],
    ],
    [
      "goes at once when nobody is to have it",
      {},
      { candidates: [] },
      ["silence", "holding -> standby: placement"],
    ],
    [
      "is handed over when this node leaves",
      { isLeaving: true, standings: { c: UP } },
      {},
      ["holding -> yielding: leaving (c)"],
    ],
    [
      "is handed over when this node is no candidate any more",
      { standings: { c: UP } },
      { candidates: ["a", "c"] },
      ["holding -> yielding: placement (c)"],
    ],
    [
      "goes at once when this node leaves and nobody is left to take it",
      { isLeaving: true },
      {},
      ["silence", "holding -> standby: leaving"],
    ],
  ];
  for (const [what, sketch, entry, effects] of rows) {
    it(what, () => assert.deepEqual(shown(first(sketch, { state: holding, ...entry }).effects), effects));
  }

  it("is answered for until the hand-over has taken too long", () => {
    const sketch: Sketch = { isLeaving: true, standings: { c: UP } };
    const { said } = wait(sketch, first(sketch, { state: holding }), at(seconds(9)));
    assert.deepEqual(said, ["3000ms silence", "3000ms yielding -> standby: hand-over-timeout"]);
  });

  it("is kept when this node stays after all", () => {
    const { entry } = first({ isLeaving: true, standings: { c: UP } }, { state: holding });
    const { effects } = reconsider(around({ now: at(millis(5)) }), entry);
    assert.deepEqual(shown(effects), ["yielding -> holding: kept"]);
  });
});

describe("an address that is taken again and again", () => {
  it("is called flapping, is not taken back meanwhile, and is calm after a while", () => {
    let entry = entryOf({ candidates: ["b", "c"] });
    const said: string[] = [];
    const give = (step: Step) => {
      entry = step.entry;
      said.push(...shown(step.effects).filter((line) => !line.includes("->")));
    };
    const lost: Sketch = { company: "isolated" };
    const left = { name: "leaving", since: T0 } as const;
    for (let turn = 0; turn < 4; turn += 1) {
      const now = at(seconds(turn));
      entry = { ...entry, memory: { ...entry.memory, holder: "c" } };
      give(reconsider(around({ now, standings: { c: left } }), entry));
      give(reconsider(around({ now, ...lost }), entry));
    }
    const turn = ["answer", "announce takeover", "silence"];
    assert.deepEqual(said, [...turn, ...turn, ...turn, "answer", "announce takeover", "flapping", "silence"]);
    assert.equal(ONE, entry.address);

    entry = { ...entry, memory: { ...entry.memory, holder: "c", holderAt: at(seconds(4)) } };
    const well: Sketch = { standings: { c: UP } };
    const { entry: later, said: lines } = wait(
      well,
      reconsider(around({ now: at(seconds(4)), ...well }), entry),
      at(seconds(63)),
    );
    assert.deepEqual(lines, [
      "63000ms calm",
      "63000ms answer",
      "63000ms announce takeover",
      "63000ms standby -> holding: preferred (c)",
    ]);
    assert.equal(later.memory.isFlapping, false);
  });
});
