import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { codePath, load, scriptOf, seal, unseal } from "./load.ts";

const SOURCE = `const inner = (text) => {
  if (text === undefined) throw new Error("nothing given");
  return text.length;
};
module.exports = { inner, where: __dirname, join: require("node:path").join };
`;

type Exports = {
  readonly inner: (text?: string) => number;
  readonly where: string;
  readonly join: typeof join;
};

describe("a bundle with the code that V8 made of it", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-compiled-"));
  const bundle = join(folder, "part.cjs");
  const writer = join(import.meta.dirname, "../build-code.ts");
  const write = (): Buffer => {
    execFileSync(process.execPath, ["--random-seed=1", writer, bundle]);
    return readFileSync(codePath(bundle));
  };
  const loaded = (): Exports => load(bundle) as Exports;
  const source = Buffer.from(SOURCE);
  let file: Buffer = Buffer.alloc(0);

  before(() => {
    writeFileSync(bundle, source);
    file = write();
  });
  after(() => rmSync(folder, { recursive: true }));

  it("runs with it", () => {
    const code = unseal(source, file);
    assert.ok(code !== undefined);
    assert.equal(scriptOf(bundle, source, code).cachedDataRejected, false);
    const { inner, where, join: itsJoin } = loaded();
    assert.deepEqual([inner("four"), where, itsJoin("a", "b")], [4, folder, "a/b"]);
  });

  it("gives the same code each time", () => {
    assert.deepEqual(write(), file);
  });

  it("has the places of its own file in traces", () => {
    const { inner } = loaded();
    assert.throws(inner, (error: Error) => {
      assert.ok(error.stack?.includes(`${bundle}:2:33`), error.stack);
      return true;
    });
  });

  it("runs without code, and with code that is cut off or empty", () => {
    for (const left of [undefined, 0, 7, 8, 9, 200, file.length - 1]) {
      if (left === undefined) rmSync(codePath(bundle));
      else writeFileSync(codePath(bundle), file.subarray(0, left));
      assert.equal(loaded().inner("four"), 4, `${left} bytes`);
      if (left !== undefined)
        assert.equal(unseal(source, file.subarray(0, left)), undefined, `${left} bytes`);
    }
    writeFileSync(codePath(bundle), file);
  });

  it("does without code of which any bit is another", () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(7), (at, bit) => {
        const damaged = Uint8Array.from(file);
        assert.ok(unseal(source, damaged) !== undefined);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        assert.equal(unseal(source, damaged), undefined);
      }),
    );
  });

  it("does without code that another text of the same length gave", () => {
    const other = Buffer.from(SOURCE.replace("text.length", "text.normal"));
    assert.equal(other.length, source.length);
    assert.equal(unseal(other, file), undefined);
  });

  it("has code refused by V8 that another V8 made, and runs all the same", () => {
    const code = Uint8Array.from(unseal(source, file) ?? []);
    // The version is in the second word.
    code[4] = (code[4] ?? 0) ^ 1;
    const foreign = `${SOURCE}// another text, since V8 remembers what it has compiled\n`;
    writeFileSync(bundle, foreign);
    writeFileSync(codePath(bundle), seal(Buffer.from(foreign), code));
    assert.equal(scriptOf(bundle, Buffer.from(foreign), code).cachedDataRejected, true);
    assert.equal(loaded().inner("four"), 4);
  });
});
