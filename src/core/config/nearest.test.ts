import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearest } from "./nearest.ts";

const KEYS = ["interface", "vrid", "priority", "advertisementInterval", "preempt", "addresses"];

describe("nearest", () => {
  for (const [word, meant] of [
    ["interfce", "interface"],
    ["prioirty", "priority"],
    ["vird", "vrid"],
    ["advertisement-interval", "advertisementInterval"],
    ["address", "addresses"],
    ["advert_int", "advertisementInterval"],
    ["virtual_router_id", "vrid"],
    ["nopreempt", "preempt"],
  ] as const) {
    it(`takes ${word} for ${meant}`, () => assert.equal(nearest(word, KEYS), meant));
  }

  for (const [word, meant] of [
    ["wrr", "weighted"],
    ["wlc", "least-connections"],
    ["mh", "consistent-hash"],
    ["leastconn", "least-connections"],
  ] as const) {
    it(`takes the scheduler ${word} of other programs for ${meant}`, () =>
      assert.equal(
        nearest(word, ["consistent-hash", "source-hash", "weighted", "least-connections"]),
        meant,
      ));
  }

  it("does not guess when nothing is near", () => {
    assert.equal(nearest("colour", KEYS), undefined);
    assert.equal(nearest("x", KEYS), undefined);
    assert.equal(nearest("", KEYS), undefined);
    assert.equal(nearest("p".repeat(10_000), KEYS), undefined);
    assert.equal(nearest("vrid", []), undefined);
  });
});
