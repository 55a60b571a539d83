import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, wallTime } from "#base/time";
import { address } from "#testing/values";
import type { SpeakerEvent } from "./event.ts";
import { SPEAKER_EXAMPLES } from "./examples.ts";
import { snapshotOf, viewOf as viewFrom } from "./snapshot.ts";
import { emptySpeakerView, projectSpeaker } from "./view.ts";

const A = address("192.0.2.10");

const viewOf = (...events: readonly SpeakerEvent[]) => {
  const view = emptySpeakerView();
  for (const [index, event] of events.entries()) {
    projectSpeaker(view, { sequence: index + 1, at: wallTime(1_000 + index), event });
  }
  return view;
};

describe("what is true of a speaker", () => {
  it("is where each address is, since when and why, and how often that changed", () => {
    const move = { type: "address-state", address: A } as const;
    const view = viewOf(
      { ...move, from: "standby", to: "claiming", cause: "holder-dead", peer: "node-b" },
      { ...move, from: "claiming", to: "holding", cause: "holder-dead", peer: "node-b" },
      { ...SPEAKER_EXAMPLES["duplicate-address"], address: A },
      { ...SPEAKER_EXAMPLES["duplicate-gone"], address: A },
      { ...move, from: "holding", to: "standby", cause: "isolated" },
    );
    assert.deepEqual(view.addresses.get(A), {
      ...{ state: "standby", since: wallTime(1_004), cause: "isolated", peer: undefined },
    });
    assert.deepEqual(
      [...view.transitions],
      [
        ["holder-dead", 2],
        ["isolated", 1],
      ],
    );
    assert.equal(view.duplicates.size, 0);
  });

  it("has no end of addresses that come and go, but keeps those that are held", () => {
    const view = emptySpeakerView();
    const tell = (index: number, to: "holding" | "standby") =>
      projectSpeaker(view, {
        ...{ sequence: index + 1, at: wallTime(index) },
        event: {
          ...{
            type: "address-state",
            address: address(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`),
          },
          ...{ from: "claiming", to, cause: "unheld" },
        },
      });
    for (let index = 0; index < 100; index += 1) tell(index, "holding");
    for (let index = 100; index < 100_000; index += 1) tell(index, "standby");
    assert.ok(view.addresses.size > 10_000 && view.addresses.size <= 20_000, `${view.addresses.size}`);
    for (let index = 0; index < 100; index += 1)
      assert.equal(view.addresses.get(address(`10.0.0.${index}`))?.state, "holding");
    assert.ok(view.addresses.has(address("10.1.134.159")), "the last one");
    assert.ok(!view.addresses.has(address("10.0.0.100")), "the first of those that are not held");
  });

  it("is that a machine has an address, until that is over", () => {
    const move = { type: "address-state", address: A } as const;
    const found: readonly SpeakerEvent[] = [
      { ...move, from: "standby", to: "claiming", cause: "unheld" },
      { ...SPEAKER_EXAMPLES["duplicate-address"], address: A, stage: "unused" },
      { ...move, from: "claiming", to: "standby", cause: "contested" },
      { ...move, from: "standby", to: "claiming", cause: "unheld" },
    ];
    assert.deepEqual([...viewOf(...found).duplicates.keys()], [A]);
    const over = viewOf(...found, { ...SPEAKER_EXAMPLES["duplicate-gone"], address: A });
    assert.equal(over.duplicates.size, 0);
  });

  it("is how long an address was without its holder, as long as it is held for that", () => {
    const { outage, ...move } = SPEAKER_EXAMPLES["address-state"];
    const taken = { ...move, outage: millis(362) };
    assert.equal(viewOf(taken).addresses.get(move.address)?.outage, outage);
    const later = viewOf(taken, { ...move, from: "holding", to: "standby", cause: "handed-over" });
    assert.equal(later.addresses.get(move.address)?.outage, undefined);
  });

  it("is who is a member and how it is; who is none any more is forgotten, and counted", () => {
    const view = viewOf(
      { type: "member", node: "node-b", from: "alive", to: "dead", cause: "silent" },
      { type: "member", node: "node-c", from: "alive", to: "dead", cause: "not-a-member" },
    );
    assert.deepEqual([...view.members.keys()], ["node-b"]);
    assert.deepEqual(
      [...view.deaths],
      [
        ["silent", 1],
        ["not-a-member", 1],
      ],
    );
  });

  it("is whether a member that is alive hears this node, which nobody knows before it is heard", () => {
    const alive = { type: "member", node: "node-b", from: "unknown", to: "alive" } as const;
    const hears = { type: "hearing", node: "node-b", hearsUs: "yes" } as const;
    const hearsUs = (...events: readonly SpeakerEvent[]) => viewOf(...events).members.get("node-b")?.hearsUs;
    assert.equal(hearsUs(alive), "unknown");
    assert.equal(hearsUs(alive, hears), "yes");
    assert.equal(viewOf(alive, hears).members.get("node-b")?.since, wallTime(1_000));
    assert.equal(hearsUs(alive, hears, { ...alive, to: "dead", cause: "silent" }), undefined);
    assert.equal(hearsUs(hears), undefined);
  });

  it("is what is wrong now, until it is over", () => {
    const begun = viewOf(...Object.values(SPEAKER_EXAMPLES));
    assert.deepEqual(
      [begun.flapping.size, begun.unreachable.size, begun.linksDown.size, begun.trouble.size, begun.company],
      [1, 1, 1, 1, "isolated"],
    );
    const over = viewOf(
      ...Object.values(SPEAKER_EXAMPLES),
      { ...SPEAKER_EXAMPLES.flapping, state: "ended" },
      { type: "reachability", address: A, from: "unreachable", to: "reachable" },
      { ...SPEAKER_EXAMPLES.link, state: "up" },
      { ...SPEAKER_EXAMPLES["api-trouble"], state: "ended" },
      SPEAKER_EXAMPLES["configuration-refused"],
      SPEAKER_EXAMPLES["configuration-applied"],
      { type: "speaker", change: "synced" },
    );
    assert.deepEqual(
      [
        over.flapping.size,
        over.unreachable.size,
        over.linksDown.size,
        over.trouble.size,
        over.refused.length,
      ],
      [0, 0, 0, 0, 0],
    );
    assert.deepEqual([over.isSynced, over.sequence], [true, Object.keys(SPEAKER_EXAMPLES).length + 7]);
  });
});

describe("what is true of BGP", () => {
  it("is what is refused, fails or is limited, until it is over, and how often sessions went down", () => {
    const events: readonly SpeakerEvent[] = [
      SPEAKER_EXAMPLES["bgp-attempt"],
      SPEAKER_EXAMPLES["bgp-refusal"],
      SPEAKER_EXAMPLES["bgp-trouble"],
      SPEAKER_EXAMPLES["bgp-limit"],
      SPEAKER_EXAMPLES["bgp-configuration-refused"],
    ];
    const sizes = (...more: readonly SpeakerEvent[]) => {
      const view = viewOf(...events, ...more);
      const { bgpAttempts, bgpRefusals, bgpTroubles, bgpLimits, bgpRefused } = view;
      return [bgpAttempts.size, bgpRefusals.size, bgpTroubles.size, bgpLimits.size, bgpRefused.length];
    };
    assert.deepEqual(sizes(), [1, 1, 1, 1, 1]);
    assert.deepEqual(
      sizes(
        { type: "bgp-session", peer: "tor-1", to: "up" },
        { ...SPEAKER_EXAMPLES["bgp-refusal"], state: "ended" },
        { ...SPEAKER_EXAMPLES["bgp-trouble"], state: "ended" },
        { ...SPEAKER_EXAMPLES["bgp-limit"], state: "ended" },
        SPEAKER_EXAMPLES["bgp-configuration-applied"],
      ),
      [0, 0, 0, 0, 0],
    );
    const down = SPEAKER_EXAMPLES["bgp-session"];
    assert.deepEqual([...viewOf(down, down).bgpDowns], [["hold-timer-expired", 2]]);
    assert.equal(sizes({ ...down, to: "removed" })[3], 0);
  });

  it("goes to another process and back", () => {
    const view = viewOf(...Object.values(SPEAKER_EXAMPLES));
    assert.deepEqual(viewFrom(structuredClone(snapshotOf(view))), view);
  });
});
