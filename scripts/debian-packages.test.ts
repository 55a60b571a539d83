import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Machine, provide } from "./debian-packages.ts";

const INSTALL = "install -y -q --no-install-recommends gcc nftables";
const TO_PASTE = "missing packages; on Debian, as root: apt-get install -y gcc nftables";

/** What was done on a machine whose apt-get answers so, one command after the other, and what was said. */
const provideOn = (
  answers: readonly boolean[],
  { isRoot = true, isDebian = true, missing = ["gcc", "nftables"] } = {},
) => {
  const commands: string[] = [];
  const complaints: string[] = [];
  const machine: Machine = {
    isRoot,
    hasTool: (tool) => tool === "apt-get" && isDebian,
    aptGet: (...args) => {
      commands.push(args.join(" "));
      return answers[commands.length - 1] ?? assert.fail(`apt-get ${args.join(" ")} was not expected`);
    },
    say: () => undefined,
    complain: (line) => complaints.push(line),
  };
  return { code: provide(missing, machine), commands, complaints };
};

describe("Debian packages that are missing", () => {
  it("are installed by root, without a word to paste", () => {
    assert.deepEqual(provideOn([true]), { code: 0, commands: [INSTALL], complaints: [] });
  });

  it("are installed after the lists were fetched, where there were none", () => {
    const commands = [INSTALL, "update -q", INSTALL];
    assert.deepEqual(provideOn([false, true, true]), { code: 0, commands, complaints: [] });
  });

  for (const [what, answers, scene, commands] of [
    ["without a try for an ordinary user", [], { isRoot: false }, []],
    ["without a try where there is no apt-get", [], { isDebian: false }, []],
    ["when the lists cannot be fetched", [false, false], {}, [INSTALL, "update -q"]],
    ["when they are in no list", [false, true, false], {}, [INSTALL, "update -q", INSTALL]],
  ] as const) {
    it(`are named in one line to paste, ${what}`, () => {
      assert.deepEqual(provideOn(answers, scene), { code: 1, commands, complaints: [TO_PASTE] });
    });
  }

  it("are no matter when there are none", () => {
    assert.deepEqual(provideOn([], { isRoot: false, missing: [] }), {
      code: 0,
      commands: [],
      complaints: [],
    });
  });
});
