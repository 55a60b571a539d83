import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BROADCAST_MAC, macBytes, macFromBytes } from "#base/mac";
import { millis, seconds } from "#base/time";
import { decode, encode } from "#core/arp/packet";
import { asks, claims, held, macOf, Node, nodeLink, wordsOf } from "#testing/responder";
import { address } from "#testing/values";
import type { NodeLink } from "./config.ts";
import type { Effect } from "./effects.ts";

const VIP = address("192.0.2.100");
const HOST = address("192.0.2.7");
const ASKER = 0x77;
const quick = { gratuitous: { repeat: 1, interval: millis(100), delay: millis(0), refresh: seconds(100) } };

type Send = Extract<Effect, { type: "send" }>;

/** Two links whose frames reach each other when they are on one switch. */
class Wired {
  readonly node = new Node(quick);
  switches: ReadonlyMap<number, string>;
  readonly said: string[] = [];

  constructor(switches: ReadonlyMap<number, string>) {
    this.switches = switches;
  }

  /** Frames to all that one link sends are heard by the others on its switch, a moment later. */
  #deliver(send: Send): void {
    const { linkIndex, frame, family } = send;
    if (frame.destination !== BROADCAST_MAC) return;
    const packet = decode(frame.payload);
    assert.ok(packet.ok);
    const { senderMac, senderAddress, targetAddress } = packet.value;
    for (const [index, name] of this.switches) {
      if (index === linkIndex || name !== this.switches.get(linkIndex)) continue;
      // As the kernel's filter does: nobody is woken for what it does not listen for.
      const ear = this.node.ears.get(`${index} IPv4`);
      if (!ear?.has(senderAddress) && !ear?.has(targetAddress)) continue;
      this.node.hear(index, { payload: frame.payload, from: macBytes(senderMac) }, family);
    }
  }

  run(duration: ReturnType<typeof seconds>): this {
    for (let passed = 0; passed <= duration; passed += 50_000) {
      this.#settle();
      this.node.pass(millis(50));
    }
    return this;
  }

  #settle(): void {
    for (let sent = this.node.takeSent(); sent.length > 0; sent = this.node.takeSent()) {
      for (const { send } of sent) {
        this.said.push(wordsOf(send));
        this.#deliver(send);
      }
    }
  }

  /** On which links a question that everybody hears is answered. */
  answersOn(): readonly number[] {
    this.#settle();
    for (const index of this.switches.keys()) this.node.hear(index, asks(VIP, ASKER, HOST));
    return this.node
      .takeSent()
      .filter(({ send }) => send.cause === "answer")
      .map(({ send }) => send.linkIndex);
  }
}

const SAME = new Map([
  [2, "sw"],
  [3, "sw"],
]);
const APART = new Map([
  [2, "sw"],
  [3, "other"],
]);
const BOTH: readonly NodeLink[] = [nodeLink(2), nodeLink(3)];

const wired = (switches: ReadonlyMap<number, string>, links = BOTH): Wired => {
  const wire = new Wired(switches);
  wire.node.links(...links).assign(held(VIP));
  return wire.run(seconds(2));
};

describe("two links on one switch", () => {
  it("answer once, with the older link, and never announce the other one meanwhile", () => {
    const wire = wired(SAME);
    assert.deepEqual(wire.answersOn(), [2]);
    assert.deepEqual(wire.node.responder.voicesOf(VIP), [2]);
    assert.equal(wire.node.responder.silenceOf(VIP).get("eth3"), "other-link-speaks");
    assert.ok(!wire.said.some((words) => words.startsWith("takeover on 3")), wire.said.join("\n"));
  });

  it("are recognised by a probe for an address that nobody has, which changes no cache", () => {
    const looks = wired(SAME).said.filter((words) => words.startsWith("look"));
    assert.deepEqual(looks.slice(0, 2), [
      `look on 2 to ${BROADCAST_MAC}: request 0.0.0.0 at ${macOf(2)} for 192.0.0.8`,
      `look on 3 to ${BROADCAST_MAC}: request 0.0.0.0 at ${macOf(3)} for 192.0.0.8`,
    ]);
  });

  it("answer with the other one at once when the first goes down, and stay with it when that is back", () => {
    const wire = wired(SAME);
    wire.node.links(nodeLink(3));
    assert.deepEqual(wire.answersOn(), [3]);
    assert.deepEqual(wire.node.responder.voicesOf(VIP), [3]);
    wire.node.links(...BOTH);
    assert.deepEqual(wire.answersOn(), [3]);
    wire.run(seconds(200));
    assert.deepEqual(wire.answersOn(), [3]);
  });

  it("stay recognised for as long as they hear each other, and are apart once they do not", () => {
    const wire = wired(SAME).run(seconds(400));
    assert.deepEqual(wire.answersOn(), [2]);
    wire.switches = APART;
    assert.deepEqual(wire.run(seconds(106)).answersOn(), [2, 3]);
  });

  it("that were not heard in time are recognised at the next announcement, and the one that stays says so", () => {
    const wire = wired(APART);
    assert.deepEqual(wire.answersOn(), [2, 3]);
    wire.switches = SAME;
    wire.said.length = 0;
    wire.run(seconds(101));
    assert.deepEqual(wire.answersOn(), [2]);
    assert.ok(wire.said.some((words) => words.startsWith("reconfigured on 2")));
  });

  it("are not recognised by a look that has another nonce", () => {
    const wire = new Wired(APART);
    wire.node.links(...BOTH).assign(held(VIP));
    wire.run(seconds(2));
    for (const { send } of wire.node.takeSent()) assert.notEqual(send.cause, "look");
    const forged = decode(asks(address("192.0.0.8"), 2).payload);
    assert.ok(forged.ok);
    const targetMac = macFromBytes(Uint8Array.of(1, 2, 3, 4, 0, 2));
    const payload = encode({ ...forged.value, targetMac });
    wire.node.hear(3, { payload, from: macBytes(macOf(2)) });
    assert.deepEqual(wire.answersOn(), [2, 3]);
  });

  it("have their claims heard as their own, not as a stranger's", () => {
    const wire = wired(SAME);
    wire.node.hear(3, claims(VIP, 2)).hear(2, claims(VIP, 3));
    assert.deepEqual(wire.node.told(), []);
  });
});

describe("links that are apart", () => {
  it("both answer, the second one when it had time to be recognised", () => {
    const wire = wired(APART);
    assert.deepEqual(wire.answersOn(), [2, 3]);
    assert.ok(wire.said.some((words) => words.startsWith("takeover on 3")));
  });

  it("and carry different addresses are not looked at", () => {
    const wire = wired(APART, [nodeLink(2), nodeLink(3, ["203.0.113.1/24"])]).run(seconds(300));
    assert.ok(!wire.said.some((words) => words.startsWith("look")));
    assert.deepEqual(wire.answersOn(), [2]);
  });
});

describe("a macvlan", () => {
  it("is on the segment of the link below it, though neither hears the other", () => {
    const macvlan = nodeLink(3, undefined, { kind: "macvlan", lower: 2 });
    const wire = wired(APART, [nodeLink(2), macvlan]);
    assert.deepEqual(wire.answersOn(), [2]);
  });
});
