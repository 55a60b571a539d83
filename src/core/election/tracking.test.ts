import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrackEffect, Tracked } from "#core/vrrp/config";
import { virtualRouter } from "#testing/values";
import { judge, type SubjectHealth, subjectsOf } from "./tracking.ts";

const FAULT: TrackEffect = { type: "fault" };
const check = (name: string, effect: TrackEffect): Tracked => ({ subject: { kind: "check", name }, effect });
const weight = (value: number): TrackEffect => ({ type: "weight", weight: value });

const OWN: Tracked = { subject: { kind: "interface", name: "eth0" }, effect: FAULT };

const health =
  (exceptions: Readonly<Record<string, SubjectHealth>>) =>
  ({ name }: Tracked["subject"]): SubjectHealth =>
    exceptions[name] ?? "healthy";

const standing = (priority: number, track: readonly Tracked[], exceptions: Record<string, SubjectHealth>) =>
  judge(virtualRouter({ priority, track }), health(exceptions)).standing;

describe("tracking", () => {
  const track = [check("a", weight(20)), check("b", weight(50)), check("c", FAULT)];

  it("leaves the priority alone while everything is healthy", () =>
    assert.deepEqual(standing(100, track, {}), { type: "able", priority: 100 }));

  it("takes the weights of all failed subjects from the priority", () => {
    assert.deepEqual(standing(100, track, { a: "failed" }), { type: "able", priority: 80 });
    assert.deepEqual(standing(100, track, { a: "failed", b: "failed" }), { type: "able", priority: 30 });
  });

  it("lowers the priority to 1 and no further (RFC 9568 §5.2.4)", () =>
    assert.deepEqual(standing(40, track, { b: "failed" }), { type: "able", priority: 1 }));

  it("lets a fault outweigh every priority", () =>
    assert.deepEqual(standing(100, track, { a: "failed", c: "failed" }), { type: "fault" }));

  it("counts a subject not known yet as failed", () => {
    assert.deepEqual(standing(100, track, { a: "unknown" }), { type: "able", priority: 80 });
    assert.deepEqual(standing(100, track, { c: "unknown" }), { type: "fault" });
  });

  it("leaves the owner its 255, but not in a fault (RFC 9568 §5.2.4)", () => {
    assert.deepEqual(standing(255, track, { a: "failed" }), { type: "able", priority: 255 });
    assert.deepEqual(standing(255, track, { c: "failed" }), { type: "fault" });
  });

  it("says which subjects count and why", () => {
    const { penalties } = judge(virtualRouter({ track }), health({ a: "failed", c: "unknown" }));
    assert.deepEqual(penalties, [
      { ...check("a", weight(20)), health: "failed" },
      { ...check("c", FAULT), health: "unknown" },
    ]);
  });
});

describe("the router's own interface", () => {
  it("is a fault when it fails, without being configured", () => {
    assert.deepEqual(subjectsOf(virtualRouter()), [OWN]);
    assert.deepEqual(standing(100, [], { eth0: "failed" }), { type: "fault" });
  });

  it("has the effect that is configured, if one is", () => {
    const own = { ...OWN, effect: weight(10) };
    assert.deepEqual(standing(100, [own], { eth0: "failed" }), { type: "able", priority: 90 });
  });
});
