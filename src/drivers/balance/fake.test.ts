import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EMPTY_PLAN } from "#core/balance/plan-model";
import { balanceEngineContract } from "./contract.ts";
import { type FakeEngine, type FakeKernel, openFakeEngine } from "./fake.ts";

balanceEngineContract("the fake", () => {
  const kernel: FakeKernel = { plan: undefined };
  let last: FakeEngine | undefined;
  return {
    open: () => {
      last = openFakeEngine(kernel);
      return last;
    },
    flush: () => last?.flush(),
    device: "eth0",
    close: async () => undefined,
  };
});

describe("the fake engine", () => {
  it("changes nothing while it is told to fail", async () => {
    const engine = openFakeEngine();
    const error = { code: "refused", message: "no" } as const;
    engine.failWith(error);
    assert.deepEqual(await engine.apply(EMPTY_PLAN), { ok: false, error });
    assert.equal(engine.running(), undefined);
    engine.failWith(undefined);
    assert.equal((await engine.apply(EMPTY_PLAN)).ok, true);
    assert.equal(engine.running(), EMPTY_PLAN);
  });
});
