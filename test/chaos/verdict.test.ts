import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fault } from "./plan.ts";
import { brokenPromises, type Played, type Seen } from "./verdict.ts";

const step = (fault: Fault, from: number, to = from + 1_000): Played => ({
  ...{ fault, lasts: 0, calm: 0 },
  ...{ from, to, settled: to },
});
const FLAP = step({ type: "flap", node: "n1", times: 1 }, 20_000, 22_000);
const PARTITION = step({ type: "partition" }, 10_000, 12_000);

const seen = (rest: Partial<Seen>): Seen => ({
  ...{
    played: [PARTITION, FLAP],
    overlaps: [],
    gaps: [],
    requests: [],
    downloads: [],
    leftovers: [],
    weights: {},
  },
  ...rest,
});

const download = (backend: string, from: number, to: number, whole = false) => ({
  ...{ backend, from, to, whole },
  ...(whole ? {} : { error: "ECONNRESET" }),
});

describe("the promises", () => {
  for (const [what, kept] of [
    ["nothing happens", {}],
    ["both hold the address while they do not hear each other", { overlaps: [{ from: 10_500, to: 13_000 }] }],
    ["both hold it for the moment of a hand-over", { overlaps: [{ from: 30_000, to: 30_300 }] }],
    ["a request fails while a backend goes", { requests: [{ from: 21_000, to: 21_100, error: "timeout" }] }],
    ["a request succeeds", { requests: [{ from: 15_000, to: 15_001 }] }],
    ["a download breaks whose backend went", { downloads: [download("n1", 18_000, 23_000)] }],
    [
      "a download breaks that began while a backend was away, and another edge took over",
      {
        played: [FLAP, step({ type: "silence", edge: "e1" }, 26_000)],
        downloads: [download("n2", 21_000, 27_000)],
      },
    ],
    ["a download arrives", { downloads: [download("n2", 18_000, 23_000, true)] }],
  ] as const) {
    it(`are kept when ${what}`, () => {
      assert.deepEqual(brokenPromises(seen(kept)), []);
    });
  }

  for (const [what, finding, broken] of [
    [
      "both hold the address long after the partition",
      "two edges that hear each other held the address for 5500 ms at 0.5 s (step 1: the edges do not hear each other)",
      { overlaps: [{ from: 10_500, to: 16_000 }] },
    ],
    [
      "nobody answers",
      "nobody answered for 2000 ms at 5.0 s (step 1: the edges do not hear each other)",
      { gaps: [{ from: 15_000, to: 17_000 }] },
    ],
    [
      "a request fails without a backend that went",
      "a request failed (timeout) at 5.0 s (step 1: the edges do not hear each other)",
      { requests: [{ from: 15_000, to: 15_100, error: "timeout" }] },
    ],
    [
      "a download from a healthy backend breaks",
      "a download from n2 broke (ECONNRESET) at 13.0 s (step 2: n1 goes and comes 1 times)",
      { downloads: [download("n2", 18_000, 23_000)] },
    ],
    ["something is left", "left behind: files on e1: x", { leftovers: ["files on e1: x"] }],
    [
      "nobody alone holds the address after a fault",
      "no edge alone held the address 8000 ms later, at 2.0 s (step 1: the edges do not hear each other)",
      { played: [{ ...PARTITION, settled: undefined }] },
    ],
  ] as const) {
    it(`are broken when ${what}`, () => {
      assert.deepEqual(brokenPromises(seen(broken)), [finding]);
    });
  }

  it("counts what was broken often in the same words once", () => {
    const request = { from: 15_000, to: 15_100, error: "timeout" };
    const [finding] = brokenPromises(seen({ requests: [request, request] }));
    assert.equal(
      finding,
      "a request failed (timeout) at 5.0 s (step 1: the edges do not hear each other), 2 times",
    );
  });
});
