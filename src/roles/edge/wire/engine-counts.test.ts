import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, seconds } from "#base/time";
import { planForwarding } from "#core/balance/plan";
import { EMPTY_PLAN, type ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { createEngineCounts } from "./engine-counts.ts";

const PLAN: ForwardingPlan = planForwarding({
  servers: [
    {
      ...{ name: "web", address: address("192.0.2.10"), protocol: "tcp", ports: onePort(80), mode: "dsr" },
      ...{ scheduler: { type: "round-robin" }, backends: [] },
    },
  ],
  availability: () => "available",
  links: { ingress: () => ["eth0"], egress: () => "eth0" },
  previous: undefined,
  now: instant(0),
});

/** Deadlines that fall due when the test says so. */
const bench = (counts: () => Readonly<Record<string, number>>) => {
  let due: { readonly at: Instant; readonly run: (now: Instant) => void } | undefined;
  let now = instant(0);
  const told: Readonly<Record<string, number>>[] = [];
  const watch = createEngineCounts({
    engine: { counts },
    clock: { now: () => now },
    deadlines: {
      set: (_id, at, run) => {
        due = at === undefined ? undefined : { at, run };
      },
      runDue: () => undefined,
    },
    tell: (news) => void told.push(news),
  });
  return {
    watch,
    told,
    /** Five seconds pass; gives whether anything was due. */
    pass: (): boolean => {
      now = after(now, seconds(5));
      if (due === undefined || due.at > now) return false;
      due.run(now);
      return true;
    },
  };
};

describe("the counts of the chosen engine", () => {
  it("are told every five seconds while there are servers", () => {
    let packets = 0;
    const { watch, told, pass } = bench(() => ({ "xdp-packets web w1": packets }));
    assert.equal(pass(), false);
    watch.onApplied(PLAN);
    watch.onApplied(PLAN);
    for (packets = 1; packets <= 3; packets += 1) assert.equal(pass(), true);
    assert.deepEqual(
      told.map((counts) => counts["xdp-packets web w1"]),
      [1, 2, 3],
    );
    watch.onApplied(EMPTY_PLAN);
    assert.equal(pass(), false);
  });

  it("are not told when there are none", () => {
    const { watch, told, pass } = bench(() => ({}));
    watch.onApplied(PLAN);
    assert.equal(pass(), true);
    assert.deepEqual(told, []);
  });
});
