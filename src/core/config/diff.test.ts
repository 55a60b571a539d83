import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at } from "#base/assert";
import { NOTHING_DESIRED } from "./desired.ts";
import { diff } from "./diff.ts";
import { parseResources } from "./parse.ts";

const desired = (...routers: readonly { readonly name: string; readonly vrid: number }[]) => {
  const parsed = parseResources(
    routers.map(({ name, vrid }) => ({
      apiVersion: "steelyard.dev/v1alpha1",
      kind: "VirtualRouter",
      metadata: { name },
      spec: { interface: "eth0", vrid, addresses: [`192.0.2.${vrid}/24`] },
    })),
  );
  assert.ok(parsed.ok);
  return parsed.desired;
};

describe("diff", () => {
  it("tells added, removed, changed and unchanged resources apart by name", () => {
    const before = desired(
      { name: "keep", vrid: 1 },
      { name: "change", vrid: 2 },
      { name: "remove", vrid: 3 },
    );
    const after = desired({ name: "add", vrid: 4 }, { name: "change", vrid: 5 }, { name: "keep", vrid: 1 });
    assert.deepEqual(diff(before, after).routers, {
      added: [at(after.routers, 0)],
      removed: [at(before.routers, 2)],
      changed: [{ before: at(before.routers, 1), after: at(after.routers, 1) }],
      unchanged: [at(after.routers, 2)],
    });
  });

  it("finds nothing to do between two readings of the same files", () => {
    const { routers } = diff(desired({ name: "a", vrid: 1 }), desired({ name: "a", vrid: 1 }));
    assert.deepEqual([routers.added, routers.removed, routers.changed], [[], [], []]);
  });

  it("calls everything added at the start", () => {
    assert.equal(diff(NOTHING_DESIRED, desired({ name: "a", vrid: 1 })).routers.added.length, 1);
  });

  it("sees a value that became longer, shorter or another type", () => {
    const before = desired({ name: "a", vrid: 1 });
    const old = at(before.routers, 0);
    for (const change of [
      { addresses: [] },
      { addresses: [...old.addresses, ...old.addresses] },
      { password: "x" },
    ]) {
      const after = { ...before, routers: [{ ...old, ...change }] };
      assert.equal(diff(before, after).routers.changed.length, 1, JSON.stringify(change));
      assert.equal(diff(after, before).routers.changed.length, 1, JSON.stringify(change));
    }
  });
});
