import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inVipBed, LINE, startAll, VIP } from "./vip-bed.ts";

/** What a busy machine may take to start three programs, in milliseconds. */
const START = 60_000;

describe("the address of the API servers", () => {
  it("is on exactly one of three hosts that start at the same moment", async (context) => {
    await inVipBed(context, async ({ hosts, holdings }) => {
      await startAll(hosts, LINE);
      await Promise.all(
        hosts.map((each) =>
          each.until("takes part", ({ routers }) => /active|backup/.test(routers[0]?.state ?? ""), START),
        ),
      );
      await holdings.settle(VIP, ["e1"], 10_000).catch(() => undefined);
      const settled = Date.now();
      await pause(2_000);
      assert.equal(holdings.holders(VIP).length, 1);
      assert.equal(holdings.overlap(VIP, { from: settled }), 0);
      assert.equal(holdings.vacancy(VIP, { from: settled }), 0);
    });
  });
});
