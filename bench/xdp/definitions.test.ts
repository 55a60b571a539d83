import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readObject } from "#core/xdp/object";
import { readHexDump } from "#testing/golden";
import { readDefinitions } from "./definitions.ts";

const OBJECT = readHexDump(new URL("testdata/definitions.hex", import.meta.url));

describe("the maps of another's program", () => {
  it("are read in both forms that there are", () => {
    const definitions = readDefinitions(OBJECT);
    assert.ok(definitions.ok);
    assert.deepEqual(Object.fromEntries(definitions.value), {
      in_old_form: { type: 9, keySize: 40, valueSize: 16, entries: 1000, flags: 2 },
      another: { type: 2, keySize: 4, valueSize: 20, entries: 4096, flags: 0 },
      by_types: { type: 1, keySize: 20, valueSize: 24, entries: 512, flags: 0 },
      by_sizes: { type: 12, keySize: 4, valueSize: 8, entries: 128, flags: 0 },
    });
  });

  it("are those that its code refers to", () => {
    const program = readObject(OBJECT, "xdp-other");
    assert.ok(program.ok);
    const names = program.value.references.map(({ to, name }) => `${to} ${name}`);
    assert.deepEqual(
      new Set(names),
      new Set(["in_old_form", "another", "by_types", "by_sizes"].map((name) => `map ${name}`)),
    );
    assert.deepEqual(readObject(OBJECT), { ok: false, reason: "no-program" });
  });

  it("never make the reader throw, wherever the file is cut or damaged", () => {
    const cut = fc.nat(OBJECT.length);
    const damage = fc.array(fc.tuple(fc.nat(OBJECT.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(cut, damage, (length, changes) => {
        const bytes = OBJECT.slice();
        for (const [at, value] of changes) bytes[at] = value;
        assert.equal(typeof readDefinitions(bytes).ok, "boolean");
        assert.equal(readDefinitions(bytes.subarray(0, length)).ok && length < OBJECT.length / 2, false);
      }),
    );
  });
});
