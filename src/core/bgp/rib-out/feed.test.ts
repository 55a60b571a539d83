import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatInterfaceAddress } from "#base/prefix";
import { after, type Instant, instant, micros, seconds } from "#base/time";
import type { RouteWord } from "../desired.ts";
import type { RouteAttributes } from "../route.ts";
import { Damping, DEFAULT_DAMPING } from "./damping.ts";
import { RouteFeed } from "./feed.ts";
import type { Outgoing } from "./parcel.ts";
import { prefixKey } from "./prefix-key.ts";
import { RibOut } from "./rib-out.ts";
import { attributesOf, prefixOf, sessionOf } from "./test-peer.ts";

const A = "192.0.2.1/32";
const B = "192.0.2.2/32";
const C = "192.0.2.3/32";
const D = "192.0.2.4/32";
const E = "192.0.2.5/32";
const START = instant(1_000_000_000);

/** A route for peers, which each have one letter. */
const word = (prefix: string, ...targets: readonly (readonly [string, RouteAttributes])[]): RouteWord => ({
  prefix: prefixOf(prefix),
  targets: targets.map(([peers, attributes]) => ({ peers: [...peers], attributes: { ...attributes } })),
});

const PLAIN = attributesOf();

const bed = (damping = DEFAULT_DAMPING) => {
  const feed = new RouteFeed(damping);
  const ribs = new Map<string, RibOut>();
  const add = (peer: string): void => {
    const rib = new RibOut({ mostRoutes: 1000 });
    ribs.set(peer, rib);
    rib.up(sessionOf());
    feed.addPeer(peer, rib);
    while (feed.isLoading) feed.load(1);
  };
  return {
    feed,
    add,
    change: (now: Instant, ...words: readonly RouteWord[]) => feed.set({ changed: words, removed: [] }, now),
    remove: (now: Instant, ...prefixes: readonly string[]) =>
      feed.set({ changed: [], removed: prefixes.map(prefixOf) }, now),
    /** What a peer hears: `+PREFIX med`, `-PREFIX`. */
    heard: (peer: string): readonly string[] =>
      (ribs.get(peer)?.take(1000) ?? []).flatMap((message) => {
        if (!("prefixes" in message)) return [];
        const texts = message.prefixes.map(formatInterfaceAddress);
        return message.type === "withdraw"
          ? texts.map((text) => `-${text}`)
          : texts.map((text) => `+${text} ${message.attributes.med}`);
      }),
  };
};

describe("the feed", () => {
  it("tells each peer what is for it, and one that comes later as well", () => {
    const { add, change, heard } = bed();
    add("a");
    change(START, word(A, ["ab", PLAIN], ["c", attributesOf({ med: 3 })]), word(B, ["b", PLAIN]));
    add("b");
    add("c");
    assert.deepEqual(heard("a"), [`+${A} undefined`]);
    assert.deepEqual(heard("b"), [`+${A} undefined`, `+${B} undefined`]);
    assert.deepEqual(heard("c"), [`+${A} 3`]);
  });

  it("tells only those for whom something is different", () => {
    const { add, change, remove, heard } = bed();
    for (const peer of "abc") add(peer);
    change(START, word(A, ["abc", PLAIN]));
    for (const peer of "abc") heard(peer);
    change(START, word(A, ["a", PLAIN], ["b", attributesOf({ med: 1 })]));
    assert.deepEqual(["a", "b", "c"].map(heard), [[], [`+${A} 1`], [`-${A}`]]);
    remove(START, A, B);
    assert.deepEqual(["a", "b", "c"].map(heard), [[`-${A}`], [`-${A}`], []]);
  });

  it("takes the first of two targets that name a peer", () => {
    const { add, change, heard } = bed();
    add("a");
    change(START, word(A, ["a", attributesOf({ med: 1 })], ["a", attributesOf({ med: 2 })]));
    assert.deepEqual(heard("a"), [`+${A} 1`]);
    change(START, word(A, ["a", attributesOf({ med: 2 })], ["a", attributesOf({ med: 1 })]));
    assert.deepEqual(heard("a"), [`+${A} 2`]);
  });

  it("tells a peer that was taken away nothing more", () => {
    const { feed, add, change, heard } = bed();
    add("a");
    feed.removePeer("a");
    change(START, word(A, ["a", PLAIN]));
    assert.deepEqual(heard("a"), []);
  });

  it("fills the table of a peer that comes later little by little, and minds what changes meanwhile", () => {
    const { feed, change, remove } = bed();
    change(START, ...[A, B, C, D].map((prefix) => word(prefix, ["ab", PLAIN])));
    const [late, gone] = [new RibOut({ mostRoutes: 9 }), new RibOut({ mostRoutes: 9 })];
    feed.addPeer("a", late);
    feed.addPeer("b", gone);
    feed.load(2);
    assert.equal(late.counts.wanted.IPv4, 2);
    remove(START, A, C);
    change(START, word(B, ["a", attributesOf({ med: 7 })]), word(E, ["a", PLAIN]), word(D, ["b", PLAIN]));
    feed.removePeer("b");
    let calls = 0;
    for (; feed.isLoading; calls += 1) feed.load(1);
    assert.ok(calls >= 3, `${calls}`);
    late.up(sessionOf());
    const told = late.take(9).flatMap((each) => ("prefixes" in each ? each.prefixes : []));
    assert.deepEqual(told.map(formatInterfaceAddress).sort(), [B, E]);
    assert.deepEqual([late.counts.wanted.IPv4, gone.counts.wanted.IPv4], [2, 0]);
  });

  it("shares routes between peers, and gives routes with equal attributes in one UPDATE for each part that is taken", () => {
    const PEERS = "abcdefghij";
    const feed = new RouteFeed(DEFAULT_DAMPING);
    const words = Array.from({ length: 10_000 }, (_, index) =>
      word(`10.0.${index >> 8}.${index & 255}/32`, [PEERS, attributesOf({ communities: [1, 2] })]),
    );
    feed.set({ changed: words, removed: [] }, START);
    const [first, ...others] = [...PEERS].map((peer) => {
      const rib = new RibOut({ mostRoutes: 10_000 });
      feed.addPeer(peer, rib);
      while (feed.isLoading) feed.load(100);
      rib.up(sessionOf());
      const parts: (readonly Outgoing[])[] = [];
      while (rib.pending > 0) parts.push(rib.take(500));
      assert.deepEqual(
        parts.map(({ length }) => length),
        new Array<number>(20).fill(1),
      );
      return parts.flat().flatMap((message) => ("prefixes" in message ? message.prefixes : []));
    });
    for (const other of others) assert.ok(other.every((prefix, index) => prefix === first?.[index]));
  });
});

describe("flap damping", () => {
  it("holds a prefix that went five times in a row, and never keeps a withdrawal back", () => {
    const { feed, add, change, remove, heard } = bed();
    add("a");
    for (let count = 1; count <= 5; count += 1) {
      change(START, word(A, ["a", PLAIN]));
      assert.deepEqual(heard("a"), [`+${A} undefined`], `coming ${count}`);
      remove(START, A);
      assert.deepEqual(heard("a"), [`-${A}`], `going ${count}`);
    }
    assert.equal(feed.deadline, undefined);
    change(START, word(A, ["a", PLAIN]), word(B, ["a", PLAIN]));
    assert.deepEqual(heard("a"), [`+${B} undefined`]);
    const until = feed.deadline ?? START;
    assert.deepEqual(feed.damped(), [{ prefix: prefixOf(A), until }]);
    assert.equal(feed.heldUntil(prefixOf(A)), until);
    // log2(5) half-lives.
    assert.equal(until, after(START, micros(Math.ceil(15_000_000 * Math.log2(5)))));
    change(START, word(A, ["a", attributesOf({ med: 8 })]));
    feed.step(after(until, micros(-1)));
    assert.deepEqual(heard("a"), []);
    feed.step(until);
    assert.deepEqual(heard("a"), [`+${A} 8`]);
    assert.equal(feed.deadline, undefined);
    assert.deepEqual(feed.damped(), []);
  });

  it("does not tell a peer that comes meanwhile either, until the time is over", () => {
    const { feed, add, change, remove, heard } = bed();
    for (let count = 0; count < 6; count += 1) {
      change(START, word(A, ["a", PLAIN]));
      remove(START, A);
    }
    change(START, word(A, ["a", PLAIN]));
    add("a");
    assert.deepEqual(heard("a"), []);
    feed.step(feed.deadline ?? START);
    assert.deepEqual(heard("a"), [`+${A} undefined`]);
  });

  it("never holds for more than the longest hold after the last going, however often it went", () => {
    const { feed, change, remove } = bed();
    for (let count = 0; count < 1000; count += 1) {
      change(START, word(A, ["a", PLAIN]));
      remove(START, A);
    }
    assert.equal(feed.deadline, undefined);
    change(START, word(A, ["a", PLAIN]));
    assert.equal(feed.deadline, after(START, DEFAULT_DAMPING.longestHold));
  });

  it("never holds a prefix that goes every 10 s", () => {
    const { feed, change, remove } = bed();
    for (let count = 0; count < 200; count += 1) {
      const now = after(START, seconds(10 * count));
      change(now, word(A, ["a", PLAIN]));
      assert.equal(feed.deadline, undefined);
      remove(now, A);
    }
  });

  it("is off without a configuration", () => {
    const feed = new RouteFeed(undefined);
    for (let count = 0; count < 20; count += 1) {
      feed.set({ changed: [word(A, ["a", PLAIN])], removed: [] }, START);
      feed.set({ changed: [], removed: [prefixOf(A)] }, START);
    }
    feed.set({ changed: [word(A, ["a", PLAIN])], removed: [] }, START);
    assert.equal(feed.deadline, undefined);
  });

  it("comes to nothing in the end: once it is over, every peer knows what it is to know, and nothing is late to be withdrawn", () => {
    const PREFIXES = [A, B, "2001:db8::1/128"];
    const change = fc.record({
      prefix: fc.constantFrom(...PREFIXES),
      peers: fc.constantFrom("", "a", "ab"),
      med: fc.nat({ max: 1 }),
      wait: fc.constantFrom(0, 0, 0, 1, 20, 90),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const world = bed();
        for (const peer of "ab") world.add(peer);
        const known = { a: new Map<string, string>(), b: new Map<string, string>() };
        const wanted = { a: new Map<string, string>(), b: new Map<string, string>() };
        const listen = (): void => {
          for (const peer of ["a", "b"] as const) {
            for (const text of world.heard(peer)) {
              const [prefix = "", med = ""] = text.slice(1).split(" ");
              if (text.startsWith("-")) assert.ok(known[peer].delete(prefix));
              else known[peer].set(prefix, med);
            }
          }
        };
        let now = START;
        for (const { prefix, peers, med, wait } of changes) {
          now = after(now, seconds(wait));
          world.feed.step(now);
          for (const peer of ["a", "b"] as const)
            if (peers.includes(peer)) wanted[peer].set(prefix, `${med}`);
            else wanted[peer].delete(prefix);
          if (peers === "") world.remove(now, prefix);
          else world.change(now, word(prefix, [peers, attributesOf({ med })]));
          listen();
          for (const peer of ["a", "b"] as const)
            for (const each of known[peer].keys()) assert.ok(wanted[peer].has(each), "withdrawn at once");
        }
        for (let deadline = world.feed.deadline; deadline !== undefined; deadline = world.feed.deadline) {
          assert.ok(deadline <= after(now, DEFAULT_DAMPING.longestHold));
          world.feed.step(deadline);
        }
        listen();
        for (const peer of ["a", "b"] as const)
          assert.deepEqual(new Map([...known[peer]].sort()), new Map([...wanted[peer]].sort()));
      }),
      { numRuns: 500 },
    );
  });

  it("forgets what has been quiet, and does not grow beyond its bound", () => {
    const damping = new Damping(DEFAULT_DAMPING);
    for (let index = 0; index < 70_000; index += 1)
      damping.gone(prefixKey(prefixOf(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`)), START);
    assert.equal(damping.size, 65_536);
    damping.gone(prefixKey(prefixOf(A)), after(START, seconds(75)));
    assert.equal(damping.size, 1);
  });
});
