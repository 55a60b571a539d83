import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, type Instant, instant, micros, millis, seconds } from "#base/time";
import { bfdSession, digest } from "#testing/bfd-system";
import { seededRandom } from "#testing/random";
import { address } from "#testing/values";
import type { Datagram } from "./admission.ts";
import { type Authentication, seal, sectionLength } from "./authentication.ts";
import type { SessionConfig } from "./config.ts";
import { STATES } from "./constants.ts";
import { type ControlPacket, decode, encode } from "./packet.ts";
import { Sessions, type SessionsEffect } from "./sessions.ts";

const NOW = instant(7_000_000);
const [OURS, PEER, OTHER] = [address("192.0.2.1"), address("192.0.2.2"), address("192.0.2.3")];

const open = (limit?: number): Sessions => {
  const tools = { random: seededRandom(1), digest };
  return new Sessions(limit === undefined ? tools : { ...tools, limit });
};

const opened = (overrides: Partial<SessionConfig> = {}, name = "peer"): Sessions => {
  const sessions = open();
  assert.deepEqual(sessions.add(name, bfdSession(PEER, OURS, overrides), NOW), []);
  return sessions;
};

const discriminatorOf = (sessions: Sessions, name = "peer"): number =>
  sessions.state(name)?.localDiscriminator ?? assert.fail("no session");

const DOWN: ControlPacket = {
  ...{ state: "down", diagnostic: "none", poll: false, final: false },
  ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: 3 },
  ...{ myDiscriminator: 77, yourDiscriminator: 0 },
  ...{ desiredMinTxInterval: seconds(1), requiredMinRxInterval: millis(50) },
  requiredMinEchoRxInterval: micros(0),
};

const datagram = (packet: Partial<ControlPacket>, more: Partial<Datagram> = {}): Datagram => ({
  payload: encode({ ...DOWN, ...packet }),
  ...{ source: PEER, destination: OURS, hopLimit: 255, path: "single-hop", linkIndex: 2 },
  ...{ waited: micros(0), ...more },
});

/** An effect in short: what was sent as its state, everything else by its words. */
const words = (effect: SessionsEffect): string => {
  switch (effect.type) {
    case "send": {
      const packet = decode(effect.payload);
      return packet.ok ? `${effect.session} sends ${packet.value.packet.state}` : packet.reason;
    }
    case "peer":
      return `${effect.session} is ${effect.event.type}`;
    case "drop":
      return `dropped: ${effect.reason}`;
    case "transition":
      return `${effect.session}: ${effect.transition.from} to ${effect.transition.to}`;
  }
};
const inShort = (effects: readonly SessionsEffect[]): readonly string[] => effects.map(words);

describe("Sessions", () => {
  it("finds a session by where a packet comes from, then by our discriminator, and tells what becomes of the peer (RFC 5880 §6.3, RFC 5881 §3)", () => {
    const sessions = opened();
    assert.equal(sessions.deadline(), NOW);
    assert.deepEqual(inShort(sessions.elapse(NOW)), ["peer sends down"]);
    assert.deepEqual(inShort(sessions.receive(datagram({}), NOW)), ["peer sends init", "peer: down to init"]);
    const yourDiscriminator = discriminatorOf(sessions);
    assert.deepEqual(inShort(sessions.receive(datagram({ state: "up", yourDiscriminator }), NOW)), [
      "peer sends up",
      "peer: init to up",
      "peer is up",
    ]);
    const leaving = datagram({ state: "admin-down", diagnostic: "administratively-down", yourDiscriminator });
    assert.deepEqual(inShort(sessions.receive(leaving, NOW)), [
      "peer sends down",
      "peer: up to down",
      "peer is leaving",
    ]);
    assert.deepEqual(sessions.receive(leaving, NOW), []);
    assert.deepEqual(inShort(sessions.elapse(after(NOW, seconds(3)))), ["peer sends down", "peer is silent"]);
  });

  it("says of a peer that leaves while it never was up that it leaves", () => {
    const sessions = opened();
    assert.deepEqual(inShort(sessions.receive(datagram({ state: "admin-down" }), NOW)), [
      "peer sends down",
      "peer is leaving",
    ]);
  });

  it("tells why a peer is down: silence, or its word and the reason that it gave", () => {
    const up = (): Sessions => {
      const sessions = opened();
      sessions.receive(datagram({ state: "init", yourDiscriminator: discriminatorOf(sessions) }), NOW);
      return sessions;
    };
    const eventsOf = (effects: readonly SessionsEffect[]) =>
      effects.flatMap((effect) => (effect.type === "peer" ? [effect.event] : []));
    assert.deepEqual(eventsOf(up().elapse(after(NOW, seconds(3)))), [
      { type: "down", reason: "detection-time-expired", remoteDiagnostic: undefined },
    ]);
    const signalled = datagram({ diagnostic: "detection-time-expired" });
    assert.deepEqual(eventsOf(up().receive(signalled, NOW)), [
      { type: "down", reason: "neighbour-signalled-down", remoteDiagnostic: "detection-time-expired" },
    ]);
    assert.deepEqual(eventsOf(up().input("peer", { type: "failure", diagnostic: "path-down" }, NOW)), [
      { type: "down", reason: "path-down", remoteDiagnostic: "none" },
    ]);
    assert.deepEqual(eventsOf(up().input("peer", { type: "leave" }, NOW)), [
      { type: "down", reason: "leave", remoteDiagnostic: "none" },
    ]);
  });

  const refusals: readonly (readonly [
    reason: string,
    what: string,
    Partial<ControlPacket>,
    Partial<Datagram>,
  ])[] = [
    ["hop-limit", "that crossed a router", {}, { hopLimit: 254 }],
    ["truncated", "that is cut", {}, { payload: encode(DOWN).subarray(0, 23) }],
    ["no-session", "from a stranger", {}, { source: OTHER }],
    ["no-session", "from another link", {}, { linkIndex: 3 }],
    ["no-session", "to another address", {}, { destination: OTHER }],
    ["no-session", "to the port for several hops", {}, { path: "multihop" }],
    ["no-session", "with a discriminator that nobody has", { yourDiscriminator: 1 }, {}],
  ];
  for (const [reason, what, packet, more] of refusals) {
    it(`drops a packet ${what} as ${reason}`, () => {
      const effects = opened().receive(datagram(packet, more), NOW);
      assert.deepEqual(inShort(effects), [`dropped: ${reason}`]);
    });
  }

  for (const [reason, more] of [
    ["wrong-source", { source: OTHER }],
    ["wrong-destination", { destination: OTHER }],
    ["wrong-link", { linkIndex: 3 }],
    ["wrong-port", { path: "multihop" }],
  ] as const) {
    it(`drops a packet with our discriminator as ${reason} if it does not come as the session's do`, () => {
      const sessions = opened();
      const yourDiscriminator = discriminatorOf(sessions);
      const [drop] = sessions.receive(datagram({ state: "init", yourDiscriminator }, more), NOW);
      const source = "source" in more ? more.source : PEER;
      assert.deepEqual(drop, { type: "drop", reason, source, session: "peer" });
      assert.equal(sessions.state("peer")?.name, "down");
    });
  }

  it("takes packets over several hops from as far as is allowed (RFC 5883 §5)", () => {
    const sessions = opened({ path: { type: "multihop", minimumHopLimit: 250 } });
    const far = (hopLimit: number) =>
      inShort(sessions.receive(datagram({}, { path: "multihop", hopLimit, linkIndex: 9 }), NOW));
    assert.deepEqual(far(249), ["dropped: hop-limit"]);
    assert.deepEqual(far(250), ["peer sends init", "peer: down to init"]);
  });

  it("keeps sessions to one address over two links apart (RFC 5881 §6)", () => {
    const sessions = opened();
    const link = { type: "single-hop", link: { index: 3, name: "eth1" } } as const;
    assert.deepEqual(sessions.add("second", bfdSession(PEER, OURS, { path: link }), NOW), []);
    assert.deepEqual(inShort(sessions.receive(datagram({}, { linkIndex: 3 }), NOW)).slice(1), [
      "second: down to init",
    ]);
  });

  it("refuses a second session with one peer, one more than the limit, and what is wrong in itself (RFC 5881 §2, RFC 5883 §4.1)", () => {
    const sessions = open(2);
    const config = bfdSession(PEER, OURS);
    assert.deepEqual(sessions.add("a", config, NOW), []);
    assert.deepEqual(sessions.add("b", config, NOW), ["session a has the same peer, address and link"]);
    assert.deepEqual(sessions.add("b", bfdSession(OTHER, OURS), NOW), []);
    const fourth = bfdSession(address("192.0.2.4"), OURS);
    assert.deepEqual(sessions.add("c", fourth, NOW), ["there are 2 sessions already"]);
    sessions.remove("b");
    sessions.remove("b");
    assert.deepEqual(sessions.add("c", fourth, NOW), []);
    assert.deepEqual(sessions.names(), ["a", "c"]);
    const wrong = { detectMultiplier: 0, desiredMinTxInterval: millis(1), peer: address("fe80::1") };
    assert.deepEqual(open().add("a", { ...config, ...wrong }, NOW), [
      "desiredMinTxInterval 1ms is not in 10ms..4294s",
      "detectMultiplier 0 is not a whole number in 1..255",
      "peer fe80::1 and local address 192.0.2.1 are not of one family",
    ]);
  });

  it("gives each session another discriminator, even if its dice are loaded", () => {
    const sessions = new Sessions({ random: () => 0, digest });
    for (let host = 2; host < 12; host += 1) {
      assert.deepEqual(sessions.add(`${host}`, bfdSession(address(`192.0.2.${host}`), OURS), NOW), []);
    }
    const all = sessions.names().map((name) => discriminatorOf(sessions, name));
    assert.deepEqual([new Set(all).size, all.includes(0)], [10, false]);
  });

  it("forgets a removed session, whatever arrives for it", () => {
    const sessions = opened();
    const yourDiscriminator = discriminatorOf(sessions);
    sessions.remove("peer");
    for (const packet of [{}, { yourDiscriminator }]) {
      assert.deepEqual(inShort(sessions.receive(datagram(packet), NOW)), ["dropped: no-session"]);
    }
    assert.deepEqual([sessions.deadline(), sessions.elapse(NOW)], [undefined, []]);
    assert.deepEqual(sessions.input("peer", { type: "leave" }, NOW), []);
  });

  it("changes times while a session is up, and says so (RFC 5880 §6.8.10)", () => {
    const sessions = opened();
    sessions.receive(datagram({ state: "init", yourDiscriminator: discriminatorOf(sessions) }), NOW);
    const config = bfdSession(PEER, OURS, { detectMultiplier: 0 });
    assert.deepEqual(sessions.configure("peer", config, NOW), {
      problems: ["detectMultiplier 0 is not a whole number in 1..255"],
      effects: [],
    });
    const next = bfdSession(PEER, OURS, { requiredMinRxInterval: millis(70) });
    sessions.receive(
      datagram({ state: "up", final: true, yourDiscriminator: discriminatorOf(sessions) }),
      NOW,
    );
    sessions.receive(datagram({ state: "up", yourDiscriminator: discriminatorOf(sessions) }), NOW);
    assert.deepEqual(inShort(sessions.configure("peer", next, NOW).effects), ["peer sends up"]);
    assert.equal(sessions.state("peer")?.advertised.requiredMinRxInterval, millis(70));
  });

  it("sends the packets of all sessions that are up in one turn before long, none of them too early or too late", () => {
    const sessions = open();
    const peers = [PEER, OTHER, address("192.0.2.4")];
    const hear = (peer: (typeof peers)[number], state: "init" | "up", now: Instant): void => {
      const said = { yourDiscriminator: discriminatorOf(sessions, peer), final: state === "up" };
      const quick = { state, desiredMinTxInterval: millis(50) };
      sessions.receive(datagram({ ...said, ...quick }, { source: peer }), now);
    };
    for (const [index, peer] of peers.entries()) {
      const now = after(NOW, millis(17 * index));
      assert.deepEqual(sessions.add(peer, bfdSession(peer, OURS, { detectMultiplier: 50 }), now), []);
      hear(peer, "init", now);
      hear(peer, "up", now);
    }
    const sentAt = new Map<string, Instant>();
    const turns: number[] = [];
    for (let turn = 0; turn < 200; turn += 1) {
      const now = sessions.deadline() ?? assert.fail("nothing is due");
      const sent = sessions.elapse(now).flatMap((each) => (each.type === "send" ? [each.session] : []));
      for (const session of sent) {
        const before = sentAt.get(session);
        const interval = before === undefined ? millis(50) : now - before;
        assert.ok(interval >= millis(37.5) && interval <= millis(50), `${interval}`);
        sentAt.set(session, now);
      }
      for (const peer of peers) hear(peer, "up", now);
      turns.push(sent.length);
    }
    assert.deepEqual(new Set(turns.slice(-100)), new Set([peers.length]));
  });

  it("never throws, and sends no more than it gets, whatever arrives", () => {
    const sessions = opened();
    const anyState = fc.constantFrom(...STATES);
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const anyPacket = fc
      .tuple(anyState, fc.boolean(), fc.boolean(), fc.boolean(), fc.tuple(word, word, word), fc.boolean())
      .map(([state, poll, final, demand, [transmit, receive, myDiscriminator], isOurs]) =>
        datagram({
          ...{ state, poll, final, demand, myDiscriminator },
          yourDiscriminator: isOurs ? discriminatorOf(sessions) : 0,
          desiredMinTxInterval: micros(transmit),
          requiredMinRxInterval: micros(receive),
        }),
      );
    const arbitrary = fc.uint8Array({ maxLength: 60 }).map((payload) => datagram({}, { payload }));
    let now: Instant = NOW;
    fc.assert(
      fc.property(fc.oneof(anyPacket, arbitrary), fc.nat(2_000_000), (each, pause) => {
        now = after(now, micros(pause));
        const sent = sessions.receive(each, now).filter(({ type }) => type === "send");
        assert.ok(sent.length <= 1);
        const due = sessions.deadline();
        if (due !== undefined && due <= now) sessions.elapse(now);
        const next = sessions.deadline();
        assert.ok(next === undefined || next > now);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("authenticated sessions", () => {
  const authentication: Authentication = {
    type: "meticulous-keyed-sha1",
    keys: [{ id: 1, secret: new Uint8Array(20).fill(9) }],
  };
  const sealed = (packet: Partial<ControlPacket>, sequence: number, secrets = authentication): Datagram => {
    const payload = encode({ ...DOWN, ...packet }, sectionLength(secrets));
    seal(payload, secrets, { sequence, digest });
    return datagram({}, { payload });
  };
  const up = (): Sessions => {
    const sessions = opened({ authentication });
    const yourDiscriminator = discriminatorOf(sessions);
    sessions.receive(sealed({}, 100), NOW);
    sessions.receive(sealed({ state: "up", yourDiscriminator }, 101), NOW);
    assert.equal(sessions.state("peer")?.name, "up");
    return sessions;
  };
  const reasons = (effects: readonly SessionsEffect[]): readonly string[] =>
    effects.flatMap((effect) => (effect.type === "drop" ? [effect.reason] : []));

  it("come up, and are not brought down by strangers, old packets or packets without proof (RFC 5880 §9, RFC 5881 §9, RFC 5883 §6)", () => {
    const sessions = up();
    const stranger = { ...authentication, keys: [{ id: 1, secret: Uint8Array.of(1) }] } as const;
    for (const [reason, each] of [
      ["authentication-missing", datagram({})],
      ["authentication-digest", sealed({}, 102, stranger)],
      ["authentication-sequence", sealed({}, 100)],
      ["authentication-sequence", sealed({ state: "admin-down" }, 101)],
      ["authentication-sequence", sealed({}, 111)],
      ["authentication-type", sealed({}, 102, { ...authentication, type: "keyed-sha1" })],
    ] as const) {
      assert.deepEqual(reasons(sessions.receive(each, NOW)), [reason]);
      assert.equal(sessions.state("peer")?.name, "up");
    }
    const packet = sealed({ state: "up", yourDiscriminator: discriminatorOf(sessions) }, 110);
    assert.deepEqual(reasons(sessions.receive(packet, NOW)), []);
  });

  it("number their packets one by one", () => {
    const sessions = opened({ authentication });
    const numbers = [0, 1, 2].map((second) => {
      const [effect] = sessions.elapse(after(NOW, seconds(second)));
      assert.ok(effect?.type === "send");
      return new DataView(effect.payload.buffer).getUint32(28);
    });
    const [first = 0] = numbers;
    assert.deepEqual(numbers, [first, first + 1, first + 2]);
  });

  /** The peer began anew: it was silent until the session went down, 3 of its packets of a second each. */
  const missed = (): Sessions => {
    const sessions = up();
    const before = discriminatorOf(sessions);
    sessions.receive(sealed({ state: "up", yourDiscriminator: before }, 102), NOW);
    sessions.elapse(after(NOW, seconds(3)));
    assert.equal(sessions.state("peer")?.name, "down");
    assert.notEqual(discriminatorOf(sessions), before);
    return sessions;
  };

  it("take a peer that began anew as soon as it names what it cannot have named before", () => {
    const [sessions, now] = [missed(), after(NOW, seconds(3))];
    assert.deepEqual(reasons(sessions.receive(sealed({}, 50_000), now)), ["authentication-sequence"]);
    const yourDiscriminator = discriminatorOf(sessions);
    sessions.receive(sealed({ state: "init", yourDiscriminator }, 50_001), now);
    assert.equal(sessions.state("peer")?.name, "up");
    assert.deepEqual(reasons(sessions.receive(sealed({}, 103), now)), ["authentication-sequence"]);
  });

  it("say the new discriminator with the very packet that says that they are down", () => {
    const sessions = up();
    const sent = sessions.elapse(after(NOW, seconds(3))).flatMap((effect) => {
      const packet = effect.type === "send" ? decode(effect.payload) : undefined;
      return packet?.ok ? [packet.value.packet.myDiscriminator] : [];
    });
    assert.deepEqual(sent, [discriminatorOf(sessions)]);
  });

  it("take a peer that names nothing after twice the detection time (RFC 5880 §6.8.1), and are renamed again", () => {
    const sessions = missed();
    const before = discriminatorOf(sessions);
    for (const [second, refusals] of [
      [5.9, ["authentication-sequence"]],
      [6, []],
    ] as const) {
      const now = after(NOW, seconds(second));
      sessions.elapse(now);
      assert.deepEqual(reasons(sessions.receive(sealed({}, 50_000), now)), refusals);
    }
    assert.notEqual(discriminatorOf(sessions), before);
    assert.equal(sessions.state("peer")?.name, "init");
  });

  it("are not brought up by packets of an earlier time that are played again", () => {
    const sessions = up();
    const old = { state: "up", yourDiscriminator: discriminatorOf(sessions) } as const;
    const recorded = Array.from({ length: 200 }, (_, index) => sealed(old, 102 + index));
    const begun = sealed({}, 100);
    sessions.elapse(after(NOW, seconds(3)));
    const later = after(NOW, seconds(20));
    sessions.elapse(later);
    for (const packet of recorded) assert.deepEqual(reasons(sessions.receive(packet, later)), ["no-session"]);
    sessions.receive(begun, later);
    for (const packet of recorded) sessions.receive(packet, later);
    assert.equal(sessions.state("peer")?.name, "init");
    // The peer itself is not kept out by what was played: it names what it cannot have named before.
    const yourDiscriminator = discriminatorOf(sessions);
    sessions.receive(sealed({ state: "init", yourDiscriminator }, 900_000), later);
    assert.equal(sessions.state("peer")?.name, "up");
    assert.deepEqual(reasons(sessions.receive(sealed({ ...old, yourDiscriminator }, 103), later)), [
      "authentication-sequence",
    ]);
  });

  it("refuse authentication that they were not told of", () => {
    assert.deepEqual(reasons(opened().receive(sealed({}, 1), NOW)), ["authentication-unexpected"]);
  });

  it("change their secret without going down: first accepted, then sent", () => {
    const sessions = up();
    const fresh = { id: 2, secret: new Uint8Array(20).fill(4) };
    const [old] = authentication.keys;
    const config = bfdSession(PEER, OURS, { authentication: { ...authentication, keys: [old, fresh] } });
    assert.deepEqual(sessions.configure("peer", config, NOW).problems, []);
    const yourDiscriminator = discriminatorOf(sessions);
    for (const [keys, sequence] of [
      [[old], 102],
      [[fresh], 103],
    ] as const) {
      const packet = sealed({ state: "up", yourDiscriminator }, sequence, { ...authentication, keys });
      assert.deepEqual(reasons(sessions.receive(packet, NOW)), []);
    }
    assert.equal(sessions.state("peer")?.name, "up");
  });
});
