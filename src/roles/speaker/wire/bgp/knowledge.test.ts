import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteWord } from "#core/bgp/desired";
import { routeWord } from "#testing/bgp-words";
import { BgpKnowledge } from "./knowledge.ts";

const A = "192.0.2.10/32";
const B = "192.0.2.11/32";
const copy = (...words: readonly RouteWord[]): RouteWord[] => structuredClone([...words]);
const prefixes = (words: readonly { readonly prefix: RouteWord["prefix"] }[]) =>
  words.map(({ prefix }) => prefix.address);

describe("what is known of routes", () => {
  it("is kept once where many say the same, and what is said again is nothing new", () => {
    const knowledge = new BgpKnowledge();
    const said = copy(routeWord(A, "tor"), routeWord(B, "tor"));
    const { changed } = knowledge.route({ changed: said, removed: [] });
    assert.equal(changed[0]?.targets, changed[1]?.targets);
    assert.deepEqual(knowledge.route({ changed: copy(...said), removed: [] }).changed, []);
    const other = knowledge.route({ changed: copy(routeWord(B, "other")), removed: [] });
    assert.deepEqual(other.changed, [routeWord(B, "other")]);
    assert.deepEqual(knowledge.routes(), [routeWord(A, "tor"), routeWord(B, "other")]);
  });

  it("is without what a new agent has not told once that has told everything", () => {
    const knowledge = new BgpKnowledge();
    knowledge.route({ changed: [routeWord(A, "tor"), routeWord(B, "tor")], removed: [] });
    knowledge.begin();
    knowledge.route({ changed: [routeWord(B, "tor")], removed: [] });
    assert.deepEqual(
      knowledge.end().map(({ address }) => address),
      ["192.0.2.10"],
    );
    assert.deepEqual(prefixes(knowledge.routes()), ["192.0.2.11"]);
  });

  it("counts from disk only where nothing else was told", () => {
    const knowledge = new BgpKnowledge();
    knowledge.route({ changed: [routeWord(A, "tor")], removed: [] });
    const { changed } = knowledge.recall([routeWord(A, "old"), routeWord(B, "old")]);
    assert.deepEqual(changed, [routeWord(B, "old")]);
  });
});
