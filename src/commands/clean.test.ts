import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Finder } from "#roles/edge/leftovers/leftover";
import { removeLeftovers } from "./clean.ts";

/** A world with these things in it, each of which goes, or says why not. */
const world = (...kinds: readonly Readonly<Record<string, string | undefined>>[]) => {
  const done: string[] = [];
  const finders = kinds.map(
    (things, kind): Finder =>
      async () => {
        done.push(`look ${kind}`);
        return Object.entries(things).map(([what, failure]) => ({
          what,
          remove: async () => {
            done.push(`remove ${what}`);
            return failure;
          },
        }));
      },
  );
  const run = async (dryRun = false) => {
    const lines: string[] = [];
    const say = {
      print: (line: string) => lines.push(line),
      complain: (line: string) => lines.push(`! ${line}`),
    };
    const status = await removeLeftovers(finders, { dryRun, ...say });
    return { status, lines };
  };
  return { run, done };
};

describe("steelyard clean", () => {
  it("removes one kind of thing after the other and says each", async () => {
    const { run, done } = world({ "address 192.0.2.1/24 on eth0": undefined }, { rules: undefined });
    assert.deepEqual(await run(), {
      status: 0,
      lines: ["removed address 192.0.2.1/24 on eth0", "removed rules"],
    });
    assert.deepEqual(done, ["look 0", "remove address 192.0.2.1/24 on eth0", "look 1", "remove rules"]);
  });

  it("goes on after what cannot be removed, and ends with 1", async () => {
    assert.deepEqual(await world({ stuck: "EPERM" }, { rules: undefined }).run(), {
      status: 1,
      lines: ["! steelyard clean: stuck: EPERM", "removed rules"],
    });
  });

  it("removes nothing when it is only to say what is there", async () => {
    const { run, done } = world({ rules: undefined });
    assert.deepEqual(await run(true), { status: 0, lines: ["would remove rules"] });
    assert.deepEqual(done, ["look 0"]);
  });

  it("says when there is nothing", async () => {
    assert.deepEqual(await world({}, {}).run(), { status: 0, lines: ["nothing was left behind"] });
  });
});
