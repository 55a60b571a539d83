import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ago, table } from "./table.ts";

describe("table", () => {
  it("aligns columns and counts colour codes as nothing", () => {
    assert.deepEqual(
      table(
        ["NAME", "STATE"],
        [
          ["a", "\u001b[32mactive\u001b[39m"],
          ["longer", ""],
        ],
      ),
      ["NAME    STATE", "a       \u001b[32mactive\u001b[39m", "longer"],
    );
  });
});

describe("ago", () => {
  it("gives the two largest units", () => {
    assert.deepEqual([0, 999, 1_000, 61_000, 3_600_000, 3_720_000, 90_061_000].map(ago), [
      "0s",
      "0s",
      "1s",
      "1m1s",
      "1h",
      "1h2m",
      "1d1h",
    ]);
  });
});
