import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macBytes } from "#base/mac";
import { millis, seconds } from "#base/time";
import { addressAfter, asks, claims, held, macOf, Node, nodeLink, wordsOf } from "#testing/responder";
import { address } from "#testing/values";

const VIP = address("192.0.2.100");
const PEER = 0xb;
const STRANGER = 0x66;

describe("probing", () => {
  it("goes on when another speaker probes the same address, and ends when that one has it", () => {
    const node = new Node().links(nodeLink(2)).assign(held(VIP, { stance: "probing" }));
    node.responder.setPeers(new Map([[macOf(PEER), "b"]]));
    node.hear(2, asks(VIP, PEER));
    assert.deepEqual(
      node.told().map(({ type }) => type),
      ["heard"],
    );
    node.hear(2, claims(VIP, PEER));
    assert.deepEqual(
      node.told().filter(({ type }) => type === "probed"),
      [
        {
          ...{ type: "probed", address: VIP, outcome: "in-use", linkIndex: 2, mac: macOf(PEER) },
          who: { kind: "peer", node: "b" },
        },
      ],
    );
  });

  it("of two thousand addresses at once sends each its three probes before it is called free", () => {
    const many = Array.from({ length: 2_000 }, (_, index) => addressAfter(address("10.0.0.0"), index));
    const node = new Node().links(nodeLink(2, ["10.0.0.1/8"]));
    node.assign(...many.map((each) => held(each, { stance: "probing" })));
    const probesOf = new Map<string, number>();
    for (let step = 0; step < 200; step += 1) {
      node.pass(millis(20));
      for (const { send } of node.takeSent()) {
        const subject = / for (\S+)$/.exec(wordsOf(send))?.[1] ?? "";
        probesOf.set(subject, (probesOf.get(subject) ?? 0) + 1);
      }
      for (const event of node.told()) {
        assert.ok(event.type === "probed" && event.outcome === "free");
        assert.equal(probesOf.get(event.address), 3);
        probesOf.set(event.address, 0);
      }
    }
    assert.equal(probesOf.size, many.length);
    assert.ok([...probesOf.values()].every((left) => left === 0));
  });
});

describe("suspicions", () => {
  it("end with the term: a claim from before is not taken together with one from the next", () => {
    const node = new Node().links(nodeLink(2)).assign(held(VIP)).pass(seconds(20));
    node.hear(2, claims(VIP, STRANGER)).pass(seconds(2));
    node
      .assign(held(VIP, { stance: "yielding" }))
      .pass(seconds(1))
      .assign(held(VIP))
      .pass(seconds(1));
    node.hear(2, claims(VIP, STRANGER)).pass(millis(999)).hear(2, claims(VIP, STRANGER));
    assert.ok(node.told().every(({ type }) => type !== "duplicate"));
    node.pass(millis(1)).hear(2, claims(VIP, STRANGER));
    assert.equal(node.told().filter(({ type }) => type === "duplicate").length, 1);
  });
});

describe("an announcement of our own that another link hears", () => {
  it("makes both links look at once, not at the end of the interval", () => {
    const node = new Node({ segmentInterval: seconds(3_600) }).links(nodeLink(2), nodeLink(3));
    node.assign(held(VIP)).pass(seconds(20)).take();
    node.hear(3, { payload: claims(VIP, 2).payload, from: macBytes(macOf(2)) });
    const looks = node.takeSent().filter(({ send }) => send.cause === "look");
    assert.deepEqual(
      looks.map(({ send }) => send.linkIndex),
      [2, 3],
    );
    for (const { send } of looks) {
      const { payload } = send.frame;
      node.hear(5 - send.linkIndex, { payload, from: payload.slice(8, 14) });
    }
    assert.deepEqual(node.responder.voicesOf(VIP), [2]);
    // However many more are heard: one look a second.
    for (let count = 0; count < 30; count += 1) {
      node.hear(3, { payload: claims(VIP, 2).payload, from: macBytes(macOf(2)) }).pass(millis(100));
    }
    assert.ok(node.takeSent().filter(({ send }) => send.cause === "look").length <= 2 * 4);
  });
});

describe("a takeover", () => {
  it("goes before the second bursts of thousands", () => {
    const many = Array.from({ length: 4_000 }, (_, index) => addressAfter(address("10.0.0.0"), index));
    const node = new Node().links(nodeLink(2, ["10.0.0.1/8"])).assign(...many.map((each) => held(each)));
    node.pass(millis(5_030)).take();
    const one = address("10.99.0.1");
    node.assign(held(one)).pass(millis(10));
    assert.match(String(node.take()[0]), /takeover .* request 10\.99\.0\.1 /);
  });
});
