import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macBytes, macFromBytes } from "#base/mac";
import { millis, seconds } from "#base/time";
import { asks, held, macOf, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";

const HOST = address("192.0.2.7");
const HOST6 = address("fe80::7");

/** Two nodes on one segment; `a` holds the address, and each knows the other's MAC address. */
const pair = (vip: typeof HOST): { readonly a: Node; readonly b: Node } => {
  const [a, b] = [new Node(), new Node()];
  a.links(nodeLink(2, undefined, { mac: macOf(0xa) })).assign(held(vip));
  b.links(nodeLink(2, undefined, { mac: macOf(0xb) })).assign(held(vip, { stance: "watching" }));
  a.responder.setPeers(new Map([[macOf(0xb), "b"]]));
  b.responder.setPeers(new Map([[macOf(0xa), "a"]]));
  for (const node of [a, b]) node.pass(seconds(20)).take();
  return { a, b };
};

/** What `from` has sent since is heard by `to`. */
const carry = (from: Node, to: Node, mac: number): void => {
  for (const { send } of from.takeSent()) {
    if (send.cause === "answer") continue;
    to.hear(2, { payload: send.frame.payload, from: macBytes(macOf(mac)) }, send.family);
  }
};

/** Which nodes answer a question that both hear. */
const answering = (vip: typeof HOST, { a, b }: ReturnType<typeof pair>): readonly string[] => {
  const question = asks(vip, 0x77, vip.includes(":") ? HOST6 : HOST);
  return [a, b].flatMap((node) => {
    // What is to be carried is still there.
    const before = node.takeSent();
    assert.deepEqual(before, []);
    return node
      .hear(2, question)
      .takeSent()
      .map(({ send }) => macFromBytes(send.frame.payload.slice(vip.includes(":") ? 66 : 8).subarray(0, 6)));
  });
};

describe("a planned move of an address", () => {
  for (const vip of [address("192.0.2.100"), address("2001:db8::100")]) {
    it(`leaves no moment without an answer, and one holder in the end: ${vip}`, () => {
      const nodes = pair(vip);
      const { a, b } = nodes;
      assert.deepEqual(answering(vip, nodes), [macOf(0xa)]);
      a.assign(held(vip, { stance: "yielding" }));
      assert.deepEqual(answering(vip, nodes), [macOf(0xa)]);
      b.assign(held(vip));
      carry(b, a, 0xb);
      const [heard] = a.told();
      assert.deepEqual(heard, {
        ...{ type: "heard", address: vip, stance: "yielding", linkIndex: 2, mac: macOf(0xb) },
        ...{ who: { kind: "peer", node: "b" }, evidence: "announcement" },
      });
      assert.deepEqual(answering(vip, nodes), [macOf(0xa), macOf(0xb)]);
      a.forget(vip);
      for (let step = 0; step < 100; step += 1) {
        for (const node of [a, b]) node.pass(millis(100));
        carry(a, b, 0xa);
        carry(b, a, 0xb);
        assert.deepEqual(answering(vip, nodes), [macOf(0xb)]);
      }
      assert.deepEqual([a.told(), b.told()], [[], []]);
    });
  }
});
