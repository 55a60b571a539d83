import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type IpAddress, type IpFamily, isIpv4 } from "#base/address";
import { macBytes, macFromBytes } from "#base/mac";
import { after, instant, seconds } from "#base/time";
import { framesFor } from "#core/announce/frames";
import { encode as encodeArp, whoHas } from "#core/arp/packet";
import { decode, encodeSyn, type Flow } from "#core/tcp/segment";
import { answerSegment, rejectSegment } from "#testing/segments";
import { address } from "#testing/values";
import { type Attempt, Hearing, isSameAttempt } from "./probes-hearing.ts";
import { macOf, probeBed } from "./test-probes.ts";

const NOW = instant(5_000_000);
const MAC = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 9));
const TARGET = { IPv4: address("192.0.2.100"), IPv6: address("2001:db8::100") } as const;
const SOURCE = { IPv4: address("192.0.2.1"), IPv6: address("2001:db8::1") } as const;

const hearing = () => {
  const counts = new Map<string, number>();
  const ears = new Hearing((what) => counts.set(what, (counts.get(what) ?? 0) + 1));
  return { ears, counts };
};

const attemptFor = (family: IpFamily): Attempt => ({
  flow: { source: SOURCE[family], destination: TARGET[family], sourcePort: 61_003, destinationPort: 443 },
  sequence: 0xffff_ffff,
});

const announcements = (target: IpAddress) =>
  framesFor({ address: target, mac: MAC, router: false }).map(({ payload }) => ({
    payload,
    from: macBytes(MAC),
  }));

for (const family of ["IPv4", "IPv6"] as const) {
  describe(`what a prober hears over ${family}`, () => {
    const attempt = attemptFor(family);
    const syn = encodeSyn(attempt.flow, attempt.sequence);

    it("is the answer to its handshake, whose sequence may be the last one before it begins anew", () => {
      const { ears } = hearing();
      for (const [packet, kind] of [
        [answerSegment(syn, "syn-ack"), "syn-ack"],
        [answerSegment(syn, "reset"), "reset"],
        [rejectSegment(syn, SOURCE[family]), "reset"],
      ] as const) {
        const heard = ears.segment(packet, NOW);
        assert.ok(heard !== undefined);
        assert.deepEqual(heard, { attempt, kind });
        assert.ok(isSameAttempt(heard.attempt, attempt));
      }
      assert.equal(ears.segment(syn, NOW), undefined);
    });

    it("is no other handshake's: every part of it is compared", () => {
      const different = (change: Partial<Flow>, sequence = attempt.sequence): Attempt => ({
        flow: { ...attempt.flow, ...change },
        sequence,
      });
      for (const other of [
        different({ source: TARGET[family] }),
        different({ destination: SOURCE[family] }),
        different({ sourcePort: 61_004 }),
        different({ destinationPort: 80 }),
        different({}, 0xffff_fffe),
      ]) {
        assert.ok(!isSameAttempt(other, attempt) && !isSameAttempt(attempt, other));
      }
    });

    it("is an announcement for what it is, and questions are not read", () => {
      const { ears, counts } = hearing();
      for (const frame of announcements(TARGET[family])) {
        assert.deepEqual(ears.frame(family, frame, NOW), {
          address: TARGET[family],
          input: { type: "announced", mac: MAC },
        });
      }
      const { source, destination } = attempt.flow;
      if (isIpv4(source) && isIpv4(destination)) {
        const payload = encodeArp(whoHas(destination, { mac: MAC, address: source }));
        assert.equal(ears.frame(family, { payload, from: macBytes(MAC) }, NOW), undefined);
      }
      assert.equal(counts.size, 0);
    });

    it("is bounded: half a second's worth at once, and what is beyond is counted", () => {
      const { ears, counts } = hearing();
      const [frame] = announcements(TARGET[family]);
      assert.ok(frame !== undefined);
      const packet = answerSegment(syn, "reset");
      let heard = 0;
      for (let index = 0; index < 15_000; index += 1) {
        if (ears.frame(family, frame, NOW) !== undefined) heard += 1;
        if (ears.segment(packet, NOW) !== undefined) heard += 1;
      }
      assert.equal(heard, 20_000);
      assert.deepEqual(
        [...counts],
        [
          ["prober dropped an answer: too many", 5_000],
          ["prober dropped a segment: too many", 5_000],
        ],
      );
      assert.ok(ears.segment(packet, after(NOW, seconds(1))) !== undefined);
    });

    it("never makes it fall over, whatever it is", () => {
      const { ears } = hearing();
      const whole = [answerSegment(syn, "syn-ack"), rejectSegment(syn, SOURCE[family])];
      fc.assert(
        fc.property(
          fc.constantFrom(...whole, ...announcements(TARGET[family]).map(({ payload }) => payload)),
          fc.array(fc.tuple(fc.nat(130), fc.nat(255)), { maxLength: 4 }),
          fc.nat(130),
          fc.uint8Array({ minLength: 6, maxLength: 6 }),
          (bytes, changes, size, from) => {
            const packet = bytes.slice(0, size);
            for (const [offset, value] of changes) if (offset < packet.length) packet[offset] = value;
            ears.segment(packet, NOW);
            ears.frame(family, { payload: packet, from }, NOW);
          },
        ),
      );
    });
  });

  describe(`a handshake of a prober over ${family}`, () => {
    it("is not ended by who has not seen its first segment", () => {
      const bed = probeBed();
      bed.addMachine(20, "silent").have(TARGET[family]);
      const forger = bed.segments.addStation(macOf(66)).port.openSegments({
        ...{ link: { index: 2, name: "eth0" }, family, ports: { low: 1, high: 1 } },
        ...{ onPacket: () => {}, onError: () => {} },
      });
      assert.ok(forger.ok);
      const forge = (packet: Uint8Array): void => {
        forger.value.send({ destination: macOf(1), payload: packet });
        bed.segments.settle();
      };
      bed.probes.setDuties([{ address: TARGET[family], port: 443 }], bed.now());
      bed.passUntil(() => bed.segments.packets.length > 0);
      const [first] = bed.segments.packets;
      assert.ok(first !== undefined);
      const read = decode(first.payload);
      assert.ok(read.ok);
      const guess = (change: Partial<Flow>, sequence: number): Uint8Array =>
        encodeSyn({ ...read.value, ...change }, sequence);
      const header = family === "IPv4" ? 20 : 40;
      const sequence = new DataView(first.payload.buffer, first.payload.byteOffset).getUint32(header + 4);
      for (const packet of [
        guess({}, sequence ^ 1),
        guess({ sourcePort: read.value.sourcePort ^ 1 }, sequence),
        guess({ destinationPort: 80 }, sequence),
      ]) {
        for (const kind of ["syn-ack", "reset"] as const) forge(answerSegment(packet, kind));
        forge(rejectSegment(packet, SOURCE[family]));
      }
      assert.equal(bed.counts.get("prober dropped a segment: not ours"), 9);
      assert.equal(bed.verdicts.size, 0);
      forge(answerSegment(first.payload, "syn-ack"));
      assert.equal(bed.verdicts.get(TARGET[family])?.type, "reachable");
      // Once is enough: what comes later belongs to nothing.
      forge(answerSegment(first.payload, "reset"));
      assert.equal(bed.verdicts.get(TARGET[family])?.type, "reachable");
    });
  });
}
