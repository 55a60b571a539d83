import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "./edge-bed.ts";
import { holderOf, inVipBed, LINE, PATIENCE, parted, startAll, VIP } from "./vip-bed.ts";

/** Long enough for a host that wanted to take the address to have done so, in milliseconds. */
const LONG = 2_500;

describe("the address of the API servers", () => {
  it("is on one of three hosts that start at once, moves when an API server dies, and stays where it is when that one is back", async (context) => {
    await inVipBed(context, async (bed) => {
      const { holdings } = bed;
      const first = await startAll(bed);
      const { holder, others } = parted(bed, first);
      const settled = Date.now();
      await pause(LONG);
      assert.deepEqual(
        [holdings.vacancy(VIP, { from: settled }), holdings.overlap(VIP, { from: settled })],
        [0, 0],
      );

      await holder.server("SIGKILL");
      await holder.until("gives up", ({ routers }) => routers[0]?.state === "fault", PATIENCE);
      const second = await holderOf(holdings);
      assert(
        others.some(({ name }) => name === second),
        second,
      );

      await holder.serve();
      await holder.until("is well again", ({ routers }) => routers[0]?.state === "backup", PATIENCE);
      await pause(LONG);
      assert.deepEqual(holdings.holders(VIP), [second]);
    });
  });

  it("is nobody's while no API server works anywhere, and then on the host of the first that does", async (context) => {
    await inVipBed(context, async ({ hosts, holdings }) => {
      const [, , last] = hosts;
      await Promise.all(hosts.map((each) => each.launch(LINE)));
      await Promise.all(
        hosts.map((each) =>
          each.until("says why", ({ checks }) => checks[0]?.reason?.includes("refused") === true, PATIENCE),
        ),
      );
      await pause(LONG);
      assert.deepEqual(holdings.tenures(VIP), []);
      await last.serve();
      await holdings.settle(VIP, ["e3"], PATIENCE);
      assert.equal(holdings.tenures(VIP).length, 1);
      // All of Kubernetes stops: nobody could serve what comes for the address.
      await last.server("SIGKILL");
      await holdings.settle(VIP, [], PATIENCE);
    });
  });

  it("is another host's when one is cut off, and on one alone when it is back", async (context) => {
    await inVipBed(context, async (bed) => {
      const { lab, holdings } = bed;
      const first = await startAll(bed);
      await lab.fault(`silence ${first}`);
      const taken = async (): Promise<boolean> => holdings.holders(VIP).some((name) => name !== first);
      await until("another takes it", taken, { withinMs: PATIENCE });
      await lab.fault(`restore ${first}`);
      const healed = await holderOf(holdings);
      const from = Date.now();
      await pause(LONG);
      assert.deepEqual(holdings.holders(VIP), [healed]);
      assert.equal(holdings.overlap(VIP, { from }), 0);
    });
  });

  it("stays when the program is killed and comes back, and moves when it is told to end", async (context) => {
    await inVipBed(context, async (bed) => {
      const { holdings } = bed;
      const slow = [...LINE, "--advertisement-interval", "2s"];
      const first = await startAll(bed, slow);
      const { holder } = parted(bed, first);
      const from = Date.now();
      await holder.signal("SIGKILL");
      const { pid } = await holder.launch(slow);
      const again = await holder.until(
        "is back",
        ({ wire, routers }) => wire.pid === pid && routers[0]?.state === "active",
        PATIENCE,
      );
      assert.equal(again.routers[0]?.reason, "resumed");
      assert.deepEqual(holdings.holders(VIP), [first]);
      assert.equal(holdings.vacancy(VIP, { from }), 0);

      await holder.signal("SIGTERM");
      const second = await holderOf(holdings);
      assert.notEqual(second, first);
      // What a clean end leaves behind is nothing.
      const { stdout } = await holder.host.run(["ip", "-o", "address", "show"]);
      assert(!stdout.includes(VIP), stdout);
    });
  });
});
