import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, millis, seconds } from "#base/time";
import { held, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";

const VIP = address("192.0.2.100");
const VIP6 = address("2001:db8::100");
const OTHER = address("198.51.100.100");
const THIRD = nodeLink(3, ["198.51.100.1/24"]);

/** What each socket listens for. */
const ears = (node: Node): Record<string, readonly string[]> =>
  Object.fromEntries([...node.ears].map(([key, addresses]) => [key, [...addresses]]));

describe("sockets", () => {
  it("listen for exactly what fits their link and family, whatever is done with it", () => {
    const node = new Node().links(nodeLink(2), THIRD);
    node.assign(held(VIP, { stance: "watching" }), held(VIP6), held(OTHER, { answers: "kernel" }));
    assert.deepEqual(ears(node), { "2 IPv4": [VIP], "2 IPv6": [VIP6], "3 IPv4": [OTHER] });
    node.links(THIRD).pass(millis(100));
    assert.deepEqual(ears(node), { "3 IPv4": [OTHER, VIP] });
    node.links(nodeLink(2), THIRD).pass(millis(100));
    assert.deepEqual(ears(node), { "3 IPv4": [OTHER], "2 IPv4": [VIP], "2 IPv6": [VIP6] });
    node.forget(VIP, OTHER).pass(millis(100));
    assert.deepEqual(ears(node), { "2 IPv6": [VIP6] });
  });

  it("are there before anything is said on a link, however lately others were told of changes", () => {
    const node = new Node().links(nodeLink(2)).assign(held(VIP)).pass(seconds(1));
    node.assign(held(address("192.0.2.101")));
    // A frame on a link without a socket would fail here.
    node.links(nodeLink(2), THIRD).assign(held(OTHER));
    assert.deepEqual(ears(node)["3 IPv4"], [OTHER]);
    assert.match(String(node.take().at(-1)), /on 3 /);
  });

  it("listen for an address before others are asked for it, however lately they were told of changes", () => {
    const other = address("192.0.2.101");
    const node = new Node()
      .links(nodeLink(2))
      .assign(held(VIP, { stance: "watching" }))
      .pass(millis(1));
    const told = new Set(node.ears.get("2 IPv4"));
    node.assign(held(other, { stance: "watching" }));
    assert.deepEqual(node.responder.deadline(), after(node.now, millis(49)), "it is told later");
    assert.deepEqual([...told], [VIP]);
    node.expect(other);
    assert.notEqual(node.responder.deadline(), after(node.now, millis(49)));
    assert.deepEqual(ears(node), { "2 IPv4": [VIP, other] });
  });

  it("are told of an address that comes alone, and of all once one is gone", () => {
    const [second, third] = [address("192.0.2.101"), address("192.0.2.102")];
    const node = new Node().links(nodeLink(2)).assign(held(VIP)).pass(seconds(1));
    node.assign(held(second)).pass(millis(100));
    assert.deepEqual(node.added, [undefined, [second]]);
    node.assign(held(third)).forget(VIP).pass(millis(100));
    assert.deepEqual(node.added, [undefined, [second], [third], undefined]);
    assert.deepEqual(ears(node), { "2 IPv4": [second, third] });
  });

  it("may hear for a second of addresses that are gone, if they listen for hundreds", () => {
    const many = Array.from({ length: 300 }, (_, index) =>
      address(`192.0.${2 + (index >> 8)}.${index & 255}`),
    );
    const node = new Node().links(nodeLink(2, ["192.0.2.1/16"])).assign(...many.map((each) => held(each)));
    node.pass(seconds(30));
    node.forget(...many.slice(0, 10));
    const told = node.added.length;
    node
      .pass(millis(10))
      .forget(...many.slice(10, 20))
      .pass(millis(980));
    assert.equal(node.added.length, told);
    node.pass(millis(20));
    assert.equal(node.added.length, told + 1);
    assert.equal(node.ears.get("2 IPv4")?.size, 280);
  });

  it("follow an address to the interfaces that are asked for by name", () => {
    const node = new Node().links(nodeLink(2), THIRD).assign(held(VIP)).pass(seconds(20));
    node.take();
    node.assign(held(VIP, { interfaces: ["eth3"] })).pass(millis(100));
    assert.deepEqual(node.responder.voicesOf(VIP), [3]);
    assert.deepEqual(ears(node), { "3 IPv4": [VIP] });
    assert.match(String(node.take()[0]), /^takeover on 3 /);
  });

  it("listen for looks as well where an address fits several links", () => {
    const node = new Node().links(nodeLink(2), nodeLink(4)).assign(held(VIP));
    assert.deepEqual(ears(node), { "2 IPv4": [VIP, "192.0.0.8"], "4 IPv4": [VIP, "192.0.0.8"] });
    const six = new Node().links(nodeLink(2), nodeLink(4)).assign(held(VIP6));
    assert.deepEqual(Object.keys(ears(six)).sort(), ["2 IPv4", "2 IPv6", "4 IPv4", "4 IPv6"]);
    node.links(nodeLink(2)).pass(millis(100));
    assert.deepEqual(ears(node), { "2 IPv4": [VIP] });
  });

  it("listen for looks before these are sent, however lately they were told of changes", () => {
    const node = new Node().links(nodeLink(2), THIRD).assign(held(VIP), held(OTHER));
    node.take();
    // In no link's network, so that it fits both.
    node.assign(held(address("203.0.113.9")));
    assert.ok(node.takeSent().some(({ send }) => send.cause === "look"));
    for (const key of ["2 IPv4", "3 IPv4"]) assert.ok(ears(node)[key]?.includes("192.0.0.8"), key);
  });
});
