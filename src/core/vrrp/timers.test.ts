import assert from "node:assert/strict";
import { it } from "node:test";
import { millis, seconds } from "#base/time";
import { activeDownInterval, skewTime } from "./timers.ts";

it("computes the skew from the active router's interval in version 3 (RFC 9568 §6.1)", () => {
  const at = (priority: number) => skewTime({ version: 3, priority, activeAdverInterval: millis(200) });
  assert.equal(at(100), 121_875);
  assert.equal(at(254), 1_563);
  assert.equal(at(1), 199_219);
});

it("computes the skew from one second in version 2, whatever the interval (RFC 3768 §6.1)", () => {
  const of = (interval: number) =>
    skewTime({ version: 2, priority: 128, activeAdverInterval: seconds(interval) });
  assert.equal(of(1), 500_000);
  assert.equal(of(10), 500_000);
});

it("lets a backup wait three intervals and the skew (RFC 9568 §6.1)", () => {
  const interval = activeDownInterval({ version: 3, priority: 100, activeAdverInterval: millis(200) });
  assert.equal(interval, 600_000 + 121_875);
});
