import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "#base/address";
import { after, instant, millis, seconds } from "#base/time";
import { asks, claims, held, Node, nodeLink, wordsOf } from "#testing/responder";
import { address } from "#testing/values";
import type { AllowedInterfaces, NodeLink, Stance } from "./config.ts";

const ADDRESSES = ["192.0.2.100", "192.0.2.101", "203.0.113.9", "2001:db8::100"].map(address);
const ASKER = 0x77;

/** Links that come and go, are enslaved, lose their carrier, and change their MAC address. */
const link: fc.Arbitrary<NodeLink> = fc
  .record({
    index: fc.integer({ min: 2, max: 5 }),
    networks: fc.constantFrom(["192.0.2.1/24", "2001:db8::1/64"], ["198.51.100.1/24"], []),
    state: fc.constantFrom({}, {}, { up: false }, { carrier: false }, { master: 9, masterKind: "bridge" }),
    kind: fc.constantFrom({}, {}, { kind: "macvlan", lower: 2 }, { name: "veth9" }),
  })
  .map(({ index, networks, state, kind }) => nodeLink(index, networks, { ...state, ...kind }));
const links = fc.uniqueArray(link, { selector: ({ link: { index } }) => index, maxLength: 4 });

const stance = fc.constantFrom<Stance>("watching", "probing", "holding", "yielding");
const interfaces = fc.constantFrom<AllowedInterfaces>("all", "all", ["eth2", "veth9"], ["eth4", "eth5"]);
const one = fc.constantFrom(...ADDRESSES);

type Deed = (node: Node) => void;

const deed: fc.Arbitrary<Deed> = fc.oneof(
  links.map(
    (each): Deed =>
      (node) =>
        node.links(...each),
  ),
  fc.tuple(one, stance, interfaces, fc.constantFrom("responder" as const, "kernel" as const)).map(
    ([vip, how, where, answers]): Deed =>
      (node) =>
        node.assign(held(vip, { stance: how, interfaces: where, answers })),
  ),
  one.map(
    (vip): Deed =>
      (node) =>
        node.forget(vip),
  ),
  fc.tuple(one, fc.integer({ min: 2, max: 5 }), fc.constantFrom(ASKER, 2, 3)).map(
    ([vip, at, who]): Deed =>
      (node) =>
        node.hear(at, claims(vip, who)),
  ),
  fc.constantFrom("defence", "peer-returned", "rival").map(
    (why): Deed =>
      (node) =>
        node.sayAgain(why, ...ADDRESSES),
  ),
  fc.constantFrom(1, 70, 900, 40_000).map(
    (time): Deed =>
      (node) =>
        passBounded(node, time),
  ),
);

/** Lets time pass, and fails where it would never. */
const passBounded = (node: Node, time: number): void => {
  const end = after(node.now, millis(time));
  let atOnce = 0;
  for (let at = node.responder.deadline(); at !== undefined && at <= end; at = node.responder.deadline()) {
    atOnce = at <= node.now ? atOnce + 1 : 0;
    assert.ok(atOnce < 40, "it wants to be woken again and again");
    node.now = instant(Math.max(at, node.now));
    node.timer();
  }
  node.now = end;
};

const questionFor = (vip: IpAddress) =>
  asks(vip, ASKER, address(vip.includes(":") ? "fe80::7" : "192.0.2.7"));

describe("a responder", () => {
  it("keeps its promises whatever happens in whatever order", () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40 }), (deeds) => {
        const node = new Node();
        for (const perform of deeds) {
          perform(node);
          // Frames on links without a socket fail in the bed.
          node.takeSent();
        }
        passBounded(node, 1_000);
        node.takeSent();
        for (const vip of ADDRESSES) {
          const voices = node.responder.voicesOf(vip);
          const silent = node.responder.silenceOf(vip);
          for (const index of [2, 3, 4, 5]) {
            const answers = node.hear(index, questionFor(vip)).takeSent();
            const said = answers.filter(({ send }) => send.cause === "answer");
            if (said.length > 0) assert.ok(voices.includes(index), "answers where it speaks");
            for (const { send } of said) assert.match(wordsOf(send), new RegExp(vip));
          }
          for (const reason of silent.values()) assert.ok(reason.length > 0);
        }
        // Nothing is left of it once all is forgotten.
        node.forget(...ADDRESSES);
        passBounded(node, 200_000);
        node.takeSent();
        assert.deepEqual([[...node.ears], node.responder.deadline()], [[], undefined]);
      }),
      { numRuns: 400 },
    );
  });

  it("speaks on at most one of the links that were found to be on one segment", () => {
    const macvlans = [
      nodeLink(2),
      nodeLink(3, undefined, { kind: "macvlan", lower: 2 }),
      nodeLink(4, undefined, { kind: "macvlan", lower: 2 }),
    ];
    fc.assert(
      fc.property(fc.array(fc.subarray(macvlans), { maxLength: 20 }), fc.nat(500), (changes, pause) => {
        const node = new Node().assign(held(ADDRESSES[0] ?? assert.fail("none")));
        for (const present of changes) {
          node.links(...present).pass(millis(pause));
          if (present.some(({ link: { index } }) => index === 2)) {
            assert.equal(node.responder.voicesOf(ADDRESSES[0] ?? assert.fail("none")).length, 1);
          }
        }
        node.pass(seconds(1));
      }),
    );
  });
});
