import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, micros, millis, seconds } from "#base/time";
import type { HealthTransition } from "#core/health/observe";
import { fakeClock } from "#drivers/clock/fake";
import { createDeadlines } from "#runtime/deadlines";
import { createCheckWords, LONGEST_STAY } from "./check-words.ts";

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const failing = (reason: "refused" | "reset" | "timeout" | "status"): HealthTransition => ({
  ...({ from: "healthy", to: "failed", cause: "fall" } as const),
  ...{ at: instant(0), held: seconds(9), failure: { reason, detail: "" } },
});
const WELL: HealthTransition = {
  ...({ from: "failed", to: "healthy", cause: "rise" } as const),
  ...{ at: instant(0), held: seconds(9) },
};

const bench = (open: number) => {
  const said: string[] = [];
  const world = { open, counts: true };
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const words = createCheckWords({
    ...{ clock, deadlines },
    openFlows: () => (world.counts ? Promise.resolve(world.open) : new Promise(() => {})),
    send: (check, state) => void said.push(`${check} ${state}`),
    onStay: (check, flows) => void said.push(`${check} stays for ${flows}`),
  });
  return {
    ...{ words, world, clock },
    said: () => said.splice(0),
    pass: async (time = millis(250)): Promise<void> => {
      clock.advance(time);
      await settle();
    },
  };
};

describe("what routers are told of a check", () => {
  it("is its verdict, at once, unless it refuses", () => {
    const { words, said } = bench(7);
    words.heard("api", failing("timeout"));
    words.heard("api", failing("status"));
    words.heard("api", WELL);
    words.heard("api", { ...failing("refused"), from: "unknown", cause: "first-failure" });
    assert.deepEqual(said(), ["api failed", "api failed", "api healthy", "api failed"]);
  });

  it("is that it has failed at once when it refuses and nothing is open, as of a program that has died", async () => {
    const { words, said } = bench(0);
    words.heard("api", failing("refused"));
    await settle();
    assert.deepEqual(said(), ["api failed"]);
    assert.equal(words.word("api", "failed"), "failed");
  });

  it("is that it has failed when the last connection is closed", async () => {
    for (const reason of ["refused", "reset"] as const) {
      const { words, said, pass, world } = bench(3);
      words.heard("api", failing(reason));
      await settle();
      assert.equal(words.word("api", "failed"), "healthy");
      for (let look = 0; look < 40; look += 1) await pass();
      assert.deepEqual(said(), ["api stays for 3"]);
      world.open = 0;
      await pass();
      assert.deepEqual(said(), ["api failed"]);
      await pass(LONGEST_STAY);
      assert.deepEqual(said(), []);
    }
  });

  it("is that it has failed when it has had its time", async () => {
    const { words, said, pass, clock } = bench(3);
    const until = clock.now() + LONGEST_STAY;
    words.heard("api", failing("refused"));
    await settle();
    while (clock.now() + millis(250) < until) await pass();
    assert.deepEqual(said(), ["api stays for 3"]);
    await pass(micros(until - clock.now() - 1));
    assert.deepEqual(said(), []);
    await pass(micros(1));
    assert.deepEqual(said(), ["api failed"]);
  });

  it("is that it has failed when it has had its time, also where the counting never ends", async () => {
    const { words, said, pass, world, clock } = bench(3);
    const until = clock.now() + LONGEST_STAY;
    words.heard("api", failing("refused"));
    await settle();
    world.counts = false;
    await pass();
    await pass(micros(until - clock.now() - 1));
    assert.deepEqual(said(), ["api stays for 3"]);
    await pass(micros(1));
    assert.deepEqual(said(), ["api failed"]);
  });

  it("is that it has failed when nobody answers any more", async () => {
    const { words, said } = bench(3);
    words.heard("api", failing("refused"));
    await settle();
    words.silent("api");
    words.silent("api");
    assert.deepEqual(said(), ["api stays for 3", "api failed"]);
  });

  it("never was that it had failed when it is well again meanwhile, or all ends", async () => {
    const { words, said, pass, world } = bench(3);
    words.heard("api", failing("refused"));
    words.heard("api", WELL);
    world.open = 0;
    await pass();
    words.heard("api", failing("refused"));
    words.close();
    await pass();
    assert.deepEqual(said(), ["api healthy"]);
  });
});
