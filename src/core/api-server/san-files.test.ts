import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { planSans, type SanFile } from "./san-files.ts";

const file = (path: string, replaces?: readonly string[], appends?: readonly string[]): SanFile => ({
  ...{ path, replaces, appends },
});

const isSame = (one: string, other: string): boolean => one === other;
const plan = (files: readonly [SanFile, ...SanFile[]], ...wanted: readonly string[]) =>
  planSans(files, wanted, isSame);

describe("the place where a name is added", () => {
  it("is config.yaml when nobody says anything", () => {
    assert.deepEqual(plan([file("main"), file("10")], "a").edit, {
      path: "main",
      key: "tls-san",
      values: ["a"],
    });
  });

  it("is the last file that says anything, since it replaces what earlier ones say", () => {
    const files = [file("main", ["a"]), file("10", ["b"]), file("20")] as const;
    assert.deepEqual(plan(files, "a", "b"), {
      effective: ["b"],
      edit: { path: "10", key: "tls-san", values: ["a"] },
    });
  });

  it("is the list that adds to others where the last file has such", () => {
    const files = [file("main", ["a"]), file("10", undefined, ["b"])] as const;
    assert.deepEqual(plan(files, "c"), {
      effective: ["a", "b"],
      edit: { path: "10", key: "tls-san+", values: ["c"] },
    });
  });

  it("is nowhere when every name is in force", () => {
    assert.equal(plan([file("main", ["a", "b"])], "b", "a").edit, undefined);
  });

  it("has everything in force once it is written, whatever the files say", () => {
    const list = fc.option(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }), { nil: undefined });
    const some = fc.array(fc.record({ replaces: list, appends: list }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(some, fc.uniqueArray(fc.constantFrom("a", "b", "c", "d")), (says, wanted) => {
        const files = says.map((each, index) => ({ path: `${index}`, ...each }));
        const [first, ...rest] = files;
        assert.ok(first !== undefined);
        const { edit } = plan([first, ...rest], ...wanted);
        if (edit === undefined) return;
        const field = edit.key === "tls-san" ? "replaces" : "appends";
        const after = files.map((each) =>
          each.path === edit.path ? { ...each, [field]: [...(each[field] ?? []), ...edit.values] } : each,
        );
        const [main, ...others] = after;
        assert.ok(main !== undefined);
        assert.equal(plan([main, ...others], ...wanted).edit, undefined);
      }),
    );
  });
});
