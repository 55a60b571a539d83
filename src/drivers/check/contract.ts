/** What every prober promises, run against the fake and the real one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { CheckPort, ProbeRequest } from "./port.ts";

/** A prober and three TCP subjects for it. */
export type CheckWorld = {
  readonly checks: CheckPort;
  readonly answering: NonNullable<ProbeRequest["target"]>;
  readonly refusing: NonNullable<ProbeRequest["target"]>;
  /** Takes connections and never says a word. */
  readonly silent: NonNullable<ProbeRequest["target"]>;
  close(): Promise<void>;
};

const TCP = { type: "tcp" } as const;
const HTTP = { type: "http", path: "/", statuses: [{ from: 200, to: 299 }], verify: false } as const;

/** Registers the suite; `open` is called once for every test. */
export const checkContract = (name: string, open: () => Promise<CheckWorld>): void => {
  const inWorld = (title: string, test: (world: CheckWorld) => Promise<void>) =>
    it(title, async () => {
      const world = await open();
      try {
        await test(world);
      } finally {
        await world.close();
      }
    });

  describe(`the contract of probers: ${name}`, () => {
    inWorld("says that an answering subject is well", async ({ checks, answering }) => {
      const outcome = await checks.probe({ probe: TCP, target: answering, timeout: seconds(5) });
      assert.equal(outcome.ok, true);
      assert.ok(outcome.took >= 0 && Number.isInteger(outcome.took));
    });

    inWorld("names the reason and a detail of a failure", async ({ checks, refusing }) => {
      const outcome = await checks.probe({ probe: TCP, target: refusing, timeout: seconds(5) });
      assert.ok(!outcome.ok);
      assert.equal(outcome.reason, "refused");
      assert.notEqual(outcome.detail, "");
    });

    inWorld("settles for a subject that never answers", async ({ checks, silent }) => {
      const outcome = await checks.probe({ probe: HTTP, target: silent, timeout: millis(30) });
      assert.equal(outcome.ok ? "ok" : outcome.reason, "timeout");
      assert.ok(outcome.took >= millis(29));
    });

    inWorld("gives each of several requests its own answer", async ({ checks, answering, refusing }) => {
      const outcomes = await Promise.all(
        [answering, refusing, answering, refusing].map((target) =>
          checks.probe({ probe: TCP, target, timeout: seconds(5) }),
        ),
      );
      assert.deepEqual(
        outcomes.map(({ ok }) => ok),
        [true, false, true, false],
      );
    });

    inWorld("does not start a network check without a target", async ({ checks }) => {
      const outcome = await checks.probe({ probe: TCP, timeout: seconds(5) });
      assert.equal(outcome.ok ? "ok" : outcome.reason, "not-started");
    });
  });
};
