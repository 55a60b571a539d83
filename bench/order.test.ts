import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readOrder } from "./order.ts";

const KNOWN = ["takeover", "xdp"];
const NOTHING = { seconds: undefined, page: undefined, json: undefined, katran: undefined };

describe("the command line of the benches", () => {
  it("asks for all of them when it names none", () => {
    assert.deepEqual(readOrder([], KNOWN), { ...NOTHING, names: KNOWN, runs: 20, quick: false });
    assert.deepEqual(readOrder(["--quick"], KNOWN), { ...NOTHING, names: KNOWN, runs: 3, quick: true });
  });

  it("has a page, a file, runs, seconds and a checkout of Katran", () => {
    const args = ["xdp", "--katran", "/src/katran", "--runs", "7", "--duration", "60"];
    assert.deepEqual(readOrder([...args, "--write", "page.md", "--json", "all.json"], KNOWN), {
      ...{ names: ["xdp"], runs: 7, seconds: 60, quick: false },
      ...{ page: "page.md", json: "all.json", katran: "/src/katran" },
    });
  });

  for (const [args, problem] of [
    [["sideways"], "there is no bench sideways"],
    [["--runs", "0"], "--runs wants a whole number above 0"],
    [["--duration", "soon"], "--duration wants seconds, at least 1"],
    [["xdp", "--katran", ""], "--katran wants the folder of a checkout of Katran"],
    [["takeover", "--katran", "/src/katran"], "--katran is for the bench xdp alone"],
  ] as const) {
    it(`is refused: ${args.join(" ")}`, () => {
      assert.equal(readOrder(args, KNOWN), problem);
    });
  }

  it("is refused with the reason when it has options that there are not", () => {
    assert.match(String(readOrder(["--fast"], KNOWN)), /--fast/);
  });
});
