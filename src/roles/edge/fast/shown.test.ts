import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Obstacle, State } from "#core/vrrp/state";
import { faultReason, shown } from "./shown.ts";

const kept = (...obstacles: readonly Obstacle[]): State => ({
  ...{ name: "initialize", priority: 100, address: undefined, obstacles },
});

describe("the state that people read", () => {
  it("is a fault when tracking or the sync group forbids it to take part", () => {
    assert.equal(shown(kept("not-started")), "initialize");
    assert.equal(shown(kept("no-address")), "initialize");
    assert.equal(shown(kept("not-started", "tracking-fault")), "fault");
    assert.equal(shown(kept("group-fault")), "fault");
  });

  it("has the reason of what came, or of what went", () => {
    const idle = kept("no-address");
    assert.equal(faultReason(idle, kept("no-address", "tracking-fault")), "tracking-fault");
    assert.equal(faultReason(kept("no-address", "tracking-fault"), idle), "tracking-recovered");
    assert.equal(faultReason(idle, kept("no-address", "group-fault")), "group-hold");
    assert.equal(faultReason(kept("group-fault", "no-address"), idle), "group-release");
  });
});
