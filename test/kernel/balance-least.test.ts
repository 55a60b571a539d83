/** Least connections with real traffic: a backend with many open connections gets fewer new ones. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { instant, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import { onePort } from "#core/balance/ports";
import { fakeClock } from "#drivers/clock/fake";
import { createLoadWatch } from "#roles/edge/wire/load-watch";
import { createDeadlines } from "#runtime/deadlines";
import { address, Bed, VIRTUAL } from "./balance-bed.ts";

const PORT = 8080;

for (const family of ["IPv4", "IPv6"] as const) {
  describe(`least connections, ${family}`, () => {
    let bed: Bed;
    before(async () => {
      bed = new Bed();
      await bed.startWorkers([PORT]);
      bed.giveAddressesTo("e1");
    });
    after(() => bed.close());

    it("evens out what is open, whoever had it first", async () => {
      const server = (only?: string): VirtualServer => ({
        ...{ name: "web", address: address(VIRTUAL[family]), protocol: "tcp", ports: onePort(PORT) },
        ...{ mode: "masquerade", scheduler: { type: "least-connections" } },
        backends: [1, 2, 3].map((number) => ({
          name: `w${number}`,
          address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
          ...{ port: PORT, weight: only === undefined || only === `w${number}` ? 1 : 0 },
        })),
      });
      const engine = bed.openEngine("e1");
      const clock = fakeClock({ onWake: () => deadlines.runDue() });
      const deadlines = createDeadlines(clock);
      let onNews = (): void => undefined;
      const news = new Promise<void>((resolve) => {
        onNews = resolve;
      });
      const conntrack = bed.openConntrack("e1");
      const loads = createLoadWatch({
        conntrack,
        clock,
        deadlines,
        onChange: () => onNews(),
        tell: () => undefined,
      });
      const run = async (wanted: VirtualServer): Promise<void> => {
        const plan = planForwarding({
          servers: [wanted],
          availability: () => "available",
          links: { ingress: () => [], egress: () => undefined },
          load: loads.load,
          previous: undefined,
          now: instant(0),
        });
        assert.ok((await engine.apply(plan)).ok);
        loads.onApplied(plan);
      };
      const client = bed.startClient();
      const hold = { op: "hold", address: VIRTUAL[family], port: PORT };
      await run(server("w1"));
      assert.deepEqual(await client.list({ ...hold, count: 20 }), new Array(20).fill("w1"));
      clock.advance(seconds(1));
      await news;
      assert.equal(loads.load("web/w1"), 20);
      await run(server());
      const fresh = await client.list({ ...hold, count: 16 });
      assert.deepEqual(fresh.toSorted(), [...new Array(8).fill("w2"), ...new Array(8).fill("w3")]);
      conntrack.close();
    });
  });
}
