import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { Event, RouterState } from "#core/observation/event";
import { address, virtualRouter } from "#testing/values";
import { createCutOffs } from "./cut-off.ts";
import { DESIRED, WEB } from "./test-wire.ts";

const FIRST = virtualRouter({ name: "first" });
const SECOND = virtualRouter({ name: "second" });
const SHARED = FIRST.addresses[0]?.address ?? assert.fail();

const state = (router: string, to: RouterState): Event => ({
  ...{ type: "router-state", router, from: "backup", to, reason: "tracking-fault" },
});

describe("an address that this edge cannot serve", () => {
  it("is one whose routers are all at fault, since the last of them is", () => {
    const cutOffs = createCutOffs();
    const since = () => cutOffs.since(SHARED, [FIRST, SECOND]);
    assert.equal(since(), undefined);
    assert.equal(cutOffs.hear(state("first", "fault"), instant(5)), true);
    assert.equal(since(), undefined);
    cutOffs.hear(state("second", "fault"), instant(7));
    assert.equal(since(), 7);
    assert.equal(cutOffs.hear(state("first", "backup"), instant(9)), true);
    assert.equal(since(), undefined);
  });

  it("is never one that no router has", () => {
    const cutOffs = createCutOffs();
    cutOffs.hear(state("first", "fault"), instant(5));
    assert.equal(cutOffs.since(address("198.51.100.9"), [FIRST]), undefined);
  });

  it("is none that lacks nothing but a program of this very box", () => {
    const cutOffs = createCutOffs();
    const track = [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }] as const;
    const of = (isOfThisBox: boolean) => ({
      ...DESIRED,
      routers: [{ ...FIRST, track }],
      servers: [{ ...WEB, address: SHARED }],
      checks: DESIRED.checks.map((check) => ({ ...check, ...(isOfThisBox ? { isOfThisBox } : {}) })),
    });
    const health = (to: "healthy" | "failed"): Event => ({
      ...{ type: "check-health", check: "app", from: "unknown", to },
    });
    assert.equal(cutOffs.hear(health("failed"), instant(3)), false);
    cutOffs.hear(state("first", "fault"), instant(5));
    assert.equal(cutOffs.sinceOf("web", of(true)), undefined);
    assert.equal(cutOffs.sinceOf("web", of(false)), 5);
    assert.equal(cutOffs.hear(health("healthy"), instant(6)), true);
    assert.equal(cutOffs.sinceOf("web", of(true)), 5);
  });

  it("does not change by other events", () => {
    const cutOffs = createCutOffs();
    assert.equal(cutOffs.hear(state("first", "active"), instant(1)), false);
    assert.equal(cutOffs.hear({ type: "link", link: "eth0", state: "down" }, instant(1)), false);
  });
});
