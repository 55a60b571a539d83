import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { BENCHES } from "./benches.ts";
import { figure, renderResult, replaceSection } from "./report.ts";

describe("the report", () => {
  it("aligns tables and says which bars were missed", () => {
    const text = renderResult({
      bench: "x",
      tables: [{ title: "Times", header: ["mode", "ms"], rows: [["silent", "600"]], notes: ["Quiet."] }],
      bars: [{ what: "time", limit: "500 ms", measured: "600 ms", met: false }],
      measurements: [],
    });
    assert.equal(
      text,
      [
        "Times",
        "",
        "| mode   | ms  |",
        "|--------|-----|",
        "| silent | 600 |",
        "",
        "Quiet.",
        "",
        "**Bars**",
        "",
        "| what | bar    | measured | **missed** |",
      ]
        .slice(0, -1)
        .concat([
          "| what | bar    | measured |            |",
          "|------|--------|----------|------------|",
          "| time | 500 ms | 600 ms   | **missed** |",
        ])
        .join("\n"),
    );
  });

  it("shows one decimal of small figures and a dash where there is none", () => {
    assert.deepEqual([99.94, 99.96, 0, Number.NaN].map(figure), ["99.9", "100", "0.0", "-"]);
  });

  it("replaces one section and leaves the rest of the page alone", () => {
    const page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
    const once = replaceSection(page, "x", "new");
    assert.equal(once, "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n");
    assert.equal(replaceSection(once ?? "", "x", "new"), once);
    assert.equal(replaceSection(page, "y", "new"), undefined);
  });

  it("has a section in the page for every bench, and for the machine", () => {
    const page = readFileSync(new URL("../docs/benchmarks.md", import.meta.url), "utf8");
    for (const section of ["machine", ...BENCHES.keys()])
      assert.notEqual(replaceSection(page, section, ""), undefined, section);
  });
});
