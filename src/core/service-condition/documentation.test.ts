import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import { millis } from "#base/time";
import { SILENT_REASONS } from "#core/layer2/reason";
import type { Verdict } from "#core/reachability/machine";
import { address } from "#testing/values";
import { type AddressStanding, announcedCondition } from "./announced.ts";
import { reachableCondition } from "./reachable.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/speaker-writes.md", import.meta.url), "utf8");
const MAC = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 7));
const ADDRESS = address("192.0.2.10");

/** Words in the first column of the table under a heading. */
const listed = (heading: string): readonly string[] => {
  const section = PAGE.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? "").sort();
};

/** Of a Service that only routers are told of. */
const NO_L2 = { addresses: [], silent: "no-advertisement" } as const;

describe("docs/reference/speaker-writes.md", () => {
  it("lists every reason of Announced, and no other", () => {
    const standing: AddressStanding = {
      address: ADDRESS,
      holder: undefined,
      stranger: undefined,
      leftOut: [],
    };
    const holder = { node: "node-a", interfaces: [] };
    const standings = [standing, { ...standing, holder }, { ...standing, holder, stranger: MAC }];
    const reasons = [
      ...standings.map((each) => announcedCondition({ addresses: [each], silent: undefined }).reason),
      ...SILENT_REASONS.map((silent) => announcedCondition({ addresses: [], silent }).reason),
      announcedCondition({ ...NO_L2, routed: [{ node: "node-a", peers: ["tor"], reached: [] }] }).reason,
      ...(["noPeers", "conflictingAdvertisements", "sharedIPWithServiceSelector"] as const).map(
        (unrouted) => announcedCondition({ ...NO_L2, unrouted }).reason,
      ),
    ];
    assert.deepEqual(listed("Reasons of Announced"), [...reasons].sort());
  });

  it("lists every reason of Reachable, and no other", () => {
    const verdicts: readonly Verdict[] = [
      { type: "unknown" },
      { type: "reachable", mac: MAC, resolved: millis(1), connected: undefined },
      ...(["refused", "silent", "other-machine"] as const).map(
        (type): Verdict => ({ type: "unreachable", obstacle: { type, mac: MAC } }),
      ),
      { type: "unreachable", obstacle: { type: "not-resolved" } },
      { type: "unreachable", obstacle: { type: "answered-twice", macs: [MAC] } },
    ];
    const asked = verdicts.map((verdict) =>
      reachableCondition([{ address: ADDRESS, prober: "node-b", verdict }]),
    );
    const alone = reachableCondition([{ address: ADDRESS, prober: undefined, verdict: { type: "unknown" } }]);
    assert.deepEqual(listed("Reasons of Reachable"), [...asked, alone].map(({ reason }) => reason).sort());
  });
});
