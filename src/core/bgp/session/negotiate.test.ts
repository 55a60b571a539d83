import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, micros, seconds } from "#base/time";
import { CAPABILITIES, gracefulRestart, peerOpen, routerId, sessionConfig } from "#testing/bgp-session";
import { unicast } from "../message/constants.ts";
import type { Capability, Open } from "../message/message.ts";
import type { SessionConfig } from "./config.ts";
import { familyOfCode, negotiate } from "./negotiate.ts";
import { ownOpen } from "./open.ts";

const CONFIG = sessionConfig();
const agreement = (open: Open, config: SessionConfig = CONFIG) => {
  const negotiation = negotiate(config, open);
  assert.ok(negotiation.ok, JSON.stringify(negotiation));
  return negotiation.agreement;
};
const agreed = (open: Open, config: SessionConfig = CONFIG) => agreement(open, config).negotiated;
const refusal = (open: Open, config: SessionConfig = CONFIG) => {
  const negotiation = negotiate(config, open);
  assert.ok(!negotiation.ok);
  const { code, subcode, data } = negotiation.error;
  return [negotiation.refusal, code, subcode, ...data];
};
const without = (...types: readonly Capability["type"][]): readonly Capability[] =>
  CAPABILITIES.filter(({ type }) => !types.includes(type));
const asn4 = (asn: number, field: number): Open =>
  peerOpen({ asn: field, capabilities: [...without("four-octet-as"), { type: "four-octet-as", asn }] });

describe("an OPEN of a peer that can do all that we can", () => {
  it("comes to everything", () => {
    const config = sessionConfig({ extendedNextHop: true });
    const open = peerOpen({
      capabilities: [
        ...CAPABILITIES,
        { type: "extended-next-hop", entries: [{ family: unicast("IPv4"), nextHopAfi: 2 }] },
        gracefulRestart(["IPv4", "IPv6"], { survivesNotification: true }),
      ],
    });
    assert.deepEqual(agreement(open, config), {
      negotiated: {
        peerAsn: 64_513,
        kind: "external",
        peerRouterId: "192.0.2.2",
        holdTime: seconds(90),
        keepaliveTime: seconds(30),
        hasFourOctetAsn: true,
        families: ["IPv4", "IPv6"],
        hasExtendedNextHop: true,
        hasRouteRefresh: true,
        hasEnhancedRouteRefresh: true,
        peerKeepsRoutes: seconds(120),
      },
      survivesNotification: true,
      peerMayRestart: true,
    });
  });

  it("comes to what RFC 4271 has when it has no capabilities", () => {
    assert.deepEqual(agreement(peerOpen({ capabilities: [] })), {
      negotiated: {
        peerAsn: 64_513,
        kind: "external",
        peerRouterId: "192.0.2.2",
        holdTime: seconds(90),
        keepaliveTime: seconds(30),
        hasFourOctetAsn: false,
        families: ["IPv4"],
        hasExtendedNextHop: false,
        hasRouteRefresh: false,
        hasEnhancedRouteRefresh: false,
        peerKeepsRoutes: undefined,
      },
      survivesNotification: false,
      peerMayRestart: false,
    });
  });
});

describe("the version (RFC 4271 §6.2)", () => {
  it("is 4, and a peer that speaks another one is told so", () => {
    for (const version of [0, 3, 5, 255]) {
      assert.deepEqual(refusal(peerOpen({ version })), ["unsupported-version", 2, 1, 0, 4]);
    }
  });
});

describe("the peer's AS number", () => {
  const internal = sessionConfig({ peerAsn: { type: "internal" } });
  const external = sessionConfig({ peerAsn: { type: "external" } });
  const bad = ["bad-peer-asn", 2, 2];

  it("is the one that is given", () => {
    assert.equal(agreed(asn4(64_513, 64_513)).peerAsn, 64_513);
    assert.deepEqual(refusal(asn4(64_514, 64_514)), bad);
    const large = sessionConfig({ peerAsn: { type: "given", asn: 4_200_000_000 } });
    assert.equal(agreed(asn4(4_200_000_000, 23_456), large).peerAsn, 4_200_000_000);
    assert.deepEqual(refusal(asn4(4_200_000_001, 23_456), large), bad);
  });

  it("is ours for an internal peer, and any other for an external one", () => {
    assert.equal(agreed(asn4(64_512, 64_512), internal).kind, "internal");
    assert.deepEqual(refusal(asn4(64_513, 64_513), internal), bad);
    assert.equal(agreed(asn4(70_000, 23_456), external).kind, "external");
    assert.deepEqual(refusal(asn4(64_512, 64_512), external), bad);
  });

  it("is internal as well when ours is given", () => {
    assert.equal(
      agreed(asn4(64_512, 64_512), sessionConfig({ peerAsn: { type: "given", asn: 64_512 } })).kind,
      "internal",
    );
  });

  it("is the field's without the capability (RFC 6793 §4.1)", () => {
    const open = peerOpen({ capabilities: without("four-octet-as") });
    assert.deepEqual([agreed(open).peerAsn, agreed(open).hasFourOctetAsn], [64_513, false]);
  });

  it("may be AS_TRANS in the field though it would fit", () => {
    assert.equal(agreed(asn4(64_513, 23_456)).peerAsn, 64_513);
  });

  it("is refused when field and capability contradict each other, or two capabilities do", () => {
    assert.deepEqual(refusal(asn4(64_513, 64_514)), bad);
    assert.deepEqual(refusal(asn4(64_514, 64_513)), bad);
    assert.deepEqual(refusal(asn4(70_000, 64_513), external), bad);
    const twice: Capability = { type: "four-octet-as", asn: 64_514 };
    assert.deepEqual(refusal(peerOpen({ capabilities: [...CAPABILITIES, twice] }), external), bad);
  });

  it("is never 0 or AS_TRANS (RFC 7607, RFC 6793 §9)", () => {
    assert.deepEqual(refusal(asn4(0, 0), external), bad);
    assert.deepEqual(refusal(asn4(0, 23_456), external), bad);
    assert.deepEqual(refusal(asn4(23_456, 23_456), external), bad);
    assert.deepEqual(refusal(peerOpen({ asn: 23_456, capabilities: [] }), external), bad);
    assert.deepEqual(refusal(peerOpen({ asn: 0, capabilities: [] }), external), bad);
  });
});

describe("the router ID (RFC 6286 §2.2)", () => {
  it("is not ours in our own autonomous system", () => {
    const internal = sessionConfig({ peerAsn: { type: "internal" } });
    const ours = { ...asn4(64_512, 64_512), routerId: CONFIG.routerId };
    assert.deepEqual(refusal(ours, internal), ["bad-router-id", 2, 3]);
  });

  it("may be ours in another one", () => {
    assert.equal(agreed(peerOpen({ routerId: CONFIG.routerId })).peerRouterId, "192.0.2.1");
  });

  it("is not 0.0.0.0", () => {
    assert.deepEqual(refusal(peerOpen({ routerId: routerId("0.0.0.0") })), ["bad-router-id", 2, 3]);
  });
});

describe("the hold time (RFC 4271 §4.2)", () => {
  it("is the smaller of both", () => {
    assert.equal(agreed(peerOpen({ holdTime: 9 })).holdTime, seconds(9));
    assert.equal(agreed(peerOpen({ holdTime: 65_535 })).holdTime, seconds(90));
  });

  it("is 0 when either side has 0, and then there are no KEEPALIVEs", () => {
    const { holdTime, keepaliveTime } = agreed(peerOpen({ holdTime: 0 }));
    assert.deepEqual([holdTime, keepaliveTime], [0, 0]);
    const none = agreed(peerOpen(), sessionConfig({ holdTime: seconds(0) }));
    assert.deepEqual([none.holdTime, none.keepaliveTime], [0, 0]);
  });

  it("is not one or two seconds", () => {
    for (const holdTime of [1, 2]) {
      assert.deepEqual(refusal(peerOpen({ holdTime })), ["unacceptable-hold-time", 2, 6]);
    }
    assert.equal(agreed(peerOpen({ holdTime: 3 })).holdTime, seconds(3));
  });

  it("bounds the time between KEEPALIVEs, which is what is configured if that is shorter", () => {
    assert.equal(agreed(peerOpen({ holdTime: 10 })).keepaliveTime, micros(3_333_333));
    assert.equal(agreed(peerOpen(), sessionConfig({ keepaliveTime: seconds(5) })).keepaliveTime, seconds(5));
  });
});

describe("families (RFC 4760 §8, RFC 5492)", () => {
  const speaking = (...capabilities: readonly Capability[]): Open =>
    peerOpen({ capabilities: [...without("multiprotocol"), ...capabilities] });
  const multiprotocol = (afi: number, safi: number): Capability => ({
    type: "multiprotocol",
    family: { afi, safi },
  });

  it("are those that both speak", () => {
    assert.deepEqual(agreed(speaking(multiprotocol(2, 1))).families, ["IPv6"]);
    assert.deepEqual(agreed(speaking(multiprotocol(2, 1), multiprotocol(1, 1))).families, ["IPv4", "IPv6"]);
    assert.deepEqual(agreed(peerOpen(), sessionConfig({ families: ["IPv6"] })).families, ["IPv6"]);
    assert.deepEqual(agreed(speaking(multiprotocol(2, 1), multiprotocol(2, 1))).families, ["IPv6"]);
  });

  it("are IPv4 for a peer that says nothing of families", () => {
    assert.deepEqual(agreed(speaking()).families, ["IPv4"]);
  });

  it("are not multicast or others, which a peer may have besides", () => {
    const others = [multiprotocol(1, 2), multiprotocol(25, 70), multiprotocol(2, 1)];
    assert.deepEqual(agreed(speaking(...others)).families, ["IPv6"]);
    assert.equal(familyOfCode({ afi: 1, safi: 128 }), undefined);
  });

  it("are refused when there is none in common, with what the peer lacks", () => {
    const onlyIpv6 = sessionConfig({ families: ["IPv6"] });
    assert.deepEqual(refusal(speaking(), onlyIpv6), ["no-common-family", 2, 7, 1, 4, 0, 2, 0, 1]);
    assert.deepEqual(refusal(speaking(multiprotocol(25, 70))), [
      ...["no-common-family", 2, 7],
      ...[1, 4, 0, 1, 0, 1],
      ...[1, 4, 0, 2, 0, 1],
    ]);
  });

  it("are IPv4 alone when we say nothing of families", () => {
    assert.deepEqual(agreed(peerOpen(), sessionConfig({ multiprotocol: false })).families, ["IPv4"]);
  });
});

describe("IPv6 next hops for IPv4 routes (RFC 8950 §4)", () => {
  const config = sessionConfig({ extendedNextHop: true });
  const entry = (afi: number, safi: number, nextHopAfi: number): Open =>
    peerOpen({
      capabilities: [
        ...CAPABILITIES,
        { type: "extended-next-hop", entries: [{ family: { afi, safi }, nextHopAfi }] },
      ],
    });

  it("take both sides, for IPv4 unicast", () => {
    assert.equal(agreed(entry(1, 1, 2), config).hasExtendedNextHop, true);
    assert.equal(agreed(entry(1, 1, 2)).hasExtendedNextHop, false);
    assert.equal(agreed(peerOpen(), config).hasExtendedNextHop, false);
    for (const [afi, safi, nextHopAfi] of [
      [1, 128, 2],
      [1, 1, 1],
      [2, 1, 1],
    ] as const) {
      assert.equal(agreed(entry(afi, safi, nextHopAfi), config).hasExtendedNextHop, false);
    }
  });

  it("take families, and IPv4 among them", () => {
    const open = entry(1, 1, 2);
    assert.equal(agreed(open, { ...config, multiprotocol: false }).hasExtendedNextHop, false);
    assert.equal(agreed(open, { ...config, families: ["IPv6"] }).hasExtendedNextHop, false);
  });
});

describe("asking for routes again (RFC 7313 §4)", () => {
  it("is enhanced only together with the plain one", () => {
    const { hasRouteRefresh, hasEnhancedRouteRefresh } = agreed(
      peerOpen({ capabilities: without("route-refresh") }),
    );
    assert.deepEqual([hasRouteRefresh, hasEnhancedRouteRefresh], [false, false]);
  });
});

describe("graceful restart (RFC 4724 §3, RFC 8538)", () => {
  const open = (...offers: readonly Capability[]): Open =>
    peerOpen({ capabilities: [...CAPABILITIES, ...offers] });

  it("has the peer keep our routes for the time that we ask for, even if it has none of its own to be kept", () => {
    const { negotiated, peerMayRestart } = agreement(open(gracefulRestart([], { restartTime: 7 })));
    assert.deepEqual([negotiated.peerKeepsRoutes, peerMayRestart], [seconds(120), false]);
  });

  it("is not there when either side does not offer it", () => {
    assert.equal(agreed(peerOpen()).peerKeepsRoutes, undefined);
    const config = sessionConfig({ gracefulRestart: undefined });
    const { negotiated, survivesNotification, peerMayRestart } = agreement(
      open(gracefulRestart(["IPv4"], { survivesNotification: true })),
      config,
    );
    assert.deepEqual([negotiated.peerKeepsRoutes, survivesNotification], [undefined, false]);
    assert.equal(peerMayRestart, true);
  });

  it("outlives a NOTIFICATION only if both sides have said so (RFC 8538 §2)", () => {
    for (const [ours, theirs] of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ] as const) {
      const config = sessionConfig({
        gracefulRestart: { restartTime: seconds(120), survivesNotification: ours },
      });
      const { survivesNotification, negotiated } = agreement(
        open(gracefulRestart(["IPv4"], { survivesNotification: theirs })),
        config,
      );
      assert.deepEqual([survivesNotification, negotiated.peerKeepsRoutes], [ours && theirs, seconds(120)]);
      const history = { attempts: 0, failures: 0, restartingUntil: undefined, isForwardingPreserved: false };
      const offer = ownOpen(config, history, instant(0)).capabilities.find(
        ({ type }) => type === "graceful-restart",
      );
      assert.ok(offer?.type === "graceful-restart" && offer.survivesNotification === ours);
    }
  });

  it("is what the peer says last", () => {
    const offers = [gracefulRestart(["IPv4"], { survivesNotification: true }), gracefulRestart([])];
    const { survivesNotification, peerMayRestart } = agreement(open(...offers));
    assert.deepEqual([survivesNotification, peerMayRestart], [false, false]);
  });
});
