import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import type { PlacementWord } from "../fast/desired.ts";
import { Knowledge } from "./knowledge.ts";

const [A, B, C] = [address("192.0.2.10"), address("192.0.2.11"), address("192.0.2.12")];
const word = (of: PlacementWord["address"], ...candidates: readonly string[]): PlacementWord => ({
  ...{ address: of, candidates, interfaces: "all" },
});
const known = (knowledge: Knowledge): readonly string[] =>
  [...knowledge.placements()].map((each) => each.address);

describe("what is known of the cluster", () => {
  it("changes with what is told, and not with what is told again", () => {
    const knowledge = new Knowledge();
    const first = [word(A, "one"), word(B, "two")];
    assert.deepEqual(knowledge.place({ changed: first, removed: [] }), { changed: first, removed: [] });
    const news = [word(A, "one"), word(B, "one")];
    assert.deepEqual(knowledge.place({ changed: news, removed: [C] }), {
      ...{ changed: [word(B, "one")], removed: [] },
    });
    assert.deepEqual(knowledge.place({ changed: [], removed: [A] }), { changed: [], removed: [A] });
    assert.deepEqual(known(knowledge), [B]);
  });

  it("is without what a new agent has not told once it says that this was all", () => {
    const knowledge = new Knowledge();
    knowledge.place({ changed: [word(A, "one"), word(B, "one"), word(C, "one")], removed: [] });
    assert.deepEqual(knowledge.end(), []);
    knowledge.begin();
    knowledge.place({ changed: [word(B, "one"), word(C, "one")], removed: [] });
    knowledge.place({ changed: [], removed: [C] });
    assert.deepEqual(known(knowledge), [A, B], "nothing is forgotten before it has told everything");
    assert.deepEqual(knowledge.end(), [A]);
    assert.deepEqual(known(knowledge), [B]);
  });

  it("takes from disk what nobody has told, and does without it once an agent has told everything", () => {
    const knowledge = new Knowledge();
    knowledge.begin();
    knowledge.place({ changed: [word(A, "told")], removed: [] });
    assert.deepEqual(knowledge.recall([word(A, "old"), word(B, "old"), word(C, "old")]).changed, [
      ...[word(B, "old"), word(C, "old")],
    ]);
    knowledge.place({ changed: [word(C, "old")], removed: [] });
    assert.deepEqual(knowledge.end(), [B]);
  });

  it("has members once somebody has named them", () => {
    const knowledge = new Knowledge();
    assert.equal(knowledge.members, undefined);
    const member = { name: "one", addresses: [A], macs: [], api: "ready" } as const;
    assert.equal(knowledge.setMembers([member]), true);
    assert.equal(knowledge.setMembers([member]), false);
    assert.equal(knowledge.setMembers([{ ...member, api: "not-ready" }]), true);
    assert.deepEqual(knowledge.members, [{ ...member, api: "not-ready" }]);
  });
});
