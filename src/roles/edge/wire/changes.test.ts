import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NOTHING_DESIRED } from "#core/config/desired";
import { virtualRouter } from "#testing/values";
import { changesBetween } from "./changes.ts";

describe("changes between two configurations", () => {
  it("name what was added, changed and removed, by kind", () => {
    const before = {
      ...NOTHING_DESIRED,
      routers: [
        virtualRouter({ name: "stays" }),
        virtualRouter({ name: "changes" }),
        virtualRouter({ name: "goes" }),
      ],
    };
    const after = {
      ...NOTHING_DESIRED,
      routers: [
        virtualRouter({ name: "stays" }),
        virtualRouter({ name: "changes", priority: 9 }),
        virtualRouter({ name: "comes" }),
      ],
    };
    const kind = "VirtualRouter";
    assert.deepEqual(changesBetween(before, after), {
      added: [{ kind, name: "comes" }],
      changed: [{ kind, name: "changes" }],
      removed: [{ kind, name: "goes" }],
    });
  });

  it("are none between equal ones", () => {
    const same = { ...NOTHING_DESIRED, routers: [virtualRouter()] };
    assert.deepEqual(changesBetween(same, structuredClone(same)), { added: [], changed: [], removed: [] });
  });
});
