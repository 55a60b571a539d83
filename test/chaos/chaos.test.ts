import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runChaos } from "./index.ts";

/** They bring up every fault once each, in different orders. */
const RUNS = [
  { seed: 11, engines: ["nftables", "nftables"] },
  { seed: 12, engines: ["xdp", "nftables"] },
];
const STEPS = 16;

describe("two edges in chaos", () => {
  for (const { seed, engines } of RUNS) {
    it(`keep every promise while the faults of seed ${seed} are played, with ${engines.join(" and ")}`, async (context) => {
      const broken = await runChaos({ seed, steps: STEPS, engines }, (line) => context.diagnostic(line));
      assert.deepEqual(broken, []);
    });
  }
});
