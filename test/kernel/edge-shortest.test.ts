import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis } from "#base/time";
import { inBed, SLACK, SMALL } from "./edge-bed.ts";
import { activeDown, config, router, VIP } from "./edge-config.ts";

const LOW = 100;
const INTERVAL = 10;

describe("two edges that advertise every 10 ms, the least that version 3 can say", () => {
  it("are of one mind about it, take over when the active edge goes silent, and give back", async (context) => {
    await inBed(context, SMALL, async ({ lab, e1, e2, holdings }) => {
      const text = (priority: number) => config(router({ priority, advertisementInterval: `${INTERVAL}ms` }));
      await Promise.all([e1.start(text(150)), e2.start(text(LOW))]);
      await holdings.settle(VIP, ["e1"]);
      await e2.is("backup");
      for (let round = 1; round <= 3; round += 1) {
        const cut = Date.now();
        await lab.fault("silence e1");
        const bound = activeDown(LOW, INTERVAL) + SLACK;
        await holdings.settle(VIP, ["e1", "e2"], bound);
        await e2.until("says so", ({ routers }) => (routers[0]?.takeovers ?? 0) >= round);
        await lab.fault("restore e1");
        await holdings.settle(VIP, ["e1"]);
        assert.equal(holdings.vacancy(VIP, { from: cut }), 0);
      }
      for (const edge of [e1, e2]) {
        const { advertisementInterval, conflicts } = await edge.router();
        assert.equal(advertisementInterval, millis(INTERVAL));
        assert.deepEqual(
          conflicts.filter((conflict) => conflict.includes("interval")),
          [],
        );
      }
    });
  });
});
