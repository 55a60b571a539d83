import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { assert as must } from "#base/assert";
import { parseMac } from "#base/mac";
import { address } from "#testing/values";
import type { MemberWord, PlacementWord } from "../fast/desired.ts";
import { LONGEST_STATE, readState, stateText } from "./state.ts";

const mac = parseMac("02:00:00:00:00:01");
must(mac !== undefined, "a MAC address");
const MEMBERS: readonly MemberWord[] = [
  { name: "node-a", addresses: [address("192.0.2.1"), address("2001:db8::1")], macs: [mac], api: "ready" },
  { name: "node-b", addresses: [address("192.0.2.2")], macs: [], api: "not-ready" },
];
const PLACEMENTS: readonly PlacementWord[] = [
  { address: address("192.0.2.10"), candidates: ["node-b", "node-a"], interfaces: "all" },
  { address: address("2001:db8::10"), candidates: ["node-a"], interfaces: ["eth0", "eth1"] },
];
const TEXT = stateText("node-a", { members: MEMBERS, placements: PLACEMENTS });

const refusal = (text: string, node = "node-a"): string => {
  const reading = readState(node, text);
  return reading.ok ? "" : reading.reason;
};
/** The text with another value at one place. */
const changed = (change: (fields: { members: unknown[]; placements: unknown[] }) => void): string => {
  const fields = JSON.parse(TEXT) as { members: unknown[]; placements: unknown[] };
  change(fields);
  return JSON.stringify(fields);
};

describe("the state on disk", () => {
  it("is read as it was written, but that the API server's word is forgotten", () => {
    const members = MEMBERS.map((member) => ({ ...member, api: "unheard" }));
    assert.deepEqual(readState("node-a", TEXT), { ok: true, value: { members, placements: PLACEMENTS } });
  });

  it("has only what may concern this node, with the first candidates", () => {
    const names = Array.from({ length: 20 }, (_, index) => `node-${index}`);
    const placement = { address: address("192.0.2.10"), interfaces: "all" } as const;
    const text = stateText("node-7", {
      members: [],
      placements: [
        { ...placement, candidates: names },
        { ...placement, address: address("192.0.2.11"), candidates: names.toReversed() },
        { ...placement, address: address("192.0.2.12"), candidates: [] },
      ],
    });
    const reading = readState("node-7", text);
    assert.ok(reading.ok);
    assert.deepEqual(reading.value.placements, [{ ...placement, candidates: names.slice(0, 8) }]);
  });

  it("is never longer than is read", () => {
    const long = `n${"o".repeat(250)}`;
    const candidates = Array.from({ length: 8 }, (_, index) => `${long}${index}`);
    const placements = Array.from({ length: 20_000 }, (_, index) => ({
      address: address(`10.0.${index >> 8}.${index & 255}`),
      candidates: [...candidates.slice(0, 7), "node-a"],
      interfaces: "all" as const,
    }));
    const text = stateText("node-a", { members: MEMBERS, placements });
    assert.ok(text.length <= LONGEST_STATE && text.length > LONGEST_STATE / 2, `${text.length}`);
    const reading = readState("node-a", text);
    assert.ok(reading.ok, reading.ok ? "" : reading.reason);
    assert.ok(reading.value.placements.length > 1_000);
  });

  it("is refused as a whole where any of it cannot be right", () => {
    assert.equal(refusal(TEXT, "node-b"), "is that of another node");
    assert.equal(refusal(TEXT.replace('"version":1', '"version":2')), "is of another version");
    assert.equal(refusal(" ".repeat(LONGEST_STATE + 1)), `has more than ${LONGEST_STATE} characters`);
    for (const text of ["null", "[]", "1", '"x"', "{}"]) assert.equal(refusal(text), "is of another version");
    const members = "has members that cannot be read";
    assert.equal(
      refusal(changed((fields) => fields.members.push({ name: "Bad", addresses: [], macs: [] }))),
      members,
    );
    assert.equal(
      refusal(changed((fields) => fields.members.push({ name: "c", addresses: ["1.2.3"], macs: [] }))),
      members,
    );
    assert.equal(
      refusal(changed((fields) => fields.members.push({ name: "c", addresses: [], macs: ["no"] }))),
      members,
    );
    const placements = "has placements that cannot be read";
    for (const wrong of [
      null,
      { address: "192.0.2.10", candidates: ["node-a"] },
      { address: "nowhere", candidates: ["node-a"], interfaces: "all" },
      { address: "192.0.2.10", candidates: "node-a", interfaces: "all" },
      { address: "192.0.2.10", candidates: Array.from({ length: 9 }, () => "node-a"), interfaces: "all" },
      { address: "192.0.2.10", candidates: ["node-a"], interfaces: ["a-name-that-is-too-long"] },
      { address: "192.0.2.10", candidates: ["node-a"], interfaces: { 0: "eth0" } },
    ])
      assert.equal(refusal(changed((fields) => fields.placements.push(wrong))), placements, String(wrong));
  });

  it("is refused when it was cut off, wherever", () => {
    for (let length = 1; length < TEXT.trimEnd().length; length += 1)
      assert.equal(refusal(TEXT.slice(0, length)), "is no JSON");
  });

  it("is read or refused, whatever is there", () => {
    fc.assert(fc.property(fc.string(), (text) => void readState("node-a", text)));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (members, placements) => {
        const text = JSON.stringify({ version: 1, node: "node-a", members, placements });
        void readState("node-a", text);
      }),
    );
  });
});
