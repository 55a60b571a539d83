import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readHostU32 } from "#core/netlink/host-order";
import { bindProgram } from "./bind.ts";
import { MAPS } from "./layout.ts";
import { readObject } from "./object.ts";
import { readProgram } from "./program.ts";

const DESCRIPTORS = {
  ...{ servers4: 10, servers6: 11, slots: 12, backends: 13, flows: 14, counters: 15, passed: 16 },
  settings: 17,
};
const LOAD_64 = 0x18;

describe("the compiled program", () => {
  it("refers to our maps and nothing else, by instructions that load 64 bits", () => {
    const { code, references } = readProgram();
    const names = new Set<string>(Object.keys(MAPS));
    assert.deepEqual(new Set(references.map(({ name }) => name)), names);
    for (const { instruction, to, name } of references) {
      assert.equal(code[instruction * 8], LOAD_64);
      assert.equal(to, name === "settings" ? "value" : "map");
    }
  });

  it("gets its maps without being changed itself", () => {
    const program = readProgram();
    const bound = bindProgram(program, DESCRIPTORS);
    assert.deepEqual(readProgram().code, program.code);
    let others = 0;
    for (const { instruction, to, name } of program.references) {
      const at = instruction * 8;
      const descriptor = Object.entries(DESCRIPTORS).find(([key]) => key === name)?.[1];
      assert.equal(readHostU32(bound, at + 4), descriptor);
      assert.equal((bound[at + 1] ?? 0) >> 4, to === "map" ? 1 : 2);
      others += 1;
    }
    const changed = bound.filter((byte, index) => byte !== program.code[index]).length;
    assert.ok(changed >= others * 2 && changed <= others * 4, `${changed} bytes for ${others} references`);
  });

  it("keeps the offset into a value that an instruction loads", () => {
    const code = new Uint8Array(16);
    code.set([LOAD_64, 1, 0, 0, 12]);
    const references = [{ instruction: 0, to: "value", name: "settings" }] as const;
    const bound = bindProgram({ code, references }, DESCRIPTORS);
    assert.deepEqual([...bound], [LOAD_64, 0x21, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0]);
  });
});

describe("an object file", () => {
  it("is refused with a reason, whatever its bytes are", () => {
    assert.deepEqual(readObject(new Uint8Array(0)), { ok: false, reason: "not-an-object" });
    const head = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 70, maxLength: 400 }), (bytes) => {
        bytes.set(head);
        bytes.set([247, 0], 18);
        bytes.set([64, 0], 58);
        assert.equal(readObject(bytes).ok, false);
      }),
    );
  });
});
