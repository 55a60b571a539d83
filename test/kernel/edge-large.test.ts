import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inBed, SMALL, until } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";

const SERVERS = 1_000;
/** How long the edge is told to read its configuration, and how often. Milliseconds. */
const LASTS = 6_000;
const EVERY = 50;
/** One ruleset of so many servers, on a busy machine. Milliseconds. */
const PATIENCE = 90_000;

const large = (priority: number): string =>
  config(
    router({ priority, advertisementInterval: "50ms" }),
    ...Array.from({ length: SERVERS }, (_, index) =>
      server(
        { port: 10_000 + index, scheduler: "round-robin", health: undefined, tableSize: undefined },
        `server-${index}`,
      ),
    ),
  );

describe("an edge with 1,000 virtual servers", () => {
  it("that reads them again and again loses its address to nobody, at 50 ms, and is not behind afterwards", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      const front = { advertisementInterval: "50ms" };
      await e1.start(config(router({ ...front, priority: 150 })));
      await e2.start(config(router({ ...front, priority: 100 })));
      await holdings.settle(VIP, ["e1"]);
      await e1.configure(large(150));
      await e1.until("has them all", ({ servers }) => servers.length === SERVERS, PATIENCE);
      await until(
        "the ruleset is loaded",
        async () =>
          (await e1.events()).some(
            ({ event }) => event.type === "forwarding-applied" && event.how === "ruleset",
          ),
        { withinMs: PATIENCE },
      );

      const end = performance.now() + LASTS;
      for (let round = 0; performance.now() < end; round += 1) {
        if (round % 40 === 20) await e1.configure(large(round % 80 === 20 ? 151 : 152));
        await e1.signal("SIGHUP");
        await pause(EVERY);
      }

      await e1.configure(large(160));
      // Were every request a reading of its own, this one would come after a hundred others.
      await e1.until("reads the last change soon", ({ routers }) => routers[0]?.priority === 160, 20_000);
      assert.equal(holdings.tenures(VIP).length, 1);
      const stalls = (await e1.events()).filter(
        ({ event }) => event.type === "process" && event.change === "stalled",
      );
      assert.deepEqual(stalls, []);
    });
  });
});
