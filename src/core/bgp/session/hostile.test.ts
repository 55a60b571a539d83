/** Peers that say anything at any time: nothing they do throws, leaves a connection behind, or keeps more than two. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, instant, micros, seconds } from "#base/time";
import { CAPABILITIES, gracefulRestart, NOW, peerOpen, routerId, sessionConfig } from "#testing/bgp-session";
import type { Capability, HeardMessage, MessageError } from "../message/message.ts";
import type { Effect } from "./effect.ts";
import { type ConnectionId, type Direction, type Input, STOP_REASONS } from "./input.ts";
import { deadline, INITIAL, step } from "./machine.ts";
import { connectionsOf, establishedOf, type SessionState, sessionName } from "./state.ts";
import { describeCause } from "./words.ts";

const octet = fc.integer({ min: 0, max: 255 });
const data = fc.uint8Array({ maxLength: 40 });
const family = fc.record({
  afi: fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 0, max: 0xffff })),
  safi: fc.oneof(fc.constant(1), octet),
});
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.constantFrom(...CAPABILITIES, gracefulRestart(["IPv4"], { survivesNotification: true })),
  fc.record({ type: fc.constant("multiprotocol" as const), family }),
  fc.record({ type: fc.constant("four-octet-as" as const), asn: u32 }),
  fc.record({ type: fc.constant("unknown" as const), code: octet, value: data }),
  fc.record({
    type: fc.constant("graceful-restart" as const),
    isRestarting: fc.boolean(),
    survivesNotification: fc.boolean(),
    restartTime: fc.integer({ min: 0, max: 4_095 }),
    families: fc.array(fc.record({ family, isForwardingPreserved: fc.boolean() }), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant("extended-next-hop" as const),
    entries: fc.array(fc.record({ family, nextHopAfi: u16 }), { maxLength: 3 }),
  }),
);

const wellMeant: fc.Arbitrary<HeardMessage> = fc.constantFrom(
  peerOpen(),
  peerOpen({ routerId: routerId("10.0.0.1") }),
  peerOpen({ capabilities: [...CAPABILITIES, gracefulRestart(["IPv4", "IPv6"])] }),
  peerOpen({ holdTime: 0 }),
  peerOpen({ holdTime: 3 }),
);

const open: fc.Arbitrary<HeardMessage> = fc.oneof(
  wellMeant,
  fc.record({
    type: fc.constant("open" as const),
    version: octet,
    asn: u16,
    holdTime: u16,
    routerId: fc.ipV4().map(routerId),
    capabilities: fc.array(capability, { maxLength: 8 }),
  }),
);

const message: fc.Arbitrary<HeardMessage> = fc.oneof(
  { arbitrary: open, weight: 3 },
  { arbitrary: fc.constant({ type: "keepalive" as const }), weight: 3 },
  fc.record({ type: fc.constant("notification" as const), code: octet, subcode: octet, data }),
  fc.record({
    type: fc.constant("route-refresh" as const),
    family,
    meaning: fc.constantFrom("request" as const, "begin" as const, "end" as const, "unknown" as const),
  }),
  fc.constant({
    ...{ type: "update" as const, announced: 1, withdrawn: 0, endOfRib: undefined },
    ...{ nextHops: [], leniency: [] },
  }),
);

type Deed =
  | { readonly type: "connect"; readonly direction: Direction }
  | { readonly type: "say"; readonly which: number; readonly message: HeardMessage }
  | { readonly type: "behave"; readonly open: HeardMessage }
  | { readonly type: "garbage"; readonly which: number; readonly error: MessageError }
  | { readonly type: "hang-up"; readonly which: number; readonly reason: string | undefined }
  | { readonly type: "stall"; readonly which: number; readonly isBlocked: boolean }
  | { readonly type: "wait"; readonly duration: number; readonly isExact: boolean }
  | { readonly type: "fail" }
  | { readonly type: "ours"; readonly input: Input };

const which = fc.integer({ min: 0, max: 5 });
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant("say" as const), which, message }), weight: 8 },
  {
    arbitrary: fc.record({
      type: fc.constant("connect" as const),
      direction: fc.constantFrom("incoming" as const, "outgoing" as const),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ type: fc.constant("behave" as const), open: wellMeant }), weight: 3 },
  fc.record({
    type: fc.constant("garbage" as const),
    which,
    error: fc.record({ code: octet, subcode: octet, data }),
  }),
  fc.constant({ type: "fail" as const }),
  fc.record({
    type: fc.constant("hang-up" as const),
    which,
    reason: fc.option(fc.constant("reset"), { nil: undefined }),
  }),
  fc.record({ type: fc.constant("stall" as const), which, isBlocked: fc.boolean() }),
  {
    arbitrary: fc.record({
      type: fc.constant("wait" as const),
      duration: fc.integer({ min: 0, max: 700_000_000 }),
      isExact: fc.boolean(),
    }),
    weight: 3,
  },
  fc.record({
    type: fc.constant("ours" as const),
    input: fc.oneof(
      fc.record({ type: fc.constant("start" as const), isRestarting: fc.boolean() }),
      fc.constant({ type: "restart-over" as const }),
      fc.record({
        type: fc.constant("bfd" as const),
        status: fc.constantFrom("up" as const, "down" as const, "admin-down" as const),
      }),
      fc.record({
        type: fc.constant("stop" as const),
        reason: fc.constantFrom(...STOP_REASONS),
        communication: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
      }),
    ),
  }),
);

/** A caller that keeps books of what the machine asks for. */
class Books {
  state: SessionState = INITIAL;
  now = NOW;
  readonly open = new Set<ConnectionId>();
  readonly ended = new Set<ConnectionId>();
  isDialling = false;
  up: ConnectionId | undefined;
  #last = 0;
  readonly #config;
  readonly #jitter: number;

  constructor(isPassive: boolean, jitter: number) {
    this.#config = sessionConfig({ role: isPassive ? "passive" : "active" });
    this.#jitter = jitter;
  }

  /** A connection that was there once, whether it still is or not. */
  pick(index: number): ConnectionId {
    return this.#last - index;
  }

  do(what: Deed): void {
    switch (what.type) {
      case "connect":
        this.#connect(what.direction);
        break;
      case "behave":
        this.#connect("incoming");
        for (const message of [what.open, { type: "keepalive" } as const]) {
          this.#input({ type: "message", connection: this.#last, message });
        }
        break;
      case "say":
        this.#input({ type: "message", connection: this.pick(what.which), message: what.message });
        break;
      case "garbage":
        this.#input({ type: "malformed", connection: this.pick(what.which), error: what.error });
        break;
      case "hang-up":
        this.open.delete(this.pick(what.which));
        this.#input({ type: "closed", connection: this.pick(what.which), reason: what.reason });
        break;
      case "stall":
        this.#input({
          type: "blocked",
          connection: this.pick(what.which),
          since: what.isBlocked ? this.now : undefined,
        });
        break;
      case "wait":
        this.#wait(what);
        break;
      case "fail":
        if (this.isDialling) {
          this.isDialling = false;
          this.#input({ type: "connect-failed", reason: "refused" });
        }
        break;
      case "ours":
        this.#input(what.input);
    }
  }

  #connect(direction: Direction): void {
    if (direction === "outgoing") {
      if (!this.isDialling) return;
      this.isDialling = false;
    }
    this.#last += 1;
    this.open.add(this.#last);
    this.#input({ type: "connected", connection: this.#last, direction });
  }

  #wait({ duration, isExact }: Extract<Deed, { readonly type: "wait" }>): void {
    const due = deadline(this.state);
    this.now = isExact && due !== undefined ? due : after(this.now, micros(duration));
    this.#input({ type: "timer" });
    const next = deadline(this.state);
    assert.ok(next === undefined || next > this.now, "what was due is due again");
  }

  #input(input: Input): void {
    const before = sessionName(this.state);
    const { state, effects } = step(this.#config, this.state, input, {
      now: this.now,
      jitter: this.#jitter,
    });
    this.state = state;
    for (const effect of effects) this.#perform(effect);
    const transition = effects.filter(({ type }) => type === "transition");
    assert.equal(transition.length, before === sessionName(state) ? 0 : 1);
    const connections = connectionsOf(state).map(({ id }) => id);
    assert.ok(connections.length <= 2);
    assert.deepEqual([...this.open].sort(), connections.toSorted());
    assert.equal(establishedOf(state)?.id, this.up);
    assert.equal(this.isDialling, state.type === "running" && state.outgoing.name === "connect");
  }

  #perform(effect: Effect): void {
    if (effect.type === "connect" || effect.type === "abort-connect") {
      assert.equal(this.isDialling, effect.type === "abort-connect");
      this.isDialling = effect.type === "connect";
      return;
    }
    if (effect.type === "transition") {
      assert.ok(describeCause(effect.cause).length > 0);
      return;
    }
    const { connection } = effect;
    if (effect.type === "ended") {
      assert.ok(!this.open.has(connection) && !this.ended.has(connection), "ends once, after it was closed");
      this.ended.add(connection);
      return;
    }
    if (effect.type === "down") {
      assert.equal(this.up, connection);
      this.up = undefined;
      return;
    }
    assert.ok(this.open.has(connection), `${effect.type} on a connection that is closed`);
    if (effect.type === "close") this.open.delete(connection);
    if (effect.type === "up") {
      assert.equal(this.up, undefined);
      this.up = connection;
    }
    if (effect.type === "refresh") assert.equal(this.up, connection);
  }

  /** Ends all of it; whatever was opened is closed. */
  finish(): void {
    this.do({ type: "ours", input: { type: "stop", reason: "peer-removed" } });
    assert.equal(this.open.size, 0);
    assert.equal(this.isDialling, false);
    assert.equal(this.ended.size, this.#last);
    assert.equal(deadline(this.state), undefined);
  }
}

describe("a peer that does whatever it likes", () => {
  const start: Deed = { type: "ours", input: { type: "start", isRestarting: false } };

  it("makes nothing throw, has two connections at most, and leaves none behind", () => {
    let established = 0;
    fc.assert(
      fc.property(
        fc.array(deed, { maxLength: 60, size: "max" }),
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (deeds, isPassive, jitter) => {
          const books = new Books(isPassive, jitter);
          for (const what of [start, ...deeds]) {
            books.do(what);
            if (books.up !== undefined) established += 1;
          }
          books.finish();
        },
      ),
      { numRuns: 1_000 },
    );
    assert.ok(established > 1_000, `only ${established} steps with a session`);
  });

  it("gets less and less attention when it connects and is wrong, again and again", () => {
    const books = new Books(false, 0);
    const wrong: Deed = { type: "say", which: 0, message: peerOpen({ asn: 1, capabilities: [] }) };
    books.do(start);
    let taken = 0;
    const end = after(NOW, seconds(3_600));
    while (books.now < end) {
      books.do({ type: "connect", direction: "incoming" });
      if (books.open.size > 0) taken += 1;
      books.do(wrong);
      books.do({ type: "wait", duration: 100_000, isExact: false });
    }
    assert.ok(taken < 50, `${taken} connections were taken in an hour`);
  });

  it("cannot stop us from connecting by connecting itself and saying nothing", () => {
    const books = new Books(false, 0);
    books.do(start);
    books.do({ type: "fail" });
    books.do({ type: "connect", direction: "incoming" });
    books.do({ type: "wait", duration: 1_000_000, isExact: false });
    assert.equal(books.isDialling, true);
    books.do({ type: "connect", direction: "outgoing" });
    for (const message of [peerOpen(), { type: "keepalive" } as const]) {
      books.do({ type: "say", which: 0, message });
    }
    assert.equal(sessionName(books.state), "established");
    assert.equal(books.now, instant(NOW + 1_000_000));
  });
});
