import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, isIpv4 } from "#base/address";
import { BROADCAST_MAC } from "#base/mac";
import { millis, seconds } from "#base/time";
import { decode as decodeArp } from "#core/arp/packet";
import { decodePacket } from "#core/ndp/packet";
import { type Obstacle, PROBE_DEFAULTS, TRIES } from "#core/reachability/machine";
import { speakerSentence } from "#core/speaker/sentence";
import { decode } from "#core/tcp/segment";
import { address } from "#testing/values";
import { PROBE_PORTS } from "./probes-sockets.ts";
import { LINK, macOf, OWN, type PortManner, type ProbeBed, probeBed } from "./test-probes.ts";

const A = { IPv4: address("192.0.2.100"), IPv6: address("2001:db8::100") } as const;
const NODE = 20;
const STRANGER = 30;

/** A prober of one address that a node has, after its first verdict. */
const probed = (
  target: IpAddress,
  options: { readonly manner?: PortManner; readonly port?: number | undefined } = {},
) => {
  const bed = probeBed();
  const node = bed.addMachine(NODE, options.manner);
  node.have(target);
  bed.probes.setDuties([{ address: target, port: "port" in options ? options.port : 80 }], bed.now());
  return { bed, node, passRound: () => bed.pass(PROBE_DEFAULTS.interval) };
};

const typeOf = ({ verdicts }: ProbeBed, target: IpAddress): string | undefined => {
  const verdict = verdicts.get(target);
  return verdict?.type === "unreachable" ? verdict.obstacle.type : verdict?.type;
};

const said = ({ events }: ProbeBed): readonly string[] =>
  events.splice(0).map((event) => speakerSentence(event).text);

const flags = (bed: ProbeBed): readonly string[] =>
  bed.segments.packets
    .filter(({ from }) => from === macOf(1))
    .map(({ payload }) => {
      const segment = decode(payload);
      assert.ok(segment.ok);
      return segment.value.kind === "other" ? "syn" : segment.value.kind;
    });

for (const family of ["IPv4", "IPv6"] as const) {
  const target = A[family];
  describe(`a prober over ${family}`, () => {
    it("finds an address reachable, with the times that its two answers took", () => {
      const { bed } = probed(target);
      bed.passUntil(() => bed.verdicts.size > 0);
      const verdict = bed.verdicts.get(target);
      assert.ok(verdict?.type === "reachable");
      assert.equal(verdict.mac, macOf(NODE));
      assert.ok(verdict.resolved <= millis(1) && verdict.connected !== undefined);
      assert.ok(verdict.connected <= millis(1));
      assert.deepEqual(said(bed), []);
      assert.deepEqual(flags(bed), ["syn", "reset"]);
      // The handshake: from this node's own address and a port of nobody else, to the machine that answered.
      const [syn, reset] = bed.segments.packets.filter(({ from }) => from === macOf(1));
      assert.ok(syn !== undefined && reset !== undefined);
      assert.deepEqual([syn.destination, reset.destination], [macOf(NODE), macOf(NODE)]);
      const read = decode(syn.payload);
      assert.ok(read.ok);
      const { source, destination, sourcePort, destinationPort } = read.value;
      assert.deepEqual([source, destination, destinationPort], [OWN[family], target, 80]);
      assert.ok(sourcePort >= PROBE_PORTS.low && sourcePort <= PROBE_PORTS.high);
      const taken = decode(reset.payload);
      assert.ok(taken.ok && taken.value.sourcePort === sourcePort);
    });

    it("asks as a neighbour that wants to send, from its own address, and wants the address from nobody", () => {
      const { bed } = probed(target);
      bed.passUntil(() => bed.verdicts.size > 0);
      const questions = bed.neighbours.frames.filter(({ from }) => from === macOf(1));
      assert.equal(questions.length, 1);
      const [question] = questions;
      assert.ok(question !== undefined);
      if (isIpv4(target)) {
        const arp = decodeArp(question.payload);
        assert.ok(arp.ok);
        assert.equal(question.destination, BROADCAST_MAC);
        const { operation, senderAddress, senderMac, targetAddress } = arp.value;
        assert.deepEqual(
          [operation, senderAddress, senderMac, targetAddress],
          ["request", OWN.IPv4, macOf(1), target],
        );
      } else {
        const ndp = decodePacket(question.payload);
        assert.ok(ndp.ok);
        assert.equal(question.destination, "33:33:ff:00:01:00");
        assert.deepEqual(ndp.value, {
          message: { type: "solicitation", target, mac: macOf(1) },
          context: { source: OWN.IPv6, destination: "ff02::1:ff00:100" },
        });
      }
    });

    for (const [manner, expected, sent] of [
      ["resets", { type: "refused", mac: macOf(NODE) }, ["syn"]],
      ["rejects", { type: "refused", mac: macOf(NODE) }, ["syn"]],
      ["silent", { type: "silent", mac: macOf(NODE) }, ["syn", "syn", "syn", "reset"]],
    ] as const) {
      it(`says what an address comes to whose port is one that ${manner}`, () => {
        const { bed } = probed(target, { manner });
        bed.passUntil(() => bed.verdicts.size > 0);
        assert.deepEqual(bed.verdicts.get(target), {
          type: "unreachable",
          obstacle: expected satisfies Obstacle,
        });
        assert.deepEqual(said(bed), [`as seen from here unknown -> unreachable (${expected.type})`]);
        assert.deepEqual(flags(bed), sent);
      });
    }

    it("says that nobody answers, after three questions, and that somebody does again", () => {
      const { bed, node, passRound } = probed(target);
      passRound();
      passRound();
      node.answers = false;
      said(bed);
      const before = bed.neighbours.frames.length;
      passRound();
      passRound();
      assert.equal(typeOf(bed, target), "not-resolved");
      assert.ok(bed.neighbours.frames.length - before >= TRIES);
      node.answers = true;
      passRound();
      passRound();
      assert.deepEqual(said(bed), [
        "as seen from here reachable -> unreachable (not-resolved)",
        "as seen from here unreachable -> reachable",
      ]);
    });

    it("says which machines answer when two do", () => {
      const { bed } = probed(target);
      bed.addMachine(STRANGER).have(target);
      bed.passUntil(() => bed.verdicts.size > 0);
      assert.deepEqual(bed.verdicts.get(target), {
        ...{ type: "unreachable" },
        obstacle: { type: "answered-twice", macs: [macOf(NODE), macOf(STRANGER)] },
      });
      assert.deepEqual(flags(bed), []);
    });

    it("says which machine answers when that is no node, and does not connect to it", () => {
      const { bed, node } = probed(target);
      node.answers = false;
      bed.addMachine(STRANGER).have(target);
      bed.strangers.add(macOf(STRANGER));
      bed.passUntil(() => bed.verdicts.size > 0);
      assert.deepEqual(bed.verdicts.get(target), {
        ...{ type: "unreachable" },
        obstacle: { type: "other-machine", mac: macOf(STRANGER) },
      });
      assert.deepEqual(flags(bed), []);
    });

    it("only resolves an address without a TCP port", () => {
      const { bed } = probed(target, { port: undefined });
      bed.passUntil(() => bed.verdicts.size > 0);
      const verdict = bed.verdicts.get(target);
      assert.ok(verdict?.type === "reachable" && verdict.connected === undefined);
      assert.deepEqual(flags(bed), []);
    });

    it("follows an address that moves while it is asked for, and calls nobody a second machine", () => {
      const { bed, node } = probed(target);
      const next = bed.addMachine(STRANGER);
      bed.passUntil(() => bed.neighbours.frames.length > 1);
      node.answers = false;
      node.manner = "silent";
      next.have(target);
      next.announce(target);
      bed.passUntil(() => bed.verdicts.size > 0);
      const verdict = bed.verdicts.get(target);
      assert.ok(verdict?.type === "reachable");
      assert.equal(verdict.mac, macOf(STRANGER));
    });
  });
}

describe("a prober", () => {
  const target = A.IPv4;

  it("says when another machine has the address, though it is as reachable as before", () => {
    const { bed, node, passRound } = probed(target);
    passRound();
    passRound();
    said(bed);
    node.answers = false;
    bed.addMachine(STRANGER).have(target);
    passRound();
    passRound();
    const verdict = bed.verdicts.get(target);
    assert.ok(verdict?.type === "reachable");
    assert.equal(verdict.mac, macOf(STRANGER));
    assert.deepEqual(said(bed), []);
  });

  it("asks for nothing that it may not judge, and does not stand by what it said before", () => {
    const { bed, passRound } = probed(target);
    passRound();
    passRound();
    said(bed);
    bed.excused.add(target);
    const before = bed.neighbours.frames.length;
    passRound();
    passRound();
    assert.deepEqual([typeOf(bed, target), bed.neighbours.frames.length], ["unknown", before]);
    assert.deepEqual(said(bed), []);
    bed.excused.clear();
    passRound();
    passRound();
    assert.equal(typeOf(bed, target), "reachable");
  });

  it("blames nobody for what it could not send", () => {
    const { bed, passRound } = probed(target);
    passRound();
    passRound();
    bed.own.neighbours.setLink(false);
    passRound();
    passRound();
    assert.equal(typeOf(bed, target), "unknown");
    assert.ok([...bed.counts.keys()].includes("prober send: ENETDOWN"), [...bed.counts.keys()].join());
    bed.own.neighbours.setLink(true);
    // Now only the handshake fails.
    bed.own.segments.setLink(false);
    passRound();
    passRound();
    assert.equal(typeOf(bed, target), "unknown");
    bed.own.segments.setLink(true);
    passRound();
    passRound();
    assert.equal(typeOf(bed, target), "reachable");
  });

  it("stops asking on a link that is gone, and goes on when it is back", () => {
    const { bed, passRound } = probed(target);
    passRound();
    passRound();
    const link = { ...LINK, mac: macOf(1), mtu: 1500, up: true, carrier: false, loopback: false };
    bed.netlink.setLink(link);
    bed.probes.linksChanged(bed.now());
    const before = bed.neighbours.frames.length;
    passRound();
    passRound();
    assert.deepEqual([typeOf(bed, target), bed.neighbours.frames.length], ["unknown", before]);
    bed.netlink.setLink({ ...link, carrier: true });
    bed.probes.linksChanged(bed.now());
    passRound();
    passRound();
    assert.equal(typeOf(bed, target), "reachable");
  });

  it("keeps what it knows of an address when duties change, also when the port does, and asks for new ones", () => {
    const { bed, node, passRound } = probed(target);
    const other = address("192.0.2.101");
    passRound();
    passRound();
    said(bed);
    node.have(target, other);
    bed.probes.setDuties(
      [
        { address: target, port: 443 },
        { address: other, port: 80 },
      ],
      bed.now(),
    );
    assert.equal(typeOf(bed, target), "reachable");
    passRound();
    passRound();
    assert.deepEqual([typeOf(bed, target), typeOf(bed, other)], ["reachable", "reachable"]);
    const ports = new Set(
      bed.segments.packets.flatMap(({ payload, from }) => {
        const segment = decode(payload);
        return segment.ok && from === macOf(1) ? [segment.value.destinationPort] : [];
      }),
    );
    assert.deepEqual(ports, new Set([80, 443]));
  });

  it("says nothing more of what it does not ask for any more, except that it does not know what was bad", () => {
    const { bed, node, passRound } = probed(target);
    const other = address("192.0.2.101");
    bed.probes.setDuties(
      [
        { address: target, port: 80 },
        { address: other, port: 80 },
      ],
      bed.now(),
    );
    passRound();
    passRound();
    assert.deepEqual([typeOf(bed, target), typeOf(bed, other)], ["reachable", "not-resolved"]);
    said(bed);
    bed.verdicts.clear();
    bed.probes.setDuties([], bed.now());
    assert.deepEqual(said(bed), ["as seen from here unreachable -> unknown"]);
    const before = bed.neighbours.frames.length;
    node.announce(target);
    passRound();
    passRound();
    assert.deepEqual([bed.verdicts.size, bed.neighbours.frames.length], [0, before + 2]);
    assert.equal(bed.clock.wakeAt, undefined);
  });

  it("takes a handshake back that is under way when its duty ends", () => {
    const { bed } = probed(target, { manner: "silent" });
    bed.passUntil(() => flags(bed).length === 1);
    bed.probes.setDuties([], bed.now());
    assert.deepEqual(flags(bed), ["syn", "reset"]);
  });

  it("lets its ports take turns, so that none is used again for an address before a minute has passed", () => {
    const { bed, passRound } = probed(target);
    for (let round = 0; round < 9; round += 1) passRound();
    const used = bed.segments.packets.flatMap(({ payload, from }) => {
      const segment = decode(payload);
      return segment.ok && from === macOf(1) && segment.value.kind === "other"
        ? [segment.value.sourcePort]
        : [];
    });
    assert.ok(used.length >= 8);
    const count = PROBE_PORTS.high - PROBE_PORTS.low + 1;
    for (const [index, port] of used.entries()) {
      assert.ok(!used.slice(Math.max(0, index - count + 1), index).includes(port), used.join());
    }
    assert.ok(PROBE_DEFAULTS.interval * (count - 1) > seconds(60));
  });

  it("asks all the same when others have its ports, and counts it", () => {
    const { bed } = probed(target);
    assert.ok(bed.own.segments.port.reservePorts(PROBE_PORTS).ok);
    bed.passUntil(() => bed.verdicts.size > 0);
    assert.equal(typeOf(bed, target), "reachable");
    assert.equal(bed.counts.get(`prober take port ${PROBE_PORTS.high}: EADDRINUSE`), 1);
  });

  it("leaves no deadline, no port and no open socket behind", () => {
    const { bed, passRound } = probed(target);
    passRound();
    bed.probes.linksChanged(bed.now());
    bed.probes.close();
    bed.probes.close();
    assert.equal(bed.clock.wakeAt, undefined);
    const free = bed.own.segments.port.reservePorts(PROBE_PORTS);
    assert.ok(free.ok && free.value.ports.length === PROBE_PORTS.high - PROBE_PORTS.low + 1);
    const before = bed.neighbours.frames.length;
    passRound();
    assert.equal(bed.neighbours.frames.length, before);
  });
});

describe("a prober of a thousand addresses", () => {
  const many = Array.from({ length: 1_000 }, (_, index) => address(`10.0.${index >> 8}.${index & 0xff}`));
  const crowd = (addresses = many) => {
    const bed = probeBed();
    // All of them are in no network of the node, and are looked for where its router is.
    bed.netlink.setAddress({
      ...{ address: address("10.0.255.1"), prefixLength: 16, linkIndex: LINK.index },
      ...{ tentative: false, duplicate: false },
    });
    bed.addMachine(NODE).have(...addresses);
    bed.probes.setDuties(
      addresses.map((each) => ({ address: each, port: 80 })),
      bed.now(),
    );
    return bed;
  };
  /** The most frames in any 10 ms while time passes. */
  const busiest = (bed: ProbeBed, rounds: number): number => {
    let most = 0;
    const slices = (PROBE_DEFAULTS.interval / millis(10)) * rounds;
    for (let slice = 0; slice < slices; slice += 1) {
      const before = bed.neighbours.frames.length + bed.segments.packets.length;
      bed.pass(millis(10), millis(5));
      most = Math.max(most, bed.neighbours.frames.length + bed.segments.packets.length - before);
    }
    return most;
  };

  it("spreads them over the interval, one question and one handshake each", () => {
    const bed = crowd();
    assert.ok(busiest(bed, 2) < 120);
    assert.equal(bed.verdicts.size, many.length);
    assert.ok([...bed.verdicts.values()].every(({ type }) => type === "reachable"));
    const own = bed.neighbours.frames.filter(({ from }) => from === macOf(1)).length;
    assert.ok(own <= 2 * many.length && own >= many.length, `${own}`);
  });

  it("begins rounds that are due within a fifth of a second together", () => {
    const some = many.slice(0, 100);
    const bed = crowd(some);
    let moments = 0;
    for (let slice = 0; slice < PROBE_DEFAULTS.interval / millis(5); slice += 1) {
      const before = bed.neighbours.frames.length;
      bed.pass(millis(5), millis(5));
      if (bed.neighbours.frames.length > before) moments += 1;
    }
    assert.ok(bed.neighbours.frames.length >= 2 * some.length - 10, `${bed.neighbours.frames.length}`);
    assert.ok(moments <= 50, `${moments}`);
  });

  it("asks for no more than 10 a second once it has asked for each, and for those together that it expects to find again", () => {
    const bed = crowd();
    bed.pass(PROBE_DEFAULTS.interval, millis(5));
    const { frames } = bed.neighbours;
    let [counted, own] = [0, 0];
    const asked = (): number => {
      for (; counted < frames.length; counted += 1) if (frames[counted]?.from === macOf(1)) own += 1;
      return own;
    };
    const before = asked();
    let moments = 0;
    for (let slice = 0; slice < seconds(320) / millis(5); slice += 1) {
      const known = asked();
      bed.pass(millis(5), millis(5));
      if (asked() > known) moments += 1;
    }
    const more = asked() - before;
    assert.ok(more >= 2 * many.length - 100 && more <= 2 * many.length + 100, `${more}`);
    // Two a second, and what is asked a second time within a round.
    assert.ok(moments <= 2.2 * 320, `${moments}`);
  });

  it("does not ask for all at once after the process has stood still", () => {
    const bed = crowd();
    bed.pass(seconds(11), millis(5));
    bed.freeze(true);
    bed.pass(seconds(60), millis(100));
    const before = bed.neighbours.frames.length;
    bed.freeze(false);
    assert.ok(bed.neighbours.frames.length - before < 250, `${bed.neighbours.frames.length - before}`);
    assert.ok(busiest(bed, 1) < 120);
    assert.ok([...bed.verdicts.values()].every(({ type }) => type === "reachable"));
  });
});
