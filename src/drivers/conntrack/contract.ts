/** What every conntrack driver must do. The fake runs it in `npm test`, the kernel in `test/kernel`. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import type { FlowSelector, FlowTarget } from "#core/conntrack/selector";
import type { ConntrackPort } from "./port.ts";

/** A table in which flows can be opened. */
export type Bench = {
  readonly conntrack: ConntrackPort;
  /** Opens UDP flows to a port of 192.0.2.10 that 192.0.2.<host> answers on its port 8<host>. */
  readonly open: (port: number, host: number, count: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

const ip = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const to = (firstPort: number, lastPort = firstPort): FlowSelector => ({
  address: ip("192.0.2.10"),
  protocol: "udp",
  firstPort,
  lastPort,
});
const by = (host: number, port: number | undefined = 8000 + host): FlowTarget => ({
  address: ip(`192.0.2.${host}`),
  port,
});

/** Runs the suite; `openBench` makes a new table for each test. */
export const conntrackContract = (title: string, openBench: () => Promise<Bench>): void => {
  describe(`${title}: conntrack contract`, () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await openBench();
    });
    afterEach(() => bench.close());

    const counted = async (selector: FlowSelector, ...targets: FlowTarget[]): Promise<readonly number[]> => {
      const result = await bench.conntrack.count([{ selector, targets }]);
      assert.ok(result.ok, JSON.stringify(result));
      return result.value.open[0] ?? [];
    };

    it("counts nothing in an empty table", async () => {
      assert.deepEqual(await counted(to(80), by(21)), [0]);
    });

    it("counts the flows of one server by who answers them", async () => {
      await bench.open(80, 21, 5);
      await bench.open(80, 22, 3);
      await bench.open(81, 21, 2);
      assert.deepEqual(await counted(to(80), by(22), by(21), by(23)), [3, 5, 0]);
      assert.deepEqual(await counted(to(80, 81), by(21)), [7]);
      assert.deepEqual(await counted(to(82, 90), by(21)), [0]);
      assert.deepEqual(await counted(to(80), by(21, 9999)), [0]);
    });

    it("ends the flows that were asked for and no other", async () => {
      await bench.open(80, 21, 4);
      await bench.open(80, 22, 3);
      await bench.open(81, 21, 2);
      assert.deepEqual(await bench.conntrack.end([{ selector: to(80), targets: [by(21)] }]), {
        ok: true,
        value: [4],
      });
      assert.deepEqual(await counted(to(80), by(21), by(22)), [0, 3]);
      assert.deepEqual(await counted(to(81), by(21)), [2]);
      assert.deepEqual(await bench.conntrack.end([{ selector: to(80), targets: [by(21)] }]), {
        ok: true,
        value: [0],
      });
    });

    it("counts and ends the flows of several servers, and spares those of more particular ones", async () => {
      await bench.open(80, 21, 4);
      await bench.open(81, 21, 3);
      await bench.open(82, 21, 2);
      const wide = { selector: { ...to(1, 65_535), except: [{ first: 82, last: 82 }] }, targets: [by(21)] };
      const sections = [{ selector: to(80), targets: [by(22), by(21)] }, wide];
      const all = await bench.conntrack.count(sections);
      assert.deepEqual(all.ok && all.value.open, [[0, 4], [7]]);
      const exact = [80, 81].map((port) => ({ selector: to(port), targets: [by(21)] }));
      assert.deepEqual(await bench.conntrack.end(exact), { ok: true, value: [4, 3] });
      await bench.open(81, 21, 1);
      assert.deepEqual(await bench.conntrack.end([wide]), { ok: true, value: [1] });
      assert.deepEqual(await counted(to(82), by(21)), [2]);
    });

    it("works calls off in the order in which they come", async () => {
      await bench.open(80, 21, 4);
      const results = await Promise.all([
        bench.conntrack.end([{ selector: to(80), targets: [by(21)] }]),
        bench.conntrack.end([{ selector: to(80), targets: [by(21)] }]),
      ]);
      assert.deepEqual(
        results.map((result) => result.ok && result.value),
        [[4], [0]],
      );
    });

    it("says how full the table is", async () => {
      await bench.open(80, 21, 4);
      const usage = bench.conntrack.usage();
      assert.ok(usage.ok && usage.value.entries >= 4, JSON.stringify(usage));
      assert.ok((usage.value.limit ?? 0) > usage.value.entries);
    });
  });
};
