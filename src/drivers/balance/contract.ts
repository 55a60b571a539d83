/** What every balance engine must do. The fake runs it in `npm test`, the kernel in `test/kernel`. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { instant } from "#base/time";
import type { ForwardingMode, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Availability, ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { Balance } from "./port.ts";

/** A kernel without anything of ours in it. */
export type Bench = {
  /** An engine; each call simulates another start of the program over the same kernel. */
  readonly open: () => Balance;
  /** Removes all rules behind the engine's back. */
  readonly flush: () => void;
  /** An interface that is there. */
  readonly device: string;
  /** A mode that the engine carries besides `dsr`, if it does; `undefined` is `masquerade`. */
  readonly otherMode?: ForwardingMode;
  readonly close: () => Promise<void>;
};

const ip = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const server = (name: string, mode: ForwardingMode, port: number, backends = 3): VirtualServer => ({
  name,
  address: ip("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(port),
  mode,
  scheduler: { type: "consistent-hash", tableSize: 101 },
  backends: Array.from({ length: backends }, (_, index) => ({
    name: `w${index}`,
    address: ip(`192.0.2.${20 + index}`),
    port,
    weight: 1,
  })),
});

/** Runs the suite; `openBench` makes a new one for each test. */
export const balanceEngineContract = (title: string, openBench: () => Bench): void => {
  describe(`${title} as a balance engine`, () => {
    let bench: Bench;
    let engine: Balance;

    const plan = (
      servers: readonly VirtualServer[],
      previous?: ForwardingPlan,
      health: Readonly<Record<string, Availability>> = {},
    ): ForwardingPlan =>
      planForwarding({
        servers,
        availability: (key) => health[key] ?? "available",
        links: { ingress: () => [bench.device], egress: () => bench.device },
        previous,
        now: instant(0),
      });
    let both: readonly VirtualServer[];

    /** Applies a plan and gives how, with whether something was repaired. */
    const apply = async (wanted: ForwardingPlan, by = engine): Promise<string> => {
      const applied = await by.apply(wanted);
      assert.ok(applied.ok, JSON.stringify(applied));
      return applied.repaired ? `${applied.how}, repaired` : applied.how;
    };

    beforeEach(() => {
      bench = openBench();
      engine = bench.open();
      both = [server("direct", "dsr", 80), server("translated", bench.otherMode ?? "masquerade", 81)];
    });
    afterEach(() => bench.close());

    it("is available", async () => assert.equal(await engine.available(), undefined));

    it("sees nothing before the first plan", async () => {
      assert.deepEqual(await engine.observe(), { tables: "absent", lastPlan: undefined });
    });

    it("replaces the ruleset for a new plan, elements for a health change, and nothing for the same plan", async () => {
      const first = plan(both);
      assert.equal(await apply(first), "ruleset");
      assert.equal(await apply(plan(both, first)), "unchanged");
      const failed = plan(both, first, { "direct/w1": "unavailable", "translated/w2": "draining" });
      assert.equal(await apply(failed), "elements");
      assert.equal(await apply(failed), "unchanged");
      const returned = plan(both, failed);
      assert.equal(await apply(returned), "elements");
      const fewer = plan([server("direct", "dsr", 80, 2)], returned);
      assert.equal(await apply(fewer), "ruleset");
      assert.equal(await apply(plan([], fewer)), "ruleset");
    });

    it("hands the last plan to the next start of the program, which goes on with it or brings in its own", async () => {
      const first = plan(both);
      await apply(first);
      const changed = plan(both, first, { "direct/w1": "unavailable" });
      await apply(changed);
      const next = bench.open();
      assert.deepEqual(await next.observe(), { tables: "present", lastPlan: changed });
      assert.match(await apply(changed, next), /^(?:ruleset|unchanged)$/);
      assert.equal(await apply(changed, next), "unchanged");
      assert.equal(await apply(plan(both, changed), next), "elements");
    });

    it("repairs what somebody removed", async () => {
      const wanted = plan(both);
      await apply(wanted);
      bench.flush();
      assert.notEqual((await engine.observe()).tables, "present");
      assert.equal(await apply(wanted), "ruleset, repaired");
      assert.equal(await apply(wanted), "unchanged");
    });

    it("tells of somebody who removes it, again and again, if it can hear of that", async () => {
      const wanted = plan(both);
      for (let times = 0; times < 3; times += 1) {
        await apply(wanted);
        if (engine.watch === undefined) return;
        const told = new Promise<void>((resolve) => engine.watch?.(resolve));
        bench.flush();
        await told;
        assert.equal(await apply(wanted), "ruleset, repaired");
      }
    });

    it("works calls off in the order in which they come", async () => {
      const [first, second] = [plan(both), plan([])];
      const results = await Promise.all([engine.apply(first), engine.apply(second), engine.apply(second)]);
      assert.deepEqual(
        results.map((result) => result.ok && result.how),
        ["ruleset", "ruleset", "unchanged"],
      );
    });

    it("removes everything, and can begin again", async () => {
      const wanted = plan(both);
      await apply(wanted);
      assert.deepEqual(await engine.remove(), { ok: true });
      assert.deepEqual(await engine.observe(), { tables: "absent", lastPlan: undefined });
      assert.deepEqual(await engine.remove(), { ok: true });
      assert.equal(await apply(wanted), "ruleset");
    });
  });
};
