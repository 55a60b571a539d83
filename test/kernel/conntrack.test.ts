/** The connection tracking table of this kernel, small and large. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { conntrackContract } from "#drivers/conntrack/contract";
import { address } from "./balance-bed.ts";
import { ConntrackBed } from "./conntrack-bed.ts";

conntrackContract("Linux", async () => {
  const bed = new ConntrackBed();
  return {
    conntrack: bed.conntrack,
    open: (port, host, count) => bed.open(port, host, count),
    close: () => bed.close(),
  };
});

describe("a large connection tracking table", () => {
  const FLOWS = Number(process.env.CONNTRACK_FLOWS ?? 60_000);
  const service = {
    address: address("192.0.2.10"),
    protocol: "udp",
    firstPort: 80,
    lastPort: 80,
  } as const;
  const targets = [21, 22].map((host) => ({ address: address(`192.0.2.${host}`), port: 8000 + host }));

  /** The longest time in which nothing else could run while `work` ran, in milliseconds. */
  const longestStall = async (work: () => Promise<unknown>): Promise<number> => {
    let [last, longest, running] = [performance.now(), 0, true];
    const beat = (): void => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (running) setImmediate(beat);
    };
    beat();
    await work();
    running = false;
    beat();
    return longest;
  };

  it("is counted and thinned out without a stall", async (context) => {
    const bed = new ConntrackBed();
    try {
      bed.fill(FLOWS);
      const nothing = await longestStall(() =>
        bed.conntrack.count([{ selector: { ...service, firstPort: 81, lastPort: 81 }, targets }]),
      );
      const began = performance.now();
      const counting = await longestStall(async () => {
        const counted = await bed.conntrack.count([{ selector: service, targets }]);
        assert.ok(counted.ok);
        assert.deepEqual(counted.value.open, [[FLOWS / 2, FLOWS / 2]]);
        context.diagnostic(`counting cost ${counted.value.costMicros} us`);
      });
      const counted = performance.now();
      const ending = await longestStall(async () => {
        assert.deepEqual(await bed.conntrack.end([{ selector: service, targets: targets.slice(0, 1) }]), {
          ok: true,
          value: [FLOWS / 2],
        });
      });
      const ended = performance.now();
      context.diagnostic(
        `${FLOWS} flows: nothing to find stalls ${nothing.toFixed(1)} ms; counted in ${(counted - began).toFixed(0)} ms, ` +
          `longest stall ${counting.toFixed(1)} ms; half ended in ${(ended - counted).toFixed(0)} ms, ${ending.toFixed(1)} ms`,
      );
      assert.ok(Math.max(nothing, counting, ending) < 100);
    } finally {
      await bed.close();
    }
  });
});
