import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runChaos } from "./index.ts";

/** Two that together bring up every fault twice, in different orders. */
const SEEDS = [11, 12];
const STEPS = 16;

describe("two edges in chaos", () => {
  for (const seed of SEEDS) {
    it(`keep every promise while the faults of seed ${seed} are played`, async (context) => {
      const broken = await runChaos({ seed, steps: STEPS }, (line) => context.diagnostic(line));
      assert.deepEqual(broken, []);
    });
  }
});
