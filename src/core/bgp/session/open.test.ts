import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, seconds } from "#base/time";
import {
  CAPABILITIES,
  connected,
  gracefulRestart,
  KEEPALIVE,
  NOW,
  peerOpen,
  reach,
  START,
  said,
  sessionConfig,
} from "#testing/bgp-session";
import { decodeMessage } from "../message/decode.ts";
import { encodeOpen } from "../message/encode.ts";
import type { Capability, Open } from "../message/message.ts";
import type { SessionConfig } from "./config.ts";
import type { Input } from "./input.ts";
import { step } from "./machine.ts";
import { ownOpen } from "./open.ts";
import type { History } from "./state.ts";

const FRESH: History = { attempts: 0, failures: 0, restartingUntil: undefined, isForwardingPreserved: false };
const types = (config: SessionConfig): readonly string[] =>
  ownOpen(config, FRESH, NOW).capabilities.map(({ type }) => type);

describe("our OPEN", () => {
  it("says who we are and what we can do", () => {
    assert.deepEqual(ownOpen(sessionConfig({ extendedNextHop: true }), FRESH, NOW), {
      type: "open",
      version: 4,
      asn: 64_512,
      holdTime: 90,
      routerId: "192.0.2.1",
      capabilities: [
        { type: "multiprotocol", family: { afi: 1, safi: 1 } },
        { type: "multiprotocol", family: { afi: 2, safi: 1 } },
        { type: "route-refresh" },
        { type: "extended-next-hop", entries: [{ family: { afi: 1, safi: 1 }, nextHopAfi: 2 }] },
        {
          type: "graceful-restart",
          isRestarting: false,
          survivesNotification: true,
          restartTime: 120,
          families: [
            { family: { afi: 1, safi: 1 }, isForwardingPreserved: false },
            { family: { afi: 2, safi: 1 }, isForwardingPreserved: false },
          ],
        },
        { type: "four-octet-as", asn: 64_512 },
        { type: "enhanced-route-refresh" },
      ],
    });
  });

  it("has AS_TRANS in the field for a number that does not fit (RFC 6793 §9)", () => {
    const { asn, capabilities } = ownOpen(sessionConfig({ localAsn: 4_200_000_000 }), FRESH, NOW);
    assert.equal(asn, 23_456);
    assert.ok(capabilities.some((each) => each.type === "four-octet-as" && each.asn === 4_200_000_000));
  });

  it("says nothing of what is not configured", () => {
    const plain = { multiprotocol: false, extendedNextHop: true, gracefulRestart: undefined };
    assert.deepEqual(types(sessionConfig(plain)), [
      "route-refresh",
      "four-octet-as",
      "enhanced-route-refresh",
    ]);
    assert.deepEqual(types(sessionConfig({ families: ["IPv6"], extendedNextHop: true })), [
      "multiprotocol",
      "route-refresh",
      "graceful-restart",
      "four-octet-as",
      "enhanced-route-refresh",
    ]);
  });

  it("survives the wire, whatever is configured", () => {
    const config = fc.record({
      localAsn: fc.integer({ min: 1, max: 0xffff_ffff }).filter((asn) => asn !== 23_456),
      holdTime: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 65_535 })).map(seconds),
      families: fc.subarray(["IPv4", "IPv6"] as const, { minLength: 1 }),
      multiprotocol: fc.boolean(),
      extendedNextHop: fc.boolean(),
      gracefulRestart: fc.option(
        fc.record({
          restartTime: fc.integer({ min: 1, max: 4_095 }).map(seconds),
          survivesNotification: fc.boolean(),
        }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(config, fc.boolean(), fc.boolean(), (overrides, isForwardingPreserved, isRestarting) => {
        const restartingUntil = isRestarting ? after(NOW, seconds(1)) : undefined;
        const open = ownOpen(
          sessionConfig(overrides),
          { ...FRESH, restartingUntil, isForwardingPreserved },
          NOW,
        );
        const context = { hasFourOctetAsn: false, kind: undefined };
        assert.deepEqual(decodeMessage(encodeOpen(open), context), { ok: true, value: open });
      }),
    );
  });
});

describe("graceful restart in our OPEN (RFC 4724 §4.1)", () => {
  const CONFIG = sessionConfig();
  const RESTARTING: Input = { type: "start", isRestarting: true };
  const WRONG = said(1, peerOpen({ asn: 1, capabilities: [] }));

  /** What our next OPEN says after these inputs: has restarted, forwarding preserved. */
  const saysAfter = (
    inputs: readonly Input[],
    { later = seconds(0), config = CONFIG } = {},
  ): readonly [boolean, boolean] | undefined => {
    const at = { now: after(NOW, later), jitter: 0 };
    const { effects } = step(config, reach(config, ...inputs), connected(9, "incoming"), at);
    const [open] = effects.flatMap((each): readonly Open[] =>
      each.type === "send" && each.message.type === "open" ? [each.message] : [],
    );
    assert.ok(open !== undefined);
    const offer = open.capabilities.find(
      (each): each is Extract<Capability, { type: "graceful-restart" }> => each.type === "graceful-restart",
    );
    if (offer === undefined) return undefined;
    const preserved = new Set(offer.families.map((family) => family.isForwardingPreserved));
    assert.equal(preserved.size, 1);
    return [offer.isRestarting, preserved.has(true)];
  };
  const lost: readonly Input[] = [
    connected(1, "incoming"),
    said(1, peerOpen()),
    KEEPALIVE(1),
    connected(2, "incoming"),
  ];
  const graceful: readonly Input[] = [
    connected(1, "incoming"),
    said(1, peerOpen({ capabilities: [...CAPABILITIES, gracefulRestart(["IPv4"])] })),
    KEEPALIVE(1),
  ];

  it("says nothing of a restart at the first start: the machine may have been down", () => {
    assert.deepEqual(saysAfter([START]), [false, false]);
  });

  it("says that we have restarted and packets have arrived meanwhile, when told so", () => {
    assert.deepEqual(saysAfter([RESTARTING]), [true, true]);
  });

  it("says so until the restart time is over, whatever fails meanwhile", () => {
    const failed = [RESTARTING, connected(1, "incoming"), WRONG];
    assert.deepEqual(saysAfter([RESTARTING], { later: seconds(119.999_999) }), [true, true]);
    assert.deepEqual(saysAfter([RESTARTING], { later: seconds(120) }), [false, true]);
    const rested = step(
      CONFIG,
      reach(CONFIG, ...failed),
      { type: "timer" },
      {
        now: after(NOW, seconds(1)),
        jitter: 0,
      },
    ).state;
    assert.ok(rested.type === "running" && rested.history.restartingUntil === after(NOW, seconds(120)));
  });

  it("does not say so any more once everything was said again", () => {
    assert.deepEqual(saysAfter([RESTARTING, { type: "restart-over" }]), [false, true]);
  });

  it("says that packets arrive when a session broke and this program did not", () => {
    assert.deepEqual(saysAfter([START, ...graceful], { later: seconds(5) }), [false, true]);
    const broken: Input = { type: "closed", connection: 1, reason: "reset" };
    const resting = reach(CONFIG, START, ...lost.slice(0, 3), broken);
    assert.ok(resting.type === "resting" && resting.history.isForwardingPreserved);
  });

  it("says so as well after a reset or another configuration, but not after a shutdown", () => {
    for (const [reason, preserved] of [
      ["reset", true],
      ["configuration-changed", true],
      ["administrative-shutdown", false],
      ["peer-removed", false],
    ] as const) {
      assert.deepEqual(saysAfter([START, ...graceful, { type: "stop", reason }, START]), [false, preserved]);
    }
  });

  it("says nothing at all when it is not configured", () => {
    const config = sessionConfig({ gracefulRestart: undefined });
    assert.equal(saysAfter([RESTARTING], { config }), undefined);
  });
});
