import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TAKEOVER, UNTOUCHED } from "./bounds.ts";
import { belongsTo, KEPT_ADDRESS, type Service } from "./config.ts";
import type { Fault, NodeName } from "./plan.ts";
import type { Tenure } from "./stretch.ts";
import { brokenPromises, type Played, type Seen } from "./verdict.ts";

const VIRTUAL = "10.2.0.100";
const step = (fault: Fault, from: number, to = from + 1_000): Played => ({
  ...{ fault, lasts: 0, calm: 0, wrong: [] },
  ...{ from, to, settled: to },
});
const FLAP = step({ type: "flap", node: "n1", times: 1 }, 20_000, 22_000);
const PARTITION = step({ type: "partition" }, 10_000, 12_000);
const LINK_DOWN = step({ type: "link-down", edge: "e1" }, 25_000, 27_000);
const FLUSH = step({ type: "flush", edge: "e1" }, 25_000, 25_300);

const held = (host: string, from = 0, to = Number.POSITIVE_INFINITY): Tenure => ({ host, from, to });
/** One edge all the time. */
const STEADY = { [VIRTUAL]: [held("e1")], [KEPT_ADDRESS]: [held("e1")] };
/** The other edge takes over when the link of the first is cut, after so many milliseconds. */
const takeover = (after: number) => {
  const each = [held("e1", 0, 25_000), held("e2", 25_000 + after)];
  return { [VIRTUAL]: each, [KEPT_ADDRESS]: each };
};
/** Both hold it while they do not hear each other, until then. */
const split = (to: number) => ({
  ...STEADY,
  [VIRTUAL]: [held("e1"), held("e2", 10_500, to)],
});

const seen = (rest: Partial<Seen>): Seen => ({
  ...{ played: [PARTITION, FLAP], tenures: STEADY, gaps: [], hiccups: [], requests: [], downloads: [] },
  ...{ leftovers: [], weights: {}, until: 60_000 },
  ...rest,
});

/** A port of the client whose flows move when that node goes, or do not. */
const portOf = (node: NodeName, moving: boolean, service: Service = "direct"): number => {
  for (let port = 40_000; port < 41_000; port += 1)
    if (belongsTo(node, service, port) === moving) return port;
  return assert.fail("no such port");
};
/** A node to which the hash does not send the client of the server with persistence. */
const OTHER = (["n1", "n2"] as const).find((node) => !belongsTo(node, "kept", 40_000)) ?? "n1";
const MOVING = portOf("n1", true);
const STAYING = portOf("n1", false);

const download = (backend: string, port: number, from: number, to: number, whole = false) => ({
  ...({ service: "direct", backend, port, from, to, whole } as const),
  ...(whole ? {} : { error: "ECONNRESET" }),
});
const failure = (service: Service, port: number, from: number, to = from + 100) =>
  ({ service, port, from, to, error: "timeout" }) as const;

describe("the promises", () => {
  for (const [what, kept] of [
    ["nothing happens", {}],
    ["both hold the address while they do not hear each other", { tenures: split(13_000) }],
    ["a request fails whose backend goes", { requests: [failure("direct", MOVING, 21_000)] }],
    ["a request succeeds", { requests: [{ service: "web", from: 15_000, to: 15_001 }] }],
    ["a download breaks whose backend went", { downloads: [download("n1", MOVING, 18_000, 23_000)] }],
    [
      "a download breaks whose slot had moved, and another edge took over",
      {
        ...{ played: [FLAP, LINK_DOWN], tenures: takeover(700) },
        downloads: [download("n2", MOVING, 21_000, 25_900)],
      },
    ],
    ["a download arrives", { downloads: [download("n2", STAYING, 18_000, 23_000, true)] }],
    [
      "an answer was under way in masquerade when another edge took over",
      {
        ...{ played: [LINK_DOWN], tenures: takeover(700) },
        requests: [failure("web", STAYING, 24_990, 30_000)],
      },
    ],
    [
      "who held the address had its rules flushed",
      { played: [FLUSH], requests: [failure("kept", STAYING, 25_100)] },
    ],
    ["a takeover takes three intervals and the skew", { played: [LINK_DOWN], tenures: takeover(722) }],
    [
      "the whole machine stood still",
      { gaps: [{ from: 15_000, to: 17_000 }], hiccups: [{ from: 15_000, to: 16_900 }] },
    ],
  ] satisfies readonly (readonly [string, Partial<Seen>])[]) {
    it(`are kept when ${what}`, () => {
      assert.deepEqual(brokenPromises(seen(kept)), []);
    });
  }

  for (const [what, finding, broken] of [
    [
      "both hold the address long after the partition",
      `two edges that hear each other held ${VIRTUAL} for 5500 ms at 0.5 s (step 1: the edges do not hear each other)`,
      { tenures: split(16_000) },
    ],
    [
      "nobody answers during a fault that needs no takeover",
      `nobody answered for 300 ms, more than ${UNTOUCHED}, at 1.0 s (step 1: the edges do not hear each other)`,
      { gaps: [{ from: 11_000, to: 11_300 }] },
    ],
    [
      "a takeover takes longer than it may",
      `nobody held ${VIRTUAL} for 1300 ms, more than ${TAKEOVER}, at 0.0 s (step 1: link-down e1)`,
      {
        played: [LINK_DOWN],
        tenures: { ...STEADY, [VIRTUAL]: [held("e1", 0, 25_000), held("e2", 26_300)] },
      },
    ],
    [
      "nobody answers when the edge is cut off that holds nothing",
      `nobody answered for 700 ms, more than ${UNTOUCHED}, at 0.0 s (step 1: link-down e2)`,
      {
        played: [step({ type: "link-down", edge: "e2" }, 25_000, 27_000)],
        gaps: [{ from: 25_000, to: 25_700 }],
      },
    ],
    [
      "a request fails without a backend that went",
      "a request to direct failed (timeout) at 5.0 s (step 1: the edges do not hear each other)",
      { requests: [failure("direct", MOVING, 15_000)] },
    ],
    [
      "a request to a healthy backend fails while another one goes",
      "a request to direct failed (timeout) at 11.0 s (step 2: n1 goes and comes 1 times)",
      { requests: [failure("direct", STAYING, 21_000)] },
    ],
    [
      "a client is sent elsewhere than it was pinned, while another backend goes",
      `a request to kept failed (timeout) at 11.0 s (step 2: ${OTHER} goes and comes 1 times)`,
      {
        played: [PARTITION, { ...FLAP, fault: { type: "flap", node: OTHER, times: 1 } }],
        requests: [failure("kept", STAYING, 21_000)],
      },
    ],
    [
      "a download from a healthy backend breaks",
      "a download from n2 broke (ECONNRESET) at 13.0 s (step 2: n1 goes and comes 1 times)",
      { downloads: [download("n2", STAYING, 18_000, 23_000)] },
    ],
    [
      "a download from a healthy backend breaks in a takeover after another backend was away",
      "a download from n2 broke (ECONNRESET) at 5.9 s (step 2: link-down e1)",
      {
        ...{ played: [FLAP, LINK_DOWN], tenures: takeover(700) },
        downloads: [download("n2", STAYING, 21_000, 25_900)],
      },
    ],
    [
      "a flush on the edge that holds nothing breaks something",
      "a request to web failed (timeout) at 0.1 s (step 1: flush e2)",
      {
        played: [{ ...FLUSH, fault: { type: "flush", edge: "e2" } }],
        requests: [failure("web", STAYING, 25_100)],
      },
    ],
    [
      "a setting stays wrong",
      "not repaired within 6500 ms: net.x of e1 is 0, not 1, at 2.0 s (step 1: the edges do not hear each other)",
      { played: [{ ...PARTITION, wrong: ["net.x of e1 is 0, not 1"] }] },
    ],
    [
      "new flows go elsewhere than their slot says",
      "only 0 of 1 requests went to their slot's backend while none was away",
      { requests: [{ service: "web", backend: "n2", port: MOVING, from: 15_000, to: 15_001 }] },
    ],
    ["something is left", "left behind: files on e1: x", { leftovers: ["files on e1: x"] }],
    [
      "nobody alone holds the address after a fault",
      "no edge alone held the address 8000 ms later, at 2.0 s (step 1: the edges do not hear each other)",
      { played: [{ ...PARTITION, settled: undefined }] },
    ],
  ] satisfies readonly (readonly [string, string, Partial<Seen>])[]) {
    it(`are broken when ${what}`, () => {
      assert(brokenPromises(seen(broken)).includes(finding), brokenPromises(seen(broken)).join("\n"));
    });
  }

  it("counts what was broken often in the same words once", () => {
    const request = failure("direct", STAYING, 15_000);
    const [finding] = brokenPromises(seen({ requests: [request, request] }));
    assert.equal(
      finding,
      "a request to direct failed (timeout) at 5.0 s (step 1: the edges do not hear each other), 2 times",
    );
  });
});
