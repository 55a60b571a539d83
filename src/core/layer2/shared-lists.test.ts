import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedLists } from "./shared-lists.ts";

describe("lists of names that many addresses have", () => {
  it("are one where they are equal, and never another one", () => {
    const lists = new SharedLists();
    const first = lists.share(["a", "b"]);
    assert.deepEqual(first, ["a", "b"]);
    assert.equal(lists.share(["a", "b"]), first);
    assert.deepEqual(lists.share(["b", "a"]), ["b", "a"]);
    assert.deepEqual([lists.share([]), lists.share(["ab"])], [[], ["ab"]]);
  });

  it("are right however many different ones there are", () => {
    const lists = new SharedLists();
    for (let round = 0; round < 3; round += 1)
      for (let index = 0; index < 3_000; index += 1)
        assert.deepEqual(lists.share([`n${index}`, "last"]), [`n${index}`, "last"]);
  });
});
