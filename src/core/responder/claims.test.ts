import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { asks, claims, held, macOf, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";

const VIP = address("192.0.2.100");
const VIP6 = address("2001:db8::100");
const ASKER = 0x77;
const quick = { gratuitous: { repeat: 1, interval: millis(100), delay: millis(0), refresh: seconds(0) } };

/** A node with these addresses held, whose first announcements are over. */
const holder = (...addresses: readonly Parameters<typeof held>[0][]): Node => {
  const node = new Node(quick).links(nodeLink(2)).assign(...addresses.map((each) => held(each)));
  node.pass(seconds(1)).take();
  return node;
};

describe("claims of others", () => {
  for (const vip of [VIP, VIP6]) {
    it(`of ${vip} are told with their MAC address, ten times a second at most, and answered with an announcement`, () => {
      const node = holder(vip).pass(seconds(20));
      for (let count = 0; count < 50; count += 1) node.hear(2, claims(vip, ASKER)).pass(millis(50));
      const told = node.told();
      const heard = told.filter(({ type }) => type === "heard");
      assert.equal(heard.length, 25);
      assert.deepEqual(heard[0], {
        ...{ type: "heard", address: vip, stance: "holding", linkIndex: 2, mac: macOf(ASKER) },
        ...{ who: { kind: "stranger" }, evidence: "announcement" },
      });
      assert.deepEqual(
        told.filter(({ type }) => type === "duplicate"),
        [
          {
            ...{ type: "duplicate", address: vip, linkIndex: 2, mac: macOf(ASKER) },
            who: { kind: "stranger" },
          },
        ],
      );
      // DEFEND_INTERVAL: one in ten seconds (RFC 5227 §2.4 (c)).
      const defences = node.takeSent().filter(({ send }) => send.cause === "other-speaker");
      assert.equal(defences.length, vip === VIP ? 2 : 1);
    });
  }

  for (const vip of [VIP, VIP6]) {
    it(`of ${vip} are told again when others were asked for it, however lately the same was said`, () => {
      const node = new Node(quick).links(nodeLink(2)).assign(held(vip, { stance: "watching" }));
      const count = (): number => node.told().filter(({ type }) => type === "heard").length;
      node.hear(2, claims(vip, ASKER)).pass(millis(10)).hear(2, claims(vip, ASKER));
      assert.equal(count(), 1);
      // Who asks from nowhere is answered by NDP in the words of an announcement.
      node.expect(vip).hear(2, claims(vip, ASKER));
      assert.equal(count(), 1);
      node.hear(2, claims(vip, ASKER));
      assert.equal(count(), 0);
    });
  }

  it("who is a peer are named and not fought: the election decides", () => {
    const node = holder(VIP).pass(seconds(20));
    node.responder.setPeers(new Map([[macOf(ASKER), "node-b"]]));
    node.hear(2, claims(VIP, ASKER));
    assert.deepEqual(
      node.told().map((event) => "who" in event && event.who),
      [{ kind: "peer", node: "node-b" }],
    );
    assert.deepEqual(node.take(), []);
  });

  it("of an address that is yielded or watched are told, so that its next holder is known", () => {
    for (const stance of ["yielding", "watching"] as const) {
      const node = holder(VIP).assign(held(VIP, { stance })).hear(2, claims(VIP, ASKER));
      assert.deepEqual(
        node.told().map((event) => event.type === "heard" && event.stance),
        [stance],
      );
      assert.deepEqual(node.pass(seconds(30)).take(), []);
    }
  });

  it("that only use the address, as source of a question, are told too", () => {
    const other = address("192.0.2.50");
    const node = holder(VIP, VIP6).hear(2, asks(other, ASKER, VIP));
    node.hear(2, asks(address("2001:db8::50"), ASKER, VIP6));
    assert.deepEqual(
      node.told().map((event) => event.type === "heard" && event.evidence),
      ["use", "use"],
    );
  });
});

describe("probing", () => {
  for (const vip of [VIP, VIP6]) {
    it(`${vip} asks three times within a fifth of a second, and tells that nobody has it (RFC 5227 §2.1.1, RFC 4862 §5.4)`, () => {
      const node = new Node().links(nodeLink(2)).assign(held(vip, { stance: "probing" }));
      node.pass(millis(179));
      assert.deepEqual(node.told(), []);
      node.pass(millis(1));
      assert.deepEqual(node.told(), [{ type: "probed", address: vip, outcome: "free" }]);
      const sent = node.take();
      assert.equal(sent.length, 3);
      assert.match(String(sent[0]), /^probe on 2 to .*(?:0\.0\.0\.0|from ::)/);
      assert.deepEqual(node.pass(seconds(60)).take(), []);
    });

    it(`${vip} ends at once when somebody answers, claims it, or wants it too`, () => {
      for (const frame of [claims(vip, ASKER), asks(vip, ASKER)]) {
        const node = new Node().links(nodeLink(2)).assign(held(vip, { stance: "probing" }));
        node.take();
        node.hear(2, frame).pass(seconds(10));
        const outcomes = node.told().filter(({ type }) => type === "probed");
        assert.deepEqual(outcomes, [
          {
            ...{ type: "probed", address: vip, outcome: "in-use", linkIndex: 2 },
            ...{ mac: macOf(ASKER), who: { kind: "stranger" } },
          },
        ]);
        assert.deepEqual(node.take(), []);
      }
    });
  }

  it("waits for a link", () => {
    const node = new Node().assign(held(VIP, { stance: "probing" })).pass(seconds(60));
    assert.deepEqual([node.take(), node.told()], [[], []]);
    assert.equal(node.responder.deadline(), undefined);
    node.links(nodeLink(2)).pass(millis(180));
    assert.equal(node.told().length, 1);
  });

  it("goes over into holding, with a takeover's announcements", () => {
    const node = new Node()
      .links(nodeLink(2))
      .assign(held(VIP, { stance: "probing" }))
      .pass(seconds(1));
    node.take();
    assert.match(String(node.assign(held(VIP)).take()[0]), /^takeover/);
  });
});
