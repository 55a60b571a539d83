import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes } from "#base/address";
import { after, type Instant, instant, micros, millis, seconds } from "#base/time";
import { clientKey } from "#core/balance/pin";
import { address } from "#testing/values";
import { decodePinDatagram, encodePinDatagram, LONGEST_DATAGRAM, type PinDatagram } from "./packet.ts";
import { createSeal, isSealed, type Seal } from "./seal.ts";

const START = instant(1_000_000_000);
const TRAILER = 48;

const hello = (session: number, sequence = 0): PinDatagram => ({
  ...{ type: "hello", session, sequence },
  heard: { session: 0, missed: 0 },
});
const pins = (session: number, sequence: number): PinDatagram => ({
  ...{ type: "pins", session, sequence, server: 7 },
  pins: [{ client: clientKey(addressBytes(address("192.0.2.1"))), backend: 3, remaining: seconds(60) }],
});

let made = 0;
/** Another number each time. */
const nonce = (): Uint8Array => {
  made += 1;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, made);
  return bytes;
};

/** One edge: what it says, and what it makes of what it hears. */
const edge = (session: number, secret = "secret") => {
  const seal = createSeal({
    sign: (bytes) => new Uint8Array(createHmac("sha256", secret).update(bytes).digest()),
    nonce,
  });
  return {
    say: (datagram: PinDatagram, now: Instant): Uint8Array => seal.close(encodePinDatagram(datagram), now),
    greet: (now: Instant): Uint8Array => seal.close(encodePinDatagram(hello(session)), now),
    hear: (bytes: Uint8Array, now: Instant): string => {
      const opened = seal.open(bytes, now);
      if (!opened.ok) return opened.reason;
      return decodePinDatagram(opened.value).ok ? "good" : "opened, and no datagram";
    },
  };
};

type Edge = ReturnType<typeof edge>;

/** Lets two greet each other each second, and gives what became of the last two greetings. */
const greet = (one: Edge, other: Edge, from: Instant, rounds = 3): readonly [string, string] => {
  let last: readonly [string, string] = ["", ""];
  for (let round = 0; round < rounds; round += 1) {
    const now = after(from, seconds(round));
    last = [other.hear(one.greet(now), now), one.hear(other.greet(now), now)];
  }
  return last;
};

const LATER = after(START, seconds(3));

describe("sealed datagrams", () => {
  it("are opened by who has the secret, from the second greeting on, as they were", () => {
    const [a, b] = [edge(1), edge(2)];
    assert.equal(b.hear(a.greet(START), START), "stale", "it answers nobody yet");
    assert.equal(a.hear(b.greet(START), START), "good");
    assert.deepEqual(greet(a, b, after(START, seconds(1)), 1), ["good", "good"]);
    assert.equal(b.hear(a.say(pins(1, 0), LATER), LATER), "good");
  });

  it("are not opened by who has another secret, nor taken where nobody has sealed them", () => {
    const [a, b] = [edge(1), edge(2, "another")];
    assert.deepEqual(greet(a, b, START), ["forged", "forged"]);
    const plain = encodePinDatagram(hello(1));
    assert.deepEqual([isSealed(plain), a.hear(plain, START)], [false, "unsealed"]);
    const sealed = a.greet(START);
    assert.ok(isSealed(sealed));
    assert.deepEqual(decodePinDatagram(sealed), { ok: false, reason: "other-version" });
  });

  it("say nothing to their own sender, nor to a third edge with the same secret", () => {
    const [a, b, c] = [edge(1), edge(2), edge(3)];
    greet(a, b, START);
    const said = a.say(pins(1, 0), LATER);
    assert.equal(a.hear(said, LATER), "stale");
    assert.equal(c.hear(said, LATER), "stale");
    assert.equal(b.hear(said, LATER), "good");
  });

  it("are good for eight seconds after what they answer was made, and not a microsecond longer", () => {
    const [a, b] = [edge(1), edge(2)];
    greet(a, b, START);
    // The last nonce of b is of its last greeting, two seconds after the start.
    const [made, said] = [after(START, seconds(2)), a.say(pins(1, 0), LATER)];
    const end = after(made, seconds(8));
    assert.equal(b.hear(said, after(end, micros(-1))), "good");
    assert.equal(b.hear(said, end), "stale");
  });

  it("of a session that has ended are good for nothing once another has begun", () => {
    const [a, b] = [edge(1), edge(2)];
    greet(a, b, START);
    const old = a.say(pins(1, 0), LATER);
    const again = edge(5);
    assert.deepEqual(greet(again, b, LATER, 4), ["good", "good"]);
    const now = after(LATER, seconds(4));
    assert.equal(b.hear(again.say(pins(5, 0), now), now), "good");
    assert.equal(b.hear(old, now), "stale");
  });

  it("find their way again after a long silence, and old ones do not keep them from it", () => {
    const [a, b] = [edge(1), edge(2)];
    greet(a, b, START);
    const recorded = [a.greet(LATER), b.greet(LATER)];
    const now = after(LATER, seconds(600));
    for (const bytes of recorded) {
      for (const each of [a, b]) assert.equal(each.hear(bytes, now), "stale");
    }
    assert.deepEqual(greet(a, b, now), ["good", "good"]);
  });

  it("cost no signature when they are old, while good ones come", () => {
    let signed = 0;
    const sign = (bytes: Uint8Array): Uint8Array => {
      signed += 1;
      return new Uint8Array(createHmac("sha256", "secret").update(bytes).digest());
    };
    const peer = edge(1);
    const own: Seal = createSeal({ sign, nonce });
    let now = START;
    const old = peer.greet(now);
    for (let round = 0; round < 4; round += 1) {
      now = after(now, seconds(1));
      peer.hear(own.close(encodePinDatagram(hello(2)), now), now);
      own.open(peer.greet(now), now);
    }
    signed = 0;
    for (let time = 0; time < 1_000; time += 1) own.open(old, now);
    assert.equal(signed, 0);
  });

  it("are refused with any bit of them turned, cut anywhere, or with something behind", () => {
    const [a, b] = [edge(1), edge(2)];
    greet(a, b, START);
    const said = a.say(pins(1, 0), LATER);
    for (let bit = 0; bit < said.length * 8; bit += 1) {
      const turned = said.slice();
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(b.hear(turned, LATER), "good", `bit ${bit}`);
    }
    for (let length = 0; length < said.length; length += 1) {
      assert.notEqual(b.hear(said.subarray(0, length), LATER), "good");
    }
    assert.notEqual(b.hear(Uint8Array.from([...said, 0]), LATER), "good");
    assert.equal(b.hear(said, LATER), "good");
  });

  it("are never an exception, whatever the bytes are, and random ones are never opened", () => {
    const [a, b] = [edge(1), edge(2)];
    greet(a, b, START);
    const bytes = fc.uint8Array({ maxLength: LONGEST_DATAGRAM + TRAILER + 10 });
    fc.assert(
      fc.property(bytes, fc.boolean(), fc.nat(20_000), (random, looksSealed, milliseconds) => {
        if (looksSealed && random.length > 4) random[4] = 0x81;
        assert.notEqual(b.hear(random, after(LATER, millis(milliseconds))), "good");
      }),
    );
  });

  it("can be as long as the longest datagram, and no longer", () => {
    const [a, b] = [edge(1), edge(2)];
    greet(a, b, START);
    const client = clientKey(addressBytes(address("192.0.2.1")));
    const one = { client, backend: 3, remaining: seconds(60) };
    const full: PinDatagram = {
      ...{ type: "pins", session: 1, sequence: 0, server: 7 },
      pins: Array.from({ length: Math.floor((LONGEST_DATAGRAM - 20) / 12) }, () => one),
    };
    const said = a.say(full, LATER);
    assert.ok(said.length <= LONGEST_DATAGRAM + TRAILER && said.length > 1_400);
    assert.equal(b.hear(said, LATER), "good");
    assert.equal(b.hear(new Uint8Array(LONGEST_DATAGRAM + TRAILER + 1).fill(0x81), LATER), "too-long");
  });
});
