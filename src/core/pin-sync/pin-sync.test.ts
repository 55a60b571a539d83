import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes } from "#base/address";
import { after, type Instant, instant, millis, seconds } from "#base/time";
import { clientKey, type Pin } from "#core/balance/pin";
import { planForwarding } from "#core/balance/plan";
import type { ServerPlan } from "#core/balance/plan-model";
import { address } from "#testing/values";
import { acceptablePins, hearPeer, isWorthWriting } from "./listener.ts";
import {
  decodePinDatagram,
  encodePinDatagram,
  LONGEST_DATAGRAM,
  type PinDatagram,
  pinsPerDatagram,
} from "./packet.ts";
import { createTeller } from "./teller.ts";

const client = (text: string): string => clientKey(addressBytes(address(text)));
const pin = (text: string, backend = 7, remaining = seconds(60)): Pin => ({
  client: client(text),
  ...{ backend, remaining },
});
const nth = (number: number, backend = 7): Pin =>
  pin(`10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`, backend);

const HELLO: PinDatagram = { type: "hello", session: 1, sequence: 5, heard: { session: 2, missed: 3 } };
const PINS: PinDatagram = {
  ...{ type: "pins", session: 0xffff_fffe, sequence: 9, server: 0x8000_0001 },
  pins: [pin("192.0.2.1"), pin("192.0.2.2", 0x7fff_ffff, millis(1))],
};

describe("a datagram of pins", () => {
  it("is read as it was written", () => {
    const six: PinDatagram = { ...PINS, pins: [pin("2001:db8::1")] };
    for (const datagram of [HELLO, PINS, six]) {
      assert.deepEqual(decodePinDatagram(encodePinDatagram(datagram)), { ok: true, value: datagram });
    }
  });

  it("fits one Ethernet frame when it is full", () => {
    for (const [text, width] of [
      ["192.0.2.1", 4],
      ["2001:db8::1", 16],
    ] as const) {
      const pins = Array.from({ length: pinsPerDatagram(width) }, () => pin(text));
      const bytes = encodePinDatagram({ ...PINS, pins });
      assert.ok(bytes.length <= LONGEST_DATAGRAM && decodePinDatagram(bytes).ok);
      assert.ok(pins.length <= 255);
    }
  });

  it("is refused when it is cut short anywhere, or longer than it says", () => {
    for (const bytes of [encodePinDatagram(HELLO), encodePinDatagram(PINS)]) {
      for (let length = 0; length < bytes.length; length += 1) {
        assert.equal(decodePinDatagram(bytes.subarray(0, length)).ok, false);
      }
      assert.equal(decodePinDatagram(Uint8Array.of(...bytes, 0)).ok, false);
    }
  });

  it("is refused for each thing that is not as agreed", () => {
    const changed = (bytes: Uint8Array, offset: number, value: number) => {
      const copy = bytes.slice();
      copy[offset] = value;
      const read = decodePinDatagram(copy);
      return read.ok ? "read" : read.reason;
    };
    const [hello, pins] = [encodePinDatagram(HELLO), encodePinDatagram(PINS)];
    assert.equal(changed(hello, 0, 0), "bad-magic");
    assert.equal(changed(hello, 4, 2), "other-version");
    assert.equal(changed(hello, 5, 9), "bad-type");
    assert.equal(changed(hello, 11, 0), "bad-number");
    assert.equal(changed(pins, 6, 5), "bad-width");
    assert.equal(changed(pins, 7, 0), "bad-length");
    assert.equal(changed(pins, 24, 0x80), "bad-number");
  });

  it("is never an exception, whatever the bytes are", () => {
    const head = encodePinDatagram(PINS).subarray(0, 8);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_600 }), fc.boolean(), (bytes, genuine) => {
        decodePinDatagram(genuine ? Uint8Array.of(...head, ...bytes) : bytes);
      }),
    );
    fc.assert(
      fc.property(fc.nat(60), fc.nat(255), (offset, value) => {
        const bytes = encodePinDatagram(PINS);
        bytes[offset % bytes.length] = value;
        decodePinDatagram(bytes);
      }),
    );
  });
});

const WEB = { name: "web", timeout: seconds(80) };
const at = (second: number): Instant => after(instant(0), seconds(second));

describe("what the peer is told", () => {
  const round = (teller: ReturnType<typeof createTeller>, pins: readonly Pin[], second: number) => {
    teller.begin(at(second));
    for (const each of pins) teller.see(WEB, each);
    return teller.take(at(second)).flatMap((telling) => telling.pins);
  };

  it("is a pin that is new, that has another backend, or whose end has moved by an eighth of the timeout", () => {
    const teller = createTeller();
    assert.equal(round(teller, [pin("192.0.2.1", 7, seconds(60))], 0).length, 1);
    assert.equal(round(teller, [pin("192.0.2.1", 7, seconds(59))], 1).length, 0);
    assert.equal(round(teller, [pin("192.0.2.1", 8, seconds(58))], 2).length, 1);
    assert.equal(round(teller, [pin("192.0.2.1", 8, seconds(67))], 3).length, 0);
    assert.equal(round(teller, [pin("192.0.2.1", 8, seconds(68))], 3).length, 1);
  });

  it("is everything again after a minute, after the peer has forgotten, and when a server has become ours again", () => {
    const teller = createTeller();
    const long = { name: "web", timeout: seconds(3_600) };
    const tell = (second: number) => {
      teller.begin(at(second));
      teller.see(long, pin("192.0.2.1", 7, seconds(3_600 - second)));
      return teller.take(at(second)).length;
    };
    assert.deepEqual([tell(0), tell(59), tell(60), tell(61)], [1, 0, 1, 0]);
    teller.forget();
    assert.deepEqual([tell(62), tell(63)], [1, 0]);
    teller.keep(new Set(["web"]));
    assert.equal(tell(64), 0);
    teller.keep(new Set());
    assert.equal(tell(65), 1);
  });

  it("is 64 datagrams at once, and the rest later with the time that is left by then, or in the next round", () => {
    const teller = createTeller();
    const pins = Array.from({ length: 20_000 }, (_, index) => nth(index));
    const most = 64 * pinsPerDatagram(4);
    const begin = (second: number): void => {
      teller.begin(at(second));
      for (const each of pins) teller.see(WEB, each);
    };
    const told = new Set<string>();
    const take = (second: number): readonly Pin[] => {
      const tellings = teller.take(at(second));
      assert.ok(tellings.length <= 64);
      for (const telling of tellings) assert.ok(telling.pins.length <= pinsPerDatagram(4));
      const taken = tellings.flatMap((telling) => telling.pins);
      for (const each of taken) told.add(each.client);
      return taken;
    };
    begin(0);
    assert.equal(take(0).length, most);
    const later = take(2);
    assert.equal(later[0]?.remaining, seconds(58));
    assert.equal(told.size, 2 * most);
    begin(3);
    take(3);
    assert.equal(told.size, 20_000);
    begin(70);
    assert.equal(take(131).length, 0);
  });

  it("is no more than its memory holds, until others have expired", () => {
    const teller = createTeller(2);
    assert.equal(round(teller, [nth(1), nth(2), nth(3)], 0).length, 2);
    assert.equal(round(teller, [nth(3)], 59).length, 0);
    assert.equal(round(teller, [nth(3)], 61).length, 1);
  });
});

describe("what is known of the peer", () => {
  const pins = (session: number, sequence: number) => ({ type: "pins" as const, session, sequence });

  it("is how many datagrams were missed: before the first, in gaps, and at the end when a hello says so", () => {
    const first = hearPeer(undefined, pins(1, 3), at(0));
    assert.deepEqual(first, { peer: { session: 1, missed: 3, next: 4, at: at(0) }, isNews: true });
    const second = hearPeer(first.peer, pins(1, 6), at(1));
    assert.equal(second.peer.missed, 5);
    assert.equal(hearPeer(second.peer, { ...pins(1, 9), type: "hello" }, at(1)).peer.missed, 7);
    assert.equal(hearPeer(second.peer, { ...pins(1, 7), type: "hello" }, at(1)).peer.missed, 5);
  });

  it("does not go back: what was overtaken or comes twice is no news, and a new session begins anew", () => {
    const { peer } = hearPeer(undefined, pins(1, 0), at(0));
    assert.equal(hearPeer(peer, pins(1, 0), at(1)).isNews, false);
    assert.deepEqual(hearPeer(peer, pins(2, 0), at(1)).peer, { session: 2, missed: 0, next: 1, at: at(1) });
  });
});

describe("the pins that are taken", () => {
  const planned = (prefixLength: number): ServerPlan => {
    const plan = planForwarding({
      servers: [
        {
          ...{ name: "web", address: address("192.0.2.100"), protocol: "tcp", mode: "masquerade" },
          ports: { first: 80, last: 80 },
          scheduler: { type: "round-robin" },
          backends: [{ name: "w1", address: address("192.0.2.21"), port: 80, weight: 1 }],
          persistence: { timeout: seconds(60), prefixLength },
        },
      ],
      availability: () => "available",
      links: { ingress: () => [], egress: () => undefined },
      previous: undefined,
      now: at(0),
    });
    const [server] = plan.servers;
    assert.ok(server);
    return server;
  };

  it("are those of its own backends, its own family and whole networks, and last no longer than the timeout", () => {
    const server = planned(24);
    const id = server.backends[0]?.id ?? 0;
    const good = pin("10.1.0.0", id, seconds(30));
    assert.deepEqual(
      acceptablePins(server, [
        good,
        pin("10.1.1.0", id, seconds(6_000)),
        pin("10.1.2.0", id + 1),
        pin("10.1.0.3", id),
        pin("2001:db8::", id),
        pin("10.1.4.0", id, millis(0)),
      ]),
      [good, pin("10.1.1.0", id, seconds(60))],
    );
    assert.equal(acceptablePins(planned(32), [pin("10.1.0.3", id)]).length, 1);
  });

  it("are worth a write when the kernel has none, another one, or one that ends much earlier", () => {
    const known = pin("10.1.0.1", 7, seconds(30));
    assert.equal(isWorthWriting(known, undefined, seconds(60)), true);
    assert.equal(isWorthWriting(known, { ...known, backend: 8 }, seconds(60)), true);
    assert.equal(isWorthWriting({ ...known, remaining: seconds(33) }, known, seconds(60)), false);
    assert.equal(isWorthWriting({ ...known, remaining: seconds(34) }, known, seconds(60)), true);
    assert.equal(isWorthWriting({ ...known, remaining: seconds(1) }, known, seconds(60)), false);
  });
});
