import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { instant } from "#base/time";
import type { Scheduler, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { ownersOf } from "#core/balance/slots";
import { MessageBuilder } from "#core/netlink/builder";
import { writeHostU32 } from "#core/netlink/host-order";
import { decodeMessages, type NetlinkMessage } from "#core/netlink/message";
import { address } from "#testing/values";
import { beginMessage, nftablesType } from "./nfnetlink.ts";
import { countingSets, decodeSlotCounts, type SlotCount, SlotCounts } from "./slot-counts.ts";
import { mayGoShort } from "./targets.ts";

const HASH: Scheduler = { type: "consistent-hash", tableSize: 7 };

const server = (name: string, more: Partial<VirtualServer> = {}): VirtualServer => ({
  ...{ name, mode: "dsr", protocol: "tcp", address: address("192.0.2.100"), ports: onePort(80) },
  scheduler: HASH,
  backends: ["w1", "w2"].map((each, index) => ({
    ...{ name: each, address: address(`10.0.0.${index + 1}`), weight: 1 },
  })),
  ...more,
});

const planOf = (...servers: readonly VirtualServer[]): ForwardingPlan =>
  planForwarding({
    ...{ servers, previous: undefined, now: instant(0) },
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: (to) => (to === "10.0.0.1" ? "eth1" : "eth2") },
  });

const one = (plan: ForwardingPlan): ServerPlan => plan.servers[0] ?? assert.fail();

/** A message as the kernel answers with. */
const answer = (counts: readonly SlotCount[]): NetlinkMessage => {
  const builder = new MessageBuilder();
  beginMessage(builder, {
    ...{ type: nftablesType(12), flags: 0, sequence: 1, family: "netdev", resource: 0 },
  });
  const list = builder.openNest(3);
  for (const { slot, packets, bytes } of counts) {
    const item = builder.openNest(1);
    const key = builder.openNest(1);
    const number = new Uint8Array(4);
    writeHostU32(number, 0, slot);
    builder.attributeBytes(1, number);
    builder.closeNest(key);
    const expression = builder.openNest(7);
    builder.attributeText(1, "counter");
    const data = builder.openNest(2);
    for (const [type, value] of [
      [1, bytes],
      [2, packets],
    ] as const) {
      const wide = new Uint8Array(8);
      new DataView(wide.buffer).setBigUint64(0, BigInt(value));
      builder.attributeBytes(type, wide);
    }
    for (const nest of [data, expression, item]) builder.closeNest(nest);
  }
  builder.closeNest(list);
  builder.end();
  const messages = decodeMessages(builder.bytes());
  assert.ok(messages.ok && messages.value[0]);
  return messages.value[0];
};

describe("counts of slots", () => {
  const COUNTS = [
    { slot: 3, packets: 5, bytes: 300 },
    { slot: 6, packets: 2 ** 40, bytes: 2 ** 50 },
  ];

  it("are read as the kernel writes them", () => {
    assert.deepEqual(decodeSlotCounts(answer(COUNTS)), COUNTS);
  });

  it("are nothing in truncated and arbitrary bytes, which never throw", () => {
    const whole = answer(COUNTS);
    for (let length = 0; length < whole.body.length; length += 1)
      for (const count of decodeSlotCounts({ ...whole, body: whole.body.subarray(0, length) }))
        assert.ok(COUNTS.some(({ slot }) => slot === count.slot));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => void decodeSlotCounts({ ...whole, body })),
    );
  });

  it("are of dsr by hash alone, in one set for each interface", () => {
    const kinds = [
      server("hash"),
      server("round", { scheduler: { type: "round-robin" } }),
      server("nat", { mode: "nat" }),
    ];
    assert.deepEqual(
      kinds.map((each) => mayGoShort(one(planOf(each)))),
      [true, false, false],
    );
    assert.deepEqual(
      countingSets(one(planOf(server("web")))).map(({ set }) => set),
      ["targets/web/7/0/4", "targets/web/7/1/4"],
    );
  });
});

describe("what backends were sent", () => {
  const plan = planOf(server("web"));
  const web = one(plan);
  const owned = (name: string): readonly number[] => {
    const id = web.backends.find((backend) => backend.name === name)?.id;
    return [...ownersOf(web).entries()].flatMap(([slot, owner]) => (owner === id ? [slot] : []));
  };
  const [a = -1, b = -1] = owned("w1");
  const [c = -1] = owned("w2");
  const counted = (...counts: readonly (readonly [number, number])[]): readonly SlotCount[] =>
    counts.map(([slot, packets]) => ({ slot, packets, bytes: 100 * packets }));

  it("is the sum of their slots, and grows by what they count more", () => {
    const counts = new SlotCounts();
    counts.note(web, counted([a, 5], [b, 7], [c, 1]));
    assert.deepEqual(counts.sent("web", "w1"), { packets: 12, bytes: 1_200 });
    counts.note(web, counted([a, 6], [b, 7], [c, 4]));
    assert.deepEqual(counts.sent("web", "w1"), { packets: 13, bytes: 1_300 });
    assert.deepEqual(counts.sent("web", "w2"), { packets: 4, bytes: 400 });
  });

  it("never shrinks: a slot that was made anew begins at nothing, seen or unseen meanwhile", () => {
    const counts = new SlotCounts();
    counts.note(web, counted([a, 5], [b, 7]));
    counts.note(web, counted([a, 2], [b, 7]));
    assert.equal(counts.sent("web", "w1")?.packets, 14);
    counts.note(web, counted([a, 2]));
    counts.note(web, counted([a, 2], [b, 9]));
    assert.equal(counts.sent("web", "w1")?.packets, 23);
  });

  it("belongs to whoever has the slot now, and stays whose it was", () => {
    const counts = new SlotCounts();
    counts.note(web, counted([a, 5]));
    const moved = planForwarding({
      ...{ servers: [server("web")], previous: plan, now: instant(0) },
      availability: (key) => (key === "web/w1" ? "unavailable" : "available"),
      links: { ingress: () => ["eth0"], egress: () => "eth1" },
    });
    counts.note(one(moved), counted([a, 3]));
    assert.deepEqual([counts.sent("web", "w1")?.packets, counts.sent("web", "w2")?.packets], [5, 3]);
  });

  it("is all of a slot's count once another has the slot, however much that is", () => {
    const counts = new SlotCounts();
    counts.note(web, counted([a, 5]));
    const moved = planForwarding({
      ...{ servers: [server("web")], previous: plan, now: instant(0) },
      availability: (key) => (key === "web/w1" ? "unavailable" : "available"),
      links: { ingress: () => ["eth0"], egress: () => "eth1" },
    });
    counts.note(one(moved), counted([a, 9]));
    assert.equal(counts.sent("web", "w2")?.packets, 9);
  });

  it("is nothing of what slots had counted before we came, and all of it when rings are made anew", () => {
    const counts = new SlotCounts();
    counts.adopt(plan);
    counts.note(web, counted([a, 1_000]));
    assert.equal(counts.sent("web", "w1"), undefined);
    counts.note(web, counted([a, 1_003]));
    assert.equal(counts.sent("web", "w1")?.packets, 3);
    counts.ringsAnew();
    counts.note(web, counted([a, 2_000]));
    assert.equal(counts.sent("web", "w1")?.packets, 2_003);
  });

  it("takes no slot that is not there", () => {
    const counts = new SlotCounts();
    counts.note(web, counted([7, 5], [0xffff_ffff, 5]));
    assert.deepEqual([counts.sent("web", "w1"), counts.sent("web", "w2")], [undefined, undefined]);
  });

  it("is read in turns of so many slots, of which everybody has one, and forgotten with the server", () => {
    const counts = new SlotCounts();
    const three = planOf(
      server("a"),
      server("b", { ports: onePort(81) }),
      server("c", { ports: onePort(82) }),
      server("d", { ports: onePort(83), mode: "nat" }),
    );
    const names = (slots: number): readonly string[] => counts.turn(three, slots).map(({ name }) => name);
    assert.deepEqual(names(14), ["a", "b"]);
    assert.deepEqual(names(14), ["c", "a"]);
    assert.deepEqual(names(1), ["b"]);
    assert.deepEqual(names(1_000), ["c", "a", "b"]);
    counts.note(web, counted([a, 5]));
    counts.turn(three, 1);
    assert.equal(counts.sent("web", "w1"), undefined);
    assert.deepEqual(counts.turn(planOf(), 100), []);
  });
});
