import assert from "node:assert/strict";
import { it } from "node:test";
import { waitedForProcessor } from "./waiting.ts";

it("the wait for a processor never shrinks, and is a fraction of the time that passes", () => {
  const [before, from] = [waitedForProcessor(), performance.now()];
  let sum = 0;
  for (let count = 0; count < 1_000_000; count += 1) sum += count;
  const waited = waitedForProcessor() - before;
  assert.ok(sum > 0 && waited >= 0);
  assert.ok(waited / 1_000 <= performance.now() - from + 1, `${waited} microseconds`);
});
