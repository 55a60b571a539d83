/** Whatever happens in whatever order: in the end the peer knows what it is to know. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpFamily } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { address } from "#testing/values";
import type { RouteAttributes } from "../route.ts";
import type { NextHops } from "./next-hops.ts";
import { type PeerSession, pathAttributesOf } from "./path-attributes.ts";
import { familyOfKey } from "./prefix-key.ts";
import { RibOut } from "./rib-out.ts";
import { attributesOf, ModelPeer, routeOf, sessionOf } from "./test-peer.ts";

const PREFIXES = [
  "192.0.2.1/32",
  "192.0.2.2/32",
  "192.0.2.0/24",
  "198.51.100.7/32",
  "203.0.113.0/28",
  "2001:db8::1/128",
  "2001:db8::2/128",
  "2001:db8:1::/64",
].map((text) => routeOf(text));
const ATTRIBUTES = [attributesOf(), attributesOf({ med: 1 }), attributesOf({ localPref: 9 })];

const SESSIONS = [
  sessionOf(),
  sessionOf({ negotiated: { kind: "internal", hasEnhancedRouteRefresh: false } }),
  sessionOf({ negotiated: { families: ["IPv6"] } }),
  sessionOf({ nextHops: { ...sessionOf().nextHops, IPv4: undefined } }),
];

const HERE: NextHops = sessionOf().nextHops;
const HOPS: readonly NextHops[] = [
  HERE,
  { ...HERE, IPv4: { address: address("192.0.2.77"), linkLocal: undefined } },
  { ...HERE, IPv6: { address: address("2001:db8::1"), linkLocal: address("fe80::1") } },
  { ...HERE, IPv6: undefined },
  { IPv4: undefined, IPv6: undefined },
];

type Step =
  | { readonly type: "set"; readonly prefix: number; readonly attributes: number | undefined }
  | { readonly type: "up"; readonly session: number; readonly kept: "kept" | "dropped" }
  | { readonly type: "down" }
  | { readonly type: "redirect"; readonly hops: number }
  | { readonly type: "refresh"; readonly family: IpFamily }
  | { readonly type: "allow"; readonly most: number }
  | { readonly type: "complete" }
  | { readonly type: "take"; readonly most: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("set" as const),
      prefix: fc.nat({ max: PREFIXES.length - 1 }),
      attributes: fc.option(fc.nat({ max: ATTRIBUTES.length - 1 }), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("up" as const),
      session: fc.nat({ max: SESSIONS.length - 1 }),
      kept: fc.constantFrom("kept" as const, "dropped" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "down" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("redirect" as const), hops: fc.nat({ max: HOPS.length - 1 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("refresh" as const),
      family: fc.constantFrom("IPv4" as const, "IPv6" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("allow" as const), most: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant({ type: "complete" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("take" as const), most: fc.integer({ min: 1, max: 5 }) }),
  },
);

/** A table, its peer, and what is to come of it, reckoned in the plainest way. */
class Trial {
  readonly rib = new RibOut({ mostRoutes: 9 });
  readonly peer = new ModelPeer();
  readonly #wanted = new Map<number, RouteAttributes>();
  #session: PeerSession | undefined;
  #most = 9;
  #isComplete = false;

  do(step: Step): void {
    switch (step.type) {
      case "set":
        this.#set(step.prefix, step.attributes);
        break;
      case "up":
        this.#up(SESSIONS[step.session] ?? sessionOf(), step.kept);
        break;
      case "down":
        this.#session = undefined;
        this.rib.down();
        break;
      case "redirect":
        this.#redirect(HOPS[step.hops] ?? HERE);
        break;
      case "refresh":
        this.rib.refresh(step.family);
        break;
      case "allow":
        this.#most = step.most;
        this.rib.allow(step.most);
        break;
      case "complete":
        this.#isComplete = true;
        this.rib.complete();
        break;
      default:
        this.peer.hear(this.rib.take(step.most));
    }
  }

  #up(session: PeerSession, kept: "kept" | "dropped"): void {
    this.#session = session;
    this.peer.begin(kept === "kept" ? session.negotiated.families : []);
    this.rib.up(session);
  }

  #redirect(nextHops: NextHops): void {
    if (this.#session !== undefined) this.#session = { ...this.#session, nextHops };
    this.rib.redirect(nextHops);
  }

  #set(prefix: number, attributes: number | undefined): void {
    const route = PREFIXES[prefix] ?? routeOf("192.0.2.1/32");
    const chosen = attributes === undefined ? undefined : ATTRIBUTES[attributes];
    if (chosen === undefined) {
      this.#wanted.delete(prefix);
      this.rib.set({ changed: [], removed: [route.key] });
    } else {
      this.#wanted.set(prefix, chosen);
      // A new object each time: what is equal need not be the same.
      this.rib.set({ changed: [{ ...route, attributes: { ...chosen } }], removed: [] });
    }
  }

  /** Sends everything, in small parts; gives how many parts that were. */
  drain(most: number): number {
    let parts = 0;
    for (; this.rib.pending > 0; parts += 1) {
      assert.ok(parts < 1000, "it ends");
      this.peer.hear(this.rib.take(most));
    }
    return parts;
  }

  expected(): ReadonlyMap<string, unknown> {
    const session = this.#session;
    if (session === undefined) return new Map();
    const routes = [...this.#wanted]
      .map(([index, attributes]) => ({ ...(PREFIXES[index] ?? routeOf("192.0.2.1/32")), attributes }))
      .sort((left, right) => (left.key < right.key ? -1 : 1))
      .slice(0, this.#most);
    return new Map(
      routes.flatMap(({ key, prefix, attributes }) => {
        const family = familyOfKey(key);
        const nextHop = session.nextHops[family];
        if (nextHop === undefined || !session.negotiated.families.includes(family)) return [];
        return [
          [formatInterfaceAddress(prefix), pathAttributesOf(attributes, { session, nextHop })] as const,
        ];
      }),
    );
  }

  check(): void {
    if (this.#session === undefined) {
      assert.equal(this.rib.pending, 0);
      return;
    }
    if (!this.#isComplete) this.do({ type: "complete" });
    this.drain(2);
    assert.deepEqual(new Map([...this.peer.routes].sort()), new Map([...this.expected()].sort()));
    assert.deepEqual([...this.peer.ends].sort(), [...this.#session.negotiated.families].sort());
    const { announced, wanted, leftOut } = this.rib.counts;
    const kept = [...this.peer.routes.keys()];
    assert.equal(announced.IPv6, kept.filter((prefix) => prefix.includes(":")).length);
    assert.equal(announced.IPv4 + announced.IPv6, kept.length);
    const left = leftOut.reduce((sum, { count }) => sum + count, 0);
    assert.equal(wanted.IPv4 + wanted.IPv6, kept.length + left);
    for (const { prefix } of PREFIXES)
      assert.equal(
        this.rib.standing(prefix) === "announced",
        this.peer.routes.has(formatInterfaceAddress(prefix)),
      );
  }
}

describe("a peer", () => {
  it("comes to know what it is to know (RFC 4271 §3.2), from any history, in parts of any size", () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
        const trial = new Trial();
        for (const step of steps) trial.do(step);
        trial.check();
      }),
      { numRuns: 2_000 },
    );
  });

  it("comes to know it from any state that it was in, and hears nothing more then", () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 30 }), fc.array(STEP, { maxLength: 30 }), (first, second) => {
        const trial = new Trial();
        for (const step of first) trial.do(step);
        trial.check();
        for (const step of second) trial.do(step);
        trial.check();
        assert.equal(trial.drain(1), 0);
        assert.deepEqual(trial.rib.take(10), []);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is sent at most what changed: no prefix twice for one change of it (RFC 4271 §9.2)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 7 }), fc.option(fc.nat({ max: 2 }))), { maxLength: 40 }),
        (changes) => {
          const trial = new Trial();
          trial.do({ type: "up", session: 0, kept: "dropped" });
          for (const [prefix, attributes] of changes)
            trial.do({ type: "set", prefix, attributes: attributes ?? undefined });
          const sent = trial.rib
            .take(1000)
            .flatMap((message) =>
              "prefixes" in message ? message.prefixes.map(formatInterfaceAddress) : [],
            );
          assert.equal(new Set(sent).size, sent.length);
        },
      ),
    );
  });
});
