import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type Candidate,
  decide,
  describeTry,
  type Memory,
  NOTHING_CHOSEN,
  next,
  type Outcome,
  type Try,
  waitAfter,
} from "./choose.ts";
import { formatEndpoint, parseEndpoint } from "./name.ts";

const candidate = (kind: Candidate["kind"], text: string): Candidate => {
  const endpoint = parseEndpoint(text, { port: 6443 });
  assert.ok(endpoint !== undefined);
  return { kind, endpoint };
};

const VIRTUAL = candidate("virtual", "192.0.2.253");
const [A, B, C] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((text) => candidate("node", text)) as [
  Candidate,
  Candidate,
  Candidate,
];
const ALL = [VIRTUAL, A, B, C];

const GOOD: Outcome = { type: "good" };
const GONE: Outcome = { type: "no-answer", detail: "nothing listens there" };

/** A round in which exactly these are good. */
const round = (good: readonly Candidate[], memory: Memory, candidates = ALL) => {
  const tries: Try[] = [];
  for (;;) {
    const asked = next(candidates, memory, tries);
    if (asked === undefined) return { tries, ...decide(memory, tries) };
    assert.ok(tries.length < candidates.length, "nobody is asked twice");
    tries.push({ candidate: asked, outcome: good.includes(asked) ? GOOD : GONE });
  }
};

const at = (chosen: Candidate, returning = 0): Memory => ({ chosen, returning });
const text = (each: Candidate | undefined): string =>
  each === undefined ? "none" : formatEndpoint(each.endpoint);

describe("a choice", () => {
  it("is the virtual address when it is good, and no node is asked", () => {
    const { choice, tries } = round(ALL, NOTHING_CHOSEN);
    assert.deepEqual([choice, tries.length], [VIRTUAL, 1]);
  });

  it("is the first good node when it is not, at once", () => {
    const { choice, tries } = round([B, C], at(VIRTUAL));
    assert.equal(choice, B);
    assert.deepEqual(
      tries.map((each) => text(each.candidate)),
      [VIRTUAL, A, B].map(text),
    );
  });

  it("stays with a node that is good, whoever stands before it", () => {
    const { choice, tries } = round([A, B], at(B));
    assert.deepEqual([choice, tries.length], [B, 2]);
  });

  it("returns to the virtual address when it was good twice in a row, and not after a blink", () => {
    const once = round([VIRTUAL, B], at(B));
    assert.deepEqual([once.choice, once.memory], [B, at(B, 1)]);
    const blink = round([B], once.memory);
    assert.deepEqual(blink.memory, at(B));
    assert.equal(round([VIRTUAL, B], once.memory).choice, VIRTUAL);
    assert.deepEqual(round([VIRTUAL, B], once.memory).memory, at(VIRTUAL));
  });

  it("is the virtual address after one good answer when no node is left", () => {
    assert.equal(round([VIRTUAL], at(B)).choice, VIRTUAL);
  });

  it("is nothing when nobody is good, and what was chosen is remembered", () => {
    const { choice, memory, tries } = round([], at(B, 1));
    assert.deepEqual([choice, memory, tries.length], [undefined, at(B), 4]);
  });

  it("is always a candidate that was good in this round", () => {
    const some = fc.subarray(ALL);
    fc.assert(
      fc.property(some, some, fc.option(fc.constantFrom(...ALL)), (candidates, good, chosen) => {
        const { choice } = round(good, chosen === null ? NOTHING_CHOSEN : at(chosen, 1), candidates);
        const usable = candidates.filter((each) => good.includes(each));
        assert.equal(choice === undefined, usable.length === 0);
        assert.ok(choice === undefined || usable.includes(choice));
      }),
    );
  });
});

describe("the wait for the next round", () => {
  it("is short while the file does not name the virtual address", () => {
    assert.equal(waitAfter(at(VIRTUAL), VIRTUAL, 10_000), 10_000);
    assert.equal(waitAfter(at(B), B, 10_000), 2_000);
    assert.equal(waitAfter(at(VIRTUAL), undefined, 10_000), 2_000);
    assert.equal(waitAfter(at(B), B, 1_000), 1_000);
  });
});

describe("a try in words", () => {
  it("names the server, what it is, and what came of it", () => {
    assert.equal(
      describeTry({ candidate: A, outcome: GONE }),
      "192.0.2.1:6443 (node): no answer (nothing listens there)",
    );
    assert.match(describeTry({ candidate: VIRTUAL, outcome: { type: "wrong-name", detail: "" } }), /tls fix/);
  });
});
