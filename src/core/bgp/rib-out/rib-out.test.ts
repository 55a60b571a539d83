import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatInterfaceAddress } from "#base/prefix";
import { address } from "#testing/values";
import type { Outgoing } from "./parcel.ts";
import { RibOut } from "./rib-out.ts";
import { attributesOf, ModelPeer, prefixOf, routeOf, sessionOf } from "./test-peer.ts";

/** A message in short: `+IPv4 192.0.2.1/32`, `-`, `end-of-rib IPv4`, `begin 1`. */
const short = (message: Outgoing): string => {
  if (message.type === "route-refresh") return `${message.meaning} ${message.family.afi}`;
  if (message.type === "end-of-rib") return `end-of-rib ${message.family}`;
  const sign = message.type === "announce" ? "+" : "-";
  return `${sign}${message.prefixes.map(formatInterfaceAddress).join(" ")}`;
};

const taken = (rib: RibOut, most = 1000): readonly string[] => rib.take(most).map(short);

const A = "192.0.2.1/32";
const B = "192.0.2.2/32";
const C = "192.0.2.3/32";
const SIX = "2001:db8:1::1/128";

const ribWith = (...prefixes: readonly string[]): RibOut => {
  const rib = new RibOut({ mostRoutes: 100 });
  rib.set({ changed: prefixes.map((prefix) => routeOf(prefix)), removed: [] });
  return rib;
};

describe("what a peer hears", () => {
  it("is nothing without a session", () => {
    const rib = ribWith(A);
    assert.deepEqual(taken(rib), []);
    assert.equal(rib.pending, 0);
    assert.equal(rib.standing(prefixOf(A)), "no-session");
  });

  it("is everything when the session comes up, routes with equal attributes together (RFC 4271 §9.2.2), and then nothing more", () => {
    const rib = ribWith(A, B, SIX);
    rib.set({ changed: [routeOf(C, attributesOf({ med: 7 }))], removed: [] });
    rib.up(sessionOf());
    assert.deepEqual(taken(rib), [`+${A} ${B}`, `+${C}`, `+${SIX}`]);
    assert.deepEqual(taken(rib), []);
    assert.equal(rib.standing(prefixOf(A)), "announced");
  });

  it("is everything again in the next session", () => {
    const rib = ribWith(A);
    rib.up(sessionOf());
    taken(rib);
    rib.down();
    assert.equal(rib.counts.announced.IPv4, 0);
    rib.up(sessionOf());
    assert.deepEqual(taken(rib), [`+${A}`]);
  });

  it("is withdrawals before announcements, whatever came first (RFC 4271 §3.1)", () => {
    const rib = ribWith(A);
    rib.up(sessionOf());
    taken(rib);
    rib.set({ changed: [routeOf(B)], removed: [] });
    rib.set({ changed: [], removed: [routeOf(A).key] });
    assert.equal(rib.standing(prefixOf(A)), "leaving");
    assert.equal(rib.standing(prefixOf(B)), "pending");
    assert.deepEqual(taken(rib, 1), [`-${A}`]);
    assert.deepEqual(taken(rib, 1), [`+${B}`]);
    assert.equal(rib.standing(prefixOf(A)), "not-wanted");
  });

  it("is one message for a prefix that changed several times while it waited, and none if it is as it was", () => {
    const rib = ribWith(A);
    rib.up(sessionOf());
    taken(rib);
    const other = routeOf(A, attributesOf({ med: 5 }));
    rib.set({ changed: [], removed: [other.key] });
    rib.set({ changed: [other], removed: [] });
    rib.set({ changed: [], removed: [other.key] });
    rib.set({ changed: [routeOf(A, attributesOf({ med: 6 }))], removed: [] });
    const [message, ...rest] = rib.take(1000);
    assert.ok(message?.type === "announce" && message.attributes.med === 6 && rest.length === 0);
    rib.set({ changed: [other], removed: [] });
    rib.set({ changed: [routeOf(A, attributesOf({ med: 6 }))], removed: [] });
    assert.equal(rib.pending, 0);
  });

  it("is nothing of a prefix that came and went before it was told", () => {
    const rib = ribWith();
    rib.up(sessionOf());
    rib.set({ changed: [routeOf(A)], removed: [] });
    rib.set({ changed: [], removed: [routeOf(A).key] });
    assert.deepEqual(taken(rib), []);
  });

  it("is one end of each family, once everything at first was told and the caller said that it is all", () => {
    const rib = ribWith(A, SIX);
    rib.up(sessionOf());
    assert.deepEqual(taken(rib), [`+${A}`, `+${SIX}`]);
    rib.set({ changed: [routeOf(B), routeOf(C)], removed: [] });
    rib.complete();
    rib.complete();
    assert.deepEqual(taken(rib, 1), [`+${B}`]);
    assert.deepEqual(taken(rib), [`+${C}`, "end-of-rib IPv4", "end-of-rib IPv6"]);
    rib.set({ changed: [], removed: [routeOf(B).key] });
    assert.deepEqual(taken(rib), [`-${B}`]);
    rib.up(sessionOf({ negotiated: { families: ["IPv4"] } }));
    assert.deepEqual(taken(rib), [`+${A} ${C}`, "end-of-rib IPv4"]);
  });

  it("is, when it asks, a family once more between begin and end (RFC 7313 §4)", () => {
    const rib = ribWith(A, B, SIX);
    rib.complete();
    rib.up(sessionOf());
    taken(rib);
    rib.refresh("IPv4");
    rib.set({ changed: [routeOf(C)], removed: [routeOf(B).key] });
    assert.deepEqual(taken(rib), [`-${B}`, "begin 1", `+${A}`, "end 1", `+${C}`]);
    assert.equal(rib.counts.announced.IPv4, 2);
  });

  it("is the family once more without a word around it where the peer knows RFC 2918 alone", () => {
    const rib = ribWith(A, SIX);
    rib.up(sessionOf({ negotiated: { hasEnhancedRouteRefresh: false } }));
    taken(rib);
    rib.refresh("IPv6");
    assert.deepEqual(taken(rib), [`+${SIX}`]);
    rib.refresh("IPv6");
    assert.deepEqual(taken(rib), [`+${SIX}`]);
  });

  it("is one refresh more, however often it asks while one runs", () => {
    const rib = ribWith(A);
    rib.complete();
    rib.up(sessionOf());
    taken(rib);
    for (let count = 0; count < 100; count += 1) rib.refresh("IPv4");
    const once = ["begin 1", `+${A}`, "end 1"];
    assert.deepEqual(taken(rib), [...once, ...once]);
    assert.equal(rib.pending, 0);
  });

  it("is no refresh of a family that it does not speak", () => {
    const rib = ribWith(A, SIX);
    rib.up(sessionOf({ negotiated: { families: ["IPv4"] } }));
    taken(rib);
    rib.refresh("IPv6");
    assert.equal(rib.pending, 0);
  });

  it("is no refresh before the end of the table, which would be ignored, but one after it (RFC 7313 §4)", () => {
    const rib = ribWith(A, B);
    rib.up(sessionOf({ negotiated: { families: ["IPv4"] } }));
    assert.deepEqual(taken(rib, 1), [`+${A}`]);
    rib.refresh("IPv4");
    rib.refresh("IPv4");
    assert.deepEqual(taken(rib), [`+${B}`]);
    rib.complete();
    assert.deepEqual(taken(rib), ["end-of-rib IPv4", "begin 1", `+${A} ${B}`, "end 1"]);
    assert.equal(rib.pending, 0);
    // The next session has another end.
    rib.up(sessionOf({ negotiated: { families: ["IPv4"] } }));
    rib.refresh("IPv4");
    assert.deepEqual(taken(rib), [`+${A} ${B}`, "end-of-rib IPv4", "begin 1", `+${A} ${B}`, "end 1"]);
  });

  it("includes in a refresh what waited to be told for the first time, and ends the table after it", () => {
    const rib = ribWith(A, B);
    rib.complete();
    rib.up(sessionOf({ negotiated: { families: ["IPv4"], hasEnhancedRouteRefresh: false } }));
    assert.deepEqual(taken(rib, 1), [`+${A}`]);
    rib.refresh("IPv4");
    assert.deepEqual(taken(rib), [`+${A} ${B}`, "end-of-rib IPv4"]);
  });

  it("ends a refresh after a prefix that went and came again during it", () => {
    const rib = ribWith(A, B);
    rib.complete();
    rib.up(sessionOf());
    taken(rib);
    rib.refresh("IPv4");
    rib.set({ changed: [], removed: [routeOf(A).key] });
    rib.set({ changed: [routeOf(A)], removed: [] });
    assert.deepEqual(taken(rib), ["begin 1", `+${B} ${A}`, "end 1"]);
  });
});

describe("next hops that change within a session", () => {
  it("have told again what leads elsewhere, withdrawn what leads nowhere, and told what leads somewhere at last", () => {
    const rib = ribWith(A, SIX);
    const { nextHops } = sessionOf();
    rib.complete();
    rib.up(sessionOf());
    taken(rib);
    rib.redirect({ ...nextHops });
    assert.equal(rib.pending, 0);
    const elsewhere = { address: address("192.0.2.77"), linkLocal: undefined };
    rib.redirect({ IPv4: elsewhere, IPv6: undefined });
    const [withdrawal, announcement, ...rest] = rib.take(1000);
    assert.ok(withdrawal?.type === "withdraw" && announcement?.type === "announce");
    assert.deepEqual(announcement.attributes.nextHop, elsewhere);
    assert.deepEqual([short(withdrawal), rest], [`-${SIX}`, []]);
    rib.redirect({ ...nextHops, IPv4: elsewhere });
    assert.deepEqual(taken(rib), [`+${SIX}`]);
  });

  it("forget no withdrawal that waits", () => {
    const rib = ribWith(A, B);
    rib.up(sessionOf());
    taken(rib);
    rib.set({ changed: [], removed: [routeOf(A).key] });
    rib.redirect({ ...sessionOf().nextHops, IPv4: { address: address("192.0.2.77"), linkLocal: undefined } });
    assert.deepEqual(taken(rib), [`-${A}`, `+${B}`]);
  });

  it("are nothing without a session", () => {
    const rib = ribWith(A);
    rib.redirect(sessionOf().nextHops);
    assert.equal(rib.pending, 0);
  });
});

describe("the attributes that a peer hears", () => {
  const first = (rib: RibOut) => {
    const [message] = rib.take(1);
    assert.ok(message?.type === "announce");
    return message.attributes;
  };
  const rich = attributesOf({
    localPref: 200,
    med: 3,
    communities: [0xffff_0000, 0xffff_ff01],
    largeCommunities: [{ administrator: 1, first: 2, second: 3 }],
    linkBandwidth: 125_000,
  });
  const heard = (session: Parameters<typeof sessionOf>[0]) => {
    const rib = new RibOut({ mostRoutes: 1 });
    rib.set({ changed: [routeOf(A, rich)], removed: [] });
    rib.up(sessionOf(session));
    return first(rib);
  };

  it("are a path of our number and no LOCAL_PREF in another autonomous system (RFC 4271 §5.1.2, §5.1.5)", () => {
    assert.deepEqual(heard({}), {
      origin: "igp",
      asPath: [64_512],
      nextHop: { address: "192.0.2.1", linkLocal: undefined },
      med: 3,
      localPref: undefined,
      communities: [0xffff_0000, 0xffff_ff01],
      largeCommunities: [{ administrator: 1, first: 2, second: 3 }],
      linkBandwidth: { asn: 64_512, bytesPerSecond: 125_000 },
    });
  });

  it("are an empty path and LOCAL_PREF in our own", () => {
    const { asPath, localPref } = heard({ negotiated: { kind: "internal" } });
    assert.deepEqual({ asPath, localPref }, { asPath: [], localPref: 200 });
  });

  it("show a local AS alone, and the number behind it only where that is asked for (RFC 7705 §3)", () => {
    assert.deepEqual(heard({ localAsn: 65_000 }).asPath, [65_000]);
    assert.deepEqual(heard({ localAsn: 65_000, shownGlobalAsn: 64_512 }).asPath, [65_000, 64_512]);
    assert.deepEqual(heard({ localAsn: 64_512, shownGlobalAsn: 64_512 }).asPath, [64_512]);
  });

  it("that another autonomous system does not hear change nothing there", () => {
    for (const [kind, pending] of [
      ["external", 0],
      ["internal", 1],
    ] as const) {
      const rib = ribWith(A);
      rib.up(sessionOf({ negotiated: { kind } }));
      taken(rib);
      rib.set({ changed: [routeOf(A, attributesOf({ localPref: 5 }))], removed: [] });
      assert.equal(rib.pending, pending);
    }
  });
});

describe("what is left out", () => {
  it("is a family that the peer does not speak, or that has no next hop (RFC 4271 §9.1.3)", () => {
    const rib = ribWith(A, B, SIX);
    rib.up(sessionOf({ negotiated: { families: ["IPv4"] } }));
    assert.deepEqual(taken(rib), [`+${A} ${B}`]);
    assert.deepEqual(rib.counts.leftOut, [{ reason: "family-not-spoken", family: "IPv6", count: 1 }]);
    assert.equal(rib.standing(prefixOf(SIX)), "family-not-spoken");
    const { nextHops } = sessionOf();
    rib.up(sessionOf({ nextHops: { ...nextHops, IPv4: undefined } }));
    assert.deepEqual(taken(rib), [`+${SIX}`]);
    assert.deepEqual(rib.counts.leftOut, [{ reason: "no-next-hop", family: "IPv4", count: 2 }]);
    assert.equal(rib.standing(prefixOf(A)), "no-next-hop");
  });

  it("is what is more than the peer is to be told: the highest addresses, whatever came first", () => {
    const rib = new RibOut({ mostRoutes: 2 });
    rib.up(sessionOf());
    rib.set({ changed: [SIX, C, B].map((prefix) => routeOf(prefix)), removed: [] });
    assert.deepEqual(taken(rib), [`+${C} ${B}`]);
    assert.deepEqual(rib.counts.leftOut, [{ reason: "over-limit", family: "IPv6", count: 1 }]);
    rib.set({ changed: [routeOf(A)], removed: [] });
    assert.deepEqual(taken(rib), [`-${C}`, `+${A}`]);
    assert.equal(rib.standing(prefixOf(C)), "over-limit");
    rib.set({ changed: [], removed: [routeOf(B).key] });
    assert.deepEqual(taken(rib), [`-${B}`, `+${C}`]);
    rib.set({ changed: [], removed: [routeOf(A).key, routeOf(C).key] });
    assert.deepEqual(taken(rib), [`-${A} ${C}`, `+${SIX}`]);
    assert.deepEqual(rib.counts, {
      wanted: { IPv4: 0, IPv6: 1 },
      announced: { IPv4: 0, IPv6: 1 },
      pending: 0,
      leftOut: [],
    });
  });

  it("follows another limit", () => {
    const rib = ribWith(A, B, C);
    rib.up(sessionOf());
    taken(rib);
    rib.allow(1);
    assert.deepEqual(taken(rib), [`-${B} ${C}`]);
    rib.allow(0);
    assert.deepEqual(taken(rib), [`-${A}`]);
    rib.allow(3);
    assert.deepEqual(taken(rib), [`+${A} ${B} ${C}`]);
  });

  it("never puts more than the limit into the peer's table at once", () => {
    const rib = new RibOut({ mostRoutes: 3 });
    const peer = new ModelPeer();
    rib.up(sessionOf());
    for (let index = 40; index > 0; index -= 1) {
      rib.set({ changed: [routeOf(`192.0.2.${index}/32`)], removed: [] });
      while (rib.pending > 0) peer.hear(rib.take(1));
    }
    assert.equal(peer.most, 3);
  });
});
