import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, millis, seconds, wallTime } from "#base/time";
import { createRecorder, type ServiceEvent } from "./recorder.ts";

const SERVICE = { namespace: "shop", name: "web", uid: "4f6f", resourceVersion: "812" };
const pending = (message: string): ServiceEvent => ({
  service: SERVICE,
  type: "Warning",
  reason: "AllocationFailed",
  message,
});

const START = instant(5_000_000);
const AT = wallTime(Date.UTC(2026, 2, 1, 8, 0, 0, 250));

const recorder = () => createRecorder({ component: "steelyard-controller", instance: "pod-1" });

describe("Events about a Service", () => {
  it("are Events of core/v1 that point to it", () => {
    const write = recorder().record(pending("no pool"), { now: START, at: AT });
    assert.equal(write?.verb, "create");
    assert.equal(write?.namespace, "shop");
    assert.match(write?.name ?? "", /^web\.[0-9a-f]{10,}$/);
    const body = write?.body() as Record<string, unknown>;
    assert.deepEqual(body.involvedObject, { apiVersion: "v1", kind: "Service", ...SERVICE });
    assert.equal(body.firstTimestamp, "2026-03-01T08:00:00Z");
    assert.equal(body.count, 1);
  });

  it("are counted up when they repeat within ten minutes, and made anew after", () => {
    const events = recorder();
    const first = events.record(pending("no pool"), { now: START, at: AT });
    const again = events.record(pending("no pool"), { now: after(START, seconds(599)), at: AT });
    assert.deepEqual(
      [again?.verb, again?.name, again?.body()],
      ["patch", first?.name, { count: 2, lastTimestamp: "2026-03-01T08:00:00Z" }],
    );
    const later = events.record(pending("no pool"), { now: after(START, seconds(1_199)), at: AT });
    assert.equal(later?.verb, "create");
    assert.notEqual(later?.name, first?.name);
  });

  it("are at most 25 at once for a Service, then one in five minutes, without a word less for others", () => {
    const events = recorder();
    const written = (from: number, count: number, now = START): number =>
      Array.from({ length: count }, (_, index) =>
        events.record(pending(`${from + index}`), { now, at: AT }),
      ).filter((write) => write !== undefined).length;
    assert.equal(written(0, 40), 25);
    assert.equal(written(100, 1, after(START, millis(299_999))), 0);
    assert.equal(written(200, 3, after(START, seconds(300))), 1);
    const other = { ...pending("no pool"), service: { ...SERVICE, uid: "other" } };
    assert.ok(events.record(other, { now: START, at: AT }) !== undefined);
  });

  it("have names of their own within one millisecond, and none too long for the API server", () => {
    const events = recorder();
    const long = { ...SERVICE, name: "n".repeat(253) };
    const names = Array.from({ length: 20 }, (_, index) => {
      const write = events.record({ ...pending(`${index}`), service: long }, { now: START, at: AT });
      return write?.name ?? "";
    });
    assert.equal(new Set(names).size, 20);
    assert.ok(names.every((name) => name.length > 229 && name.length <= 253));
  });

  it("cut messages to what the API server takes", () => {
    const write = recorder().record(pending("x".repeat(5_000)), { now: START, at: AT });
    assert.ok(write !== undefined);
    assert.equal((write.body() as { message: string }).message.length, 1_024);
  });
});
