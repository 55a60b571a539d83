import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ALL_PORTS,
  formatPorts,
  mergePorts,
  onePort,
  type PortRange,
  parsePorts,
  particularity,
  portsOverlap,
} from "./ports.ts";

const port = fc.integer({ min: 1, max: 65_535 });
const ports = fc
  .tuple(port, port)
  .map(([one, other]) => ({ first: Math.min(one, other), last: Math.max(one, other) }));

describe("ports", () => {
  it("are read back as they were written", () => {
    fc.assert(fc.property(ports, (range) => assert.deepEqual(parsePorts(formatPorts(range)), range)));
    assert.equal(formatPorts(ALL_PORTS), "all");
    assert.equal(formatPorts(onePort(80)), "80");
  });

  it("are refused when they are out of range, the wrong way round or something else", () => {
    for (const text of ["", "0", "65536", "80-79", "0-9", "1-65536", "80-", "-80", "1-2-3", "ALL", " 80"]) {
      assert.equal(parsePorts(text), undefined, text);
    }
    fc.assert(fc.property(fc.string(), (text) => void parsePorts(text)));
  });

  it("are one, some or all", () => {
    assert.deepEqual([onePort(9), { first: 9, last: 10 }, ALL_PORTS].map(particularity), [
      "one",
      "some",
      "all",
    ]);
  });

  it("are merged into intervals that neither overlap nor touch, and hold the same ports", () => {
    fc.assert(
      fc.property(fc.array(ports, { maxLength: 6 }), port, (ranges, candidate) => {
        const merged = mergePorts(ranges);
        for (const [index, range] of merged.entries()) {
          assert.ok(range.first > (merged[index - 1]?.last ?? -1) + 1);
        }
        const holds = (list: readonly PortRange[]): boolean =>
          list.some((range) => portsOverlap(range, onePort(candidate)));
        assert.equal(holds(merged), holds(ranges));
      }),
    );
  });

  it("overlap when a port is in both", () => {
    fc.assert(
      fc.property(ports, ports, (left, right) => {
        const shared = [left.first, right.first].some(
          (candidate) =>
            candidate >= left.first &&
            candidate <= left.last &&
            candidate >= right.first &&
            candidate <= right.last,
        );
        assert.equal(portsOverlap(left, right), shared);
      }),
    );
  });
});
