import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { micros, millis, seconds } from "#base/time";
import { addressAfter, asks, held, macOf, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";
import { DEFAULTS } from "./config.ts";

const VIP = address("192.0.2.100");
const VIP6 = address("2001:db8::100");
const HOST = address("192.0.2.7");
const HOST6 = address("fe80::7");
const ASKER = 0x77;
const quick = { gratuitous: { repeat: 1, interval: millis(100), delay: millis(0), refresh: seconds(0) } };

/** A node with these addresses held, whose first announcements are over. */
const holder = (...addresses: readonly Parameters<typeof held>[0][]): Node => {
  const node = new Node(quick).links(nodeLink(2)).assign(...addresses.map((each) => held(each)));
  node.pass(seconds(1)).take();
  return node;
};

describe("answers", () => {
  it("an ARP request for an address that is held, to the asker alone (RFC 826)", () => {
    const node = holder(VIP).hear(2, asks(VIP, ASKER, HOST));
    assert.deepEqual(node.take(), [
      `answer on 2 to ${macOf(ASKER)}: reply ${VIP} at ${macOf(2)} for ${HOST}`,
    ]);
    assert.deepEqual(node.told(), []);
  });

  it("an ARP probe, so that nobody takes the address (RFC 5227 §2.1.1), and tells who wanted it", () => {
    const node = holder(VIP).hear(2, asks(VIP, ASKER));
    assert.deepEqual(node.take(), [
      `answer on 2 to ${macOf(ASKER)}: reply ${VIP} at ${macOf(2)} for 0.0.0.0`,
    ]);
    assert.deepEqual(node.told(), [
      {
        ...{ type: "heard", address: VIP, stance: "holding", linkIndex: 2, mac: macOf(ASKER) },
        ...{ who: { kind: "stranger" }, evidence: "probe" },
      },
    ]);
  });

  it("a solicitation with Solicited and Override, at the link-layer address of its option (RFC 4861 §7.2.4)", () => {
    const node = holder(VIP6).hear(2, asks(VIP6, ASKER, HOST6));
    assert.deepEqual(node.take(), [
      `answer on 2 to ${macOf(ASKER)}: advertisement SO ${VIP6} at ${macOf(2)} from ${VIP6} to ${HOST6}`,
    ]);
  });

  it("Duplicate Address Detection to all nodes, not Solicited (RFC 4861 §7.2.4)", () => {
    const node = holder(VIP6).hear(2, asks(VIP6, ASKER));
    assert.deepEqual(node.take(), [
      `answer on 2 to 33:33:00:00:00:01: advertisement O ${VIP6} at ${macOf(2)} from ${VIP6} to ff02::1`,
    ]);
    assert.equal(node.told().length, 1);
  });

  it("say that this host is a router where its kernel does (RFC 4861 §7.2.5)", () => {
    const node = new Node(quick).links({ ...nodeLink(2), router: true }).assign(held(VIP6));
    node.take();
    node.hear(2, asks(VIP6, ASKER, HOST6));
    const [sent] = node.takeSent();
    assert.equal((sent?.send.frame.payload[44] ?? 0) & 0x80, 0x80);
  });

  it("nothing for an address that is not held, only watched, probed, given up, or answered for by the kernel", () => {
    const other = address("192.0.2.101");
    const node = holder(VIP);
    node.hear(2, asks(other, ASKER, HOST));
    node.assign(held(other, { stance: "watching" })).hear(2, asks(other, ASKER, HOST));
    node
      .assign(held(other, { answers: "kernel" }))
      .pass(seconds(1))
      .take();
    node.hear(2, asks(other, ASKER, HOST));
    node.forget(VIP).hear(2, asks(VIP, ASKER, HOST));
    assert.deepEqual(node.take(), []);
    assert.equal(node.responder.counters().heard.get("not-answering"), 2);
    assert.equal(node.responder.counters().heard.get("other-address"), 2);
  });

  it("while an address is yielded, but announces it no more", () => {
    const node = holder(VIP).assign(held(VIP, { stance: "yielding" }));
    for (const why of ["defence", "peer-returned"] as const) node.sayAgain(why, VIP).pass(seconds(100));
    assert.deepEqual(node.take(), []);
    assert.equal(node.hear(2, asks(VIP, ASKER, HOST)).take().length, 1);
  });

  it("no question of our own, heard on another link", () => {
    const node = holder(VIP).hear(2, asks(VIP, 2, HOST));
    assert.deepEqual([node.take(), node.told()], [[], []]);
    assert.equal(node.responder.counters().heard.get("own"), 1);
  });

  it("only for addresses of the link's network if one has it, and everywhere if none does", () => {
    const far = address("198.51.100.9");
    const node = new Node(quick)
      .links(nodeLink(2), nodeLink(3, ["203.0.113.1/24"]))
      .assign(held(VIP), held(far))
      .pass(seconds(1));
    node.take();
    node.hear(3, asks(VIP, ASKER, HOST));
    assert.deepEqual(node.take(), []);
    for (const index of [2, 3]) node.hear(index, asks(far, ASKER, HOST));
    assert.equal(node.take().length, 2);
    assert.deepEqual(node.responder.silenceOf(VIP), new Map([["eth3", "other-network"]]));
  });
});

describe("links", () => {
  const unfit = {
    "a port of a bridge": { master: 9, masterKind: "bridge" },
    "a port of a bond": { master: 9, masterKind: "bond" },
    "one that is down": { up: false },
    "one without carrier": { carrier: false },
    "a dummy": { kind: "dummy" },
    "a veth of a container": { name: "veth1234" },
    "the loopback": { loopback: true, name: "lo" },
  };
  for (const [what, overrides] of Object.entries(unfit)) {
    it(`that cannot carry addresses say and hear nothing: ${what}`, () => {
      const node = new Node(quick).links(nodeLink(2, undefined, overrides)).assign(held(VIP));
      node.pass(seconds(10)).hear(2, asks(VIP, ASKER, HOST));
      assert.deepEqual([node.take(), [...node.ears.keys()]], [[], []]);
    });
  }

  it("that are bridges, bonds, VLANs and ports of a VRF carry addresses", () => {
    for (const overrides of [
      { kind: "bridge" },
      { kind: "bond" },
      { kind: "vlan", lower: 1 },
      { master: 9, masterKind: "vrf" },
    ]) {
      const node = new Node(quick).links(nodeLink(2, undefined, overrides)).assign(held(VIP));
      node.pass(seconds(1)).take();
      assert.equal(node.hear(2, asks(VIP, ASKER, HOST)).take().length, 1);
    }
  });

  it("that are left out by name are used when they are asked for by name, and no others then", () => {
    const node = new Node(quick)
      .links(nodeLink(2), nodeLink(3, ["203.0.113.1/24"], { name: "veth3" }))
      .assign(held(VIP, { interfaces: ["veth3"] }));
    node.pass(seconds(1)).take();
    node.hear(2, asks(VIP, ASKER, HOST));
    assert.deepEqual(node.take(), []);
    assert.equal(node.hear(3, asks(VIP, ASKER, HOST)).take().length, 1);
    assert.deepEqual(node.responder.silenceOf(VIP), new Map([["eth2", "not-allowed"]]));
  });

  it("that come up are announced on at once, and are silent from the moment they go down", () => {
    const node = holder(VIP).links(nodeLink(2, undefined, { carrier: false }));
    node.hear(2, asks(VIP, ASKER, HOST)).pass(seconds(500));
    assert.deepEqual(node.take(), []);
    assert.equal(node.links(nodeLink(2)).pass(millis(1)).take().length, 2);
  });

  it("that get another MAC address are announced with it at once", () => {
    const node = holder(VIP).links(nodeLink(2, undefined, { mac: macOf(0x99) }));
    assert.match(String(node.take()[0]), /request 192\.0\.2\.100 at 02:00:00:00:00:99/);
    assert.match(
      String(
        node
          .hear(2, asks(VIP, ASKER, HOST))
          .take()
          .at(-1),
      ),
      /reply .* at 02:00:00:00:00:99/,
    );
  });

  it("of containers that come and go change nothing", () => {
    const node = holder(VIP);
    for (let index = 10; index < 40; index += 1) {
      node.links(nodeLink(2), nodeLink(index, [], { name: `veth${index}` })).pass(millis(10));
    }
    assert.deepEqual(node.take(), []);
    assert.deepEqual([...node.ears.keys()], ["2 IPv4"]);
  });
});

describe("announcements", () => {
  it("of a takeover go out at once: first the request, then the reply (RFC 5227 §2.3), and to all nodes (RFC 4861 §7.2.6)", () => {
    const node = new Node().links(nodeLink(2)).assign(held(VIP), held(VIP6));
    assert.deepEqual(node.take(), [
      `takeover on 2 to ff:ff:ff:ff:ff:ff: request ${VIP} at ${macOf(2)} for ${VIP}`,
      `takeover on 2 to 33:33:00:00:00:01: advertisement O ${VIP6} at ${macOf(2)} from ${VIP6} to ff02::1`,
      `takeover on 2 to ff:ff:ff:ff:ff:ff: reply ${VIP} at ${macOf(2)} for ${VIP}`,
    ]);
  });

  it("are refreshed together where they are due within a second, so that thousands wake nobody for each", () => {
    const many = Array.from({ length: 200 }, (_, index) => address(`192.0.2.${index + 20}`));
    const node = new Node().links(nodeLink(2)).assign(...many.map((each) => held(each)));
    node.pass(seconds(10)).takeSent();
    node.pass(seconds(100));
    const sent = node.takeSent().filter(({ send }) => send.cause === "refresh");
    assert.ok(sent.length >= 2 * many.length);
    const moments = new Set(sent.map(({ at }) => Math.floor(at / millis(100))));
    assert.ok(moments.size <= 100, `${moments.size}`);
  });

  it("are a burst, a second burst, and refreshes more often than a switch forgets", () => {
    const node = new Node().links(nodeLink(2)).assign(held(VIP));
    const start = node.now;
    node.pass(seconds(1_000));
    const requests = node.takeSent().filter((_, index) => index % 2 === 0);
    const times = requests.map(({ at }) => at - start);
    assert.deepEqual(
      times.slice(0, 6),
      [0, 100_000, 200_000, 5_000_000, 5_100_000, 5_200_000].map((at) => micros(at)),
    );
    for (const [index, at] of times.entries()) {
      assert.ok(at - (times[index - 1] ?? 0) <= seconds(100));
      if (index > 6) assert.ok(at - (times[index - 1] ?? 0) >= seconds(50));
    }
    assert.ok(requests.slice(6).every(({ send }) => send.cause === "refresh"));
  });

  it("are made once against another speaker, at once, before everything that waits, and not in a burst", () => {
    for (const vip of [VIP, VIP6]) {
      const node = holder(vip).pass(seconds(30));
      node.sayAgain("defence", vip).pass(seconds(8));
      const said = node.takeSent();
      const forms = vip === VIP ? 2 : 1;
      assert.deepEqual(
        said.map(({ send }) => send.cause),
        Array.from({ length: forms }, () => "defence"),
      );
    }
    // Others wait for their turn, thousands of them.
    const many = Array.from({ length: 400 }, (_, index) => addressAfter(address("198.51.100.0"), index));
    const node = new Node({ framesPerSecond: 100 }).links(nodeLink(2));
    node.assign(held(VIP)).pass(seconds(20)).take();
    node.assign(...many.map((each) => held(each)));
    node.pass(seconds(5)).take();
    node.sayAgain("defence", VIP).pass(millis(200));
    assert.match(String(node.take()), new RegExp(`defence on 2 .* for ${VIP}`));
  });

  it("are a burst for a speaker that is back, at most once a second, and one that cannot wait for that", () => {
    const node = new Node({ gratuitous: { ...DEFAULTS.gratuitous, delay: millis(0), refresh: seconds(0) } });
    node.links(nodeLink(2)).assign(held(VIP)).pass(seconds(20)).take();
    const requests = (): readonly number[] =>
      node
        .takeSent()
        .filter((_, index) => index % 2 === 0)
        .map(({ at }) => at - start);
    const start = node.now;
    node.sayAgain("peer-returned", VIP).pass(millis(700)).sayAgain("peer-returned", VIP).pass(seconds(20));
    const expected = [0, 100, 200, 700, 1_000, 1_100, 1_200];
    assert.deepEqual(
      requests(),
      expected.map((at) => millis(at)),
    );
  });

  it("are a burst on a link that is reached another way, there alone", () => {
    const far = address("198.51.100.9");
    const node = new Node({ gratuitous: { ...DEFAULTS.gratuitous, refresh: seconds(0) } });
    node.links(nodeLink(2, ["192.0.2.1/24"]), nodeLink(3, ["203.0.113.1/24"]));
    node.assign(held(VIP), held(far)).pass(seconds(20)).take();
    node.sayAgainOn(2).pass(seconds(10));
    const said = node.takeSent().filter(({ send }) => send.cause !== "look");
    assert.deepEqual(
      said.map(({ send }) => `${send.cause} ${send.linkIndex}`),
      Array.from({ length: 12 }, () => "link-up 2"),
    );
    assert.deepEqual(node.sayAgainOn(9).pass(seconds(10)).take(), []);
  });

  it("end when the address is given up or yielded", () => {
    for (const end of [
      (node: Node) => node.forget(VIP),
      (node: Node) => node.assign(held(VIP, { stance: "yielding" })),
    ]) {
      const node = new Node().links(nodeLink(2)).assign(held(VIP));
      node.take();
      assert.deepEqual(end(node).pass(seconds(300)).take(), []);
    }
  });
});
