import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, seconds } from "#base/time";
import {
  CAPABILITIES,
  connected,
  gracefulRestart,
  inWords,
  KEEPALIVE,
  MOMENT,
  NOW,
  notified,
  OPEN,
  peerOpen,
  type Row,
  reach,
  routerId,
  START,
  said,
  sessionConfig,
  table,
} from "#testing/bgp-session";
import { keptDirection } from "./collision.ts";
import { step } from "./machine.ts";
import { connectionsOf } from "./state.ts";

const SMALLER = sessionConfig({ routerId: routerId("192.0.2.1") });
const GREATER = sessionConfig({ routerId: routerId("192.0.2.3") });
const OURS = connected(1, "outgoing");
const PEERS = connected(2, "incoming");
const LOST = (connection: number, state: string): readonly string[] => [
  `${connection}: send Connection Collision Resolution`,
  `${connection}: close`,
  `${connection}: ${state} ended (collision)`,
];

describe("which connection is kept (RFC 4271 §6.8, RFC 6286 §2.3)", () => {
  const speaker = (id: string, asn: number) => ({ routerId: routerId(id), asn });
  const rows = [
    ["10.0.0.2", 1, "10.0.0.1", 2, "outgoing"],
    ["10.0.0.1", 2, "10.0.0.2", 1, "incoming"],
    // As numbers, not as text.
    ["10.0.0.10", 1, "10.0.0.9", 2, "outgoing"],
    ["200.0.0.1", 1, "100.0.0.1", 1, "outgoing"],
    ["10.0.0.1", 70_000, "10.0.0.1", 64_512, "outgoing"],
    ["10.0.0.1", 1, "10.0.0.1", 2, "incoming"],
  ] as const;
  for (const [id, asn, peersId, peersAsn, kept] of rows) {
    it(`is the ${kept} one of ${id} in AS ${asn} with ${peersId} in AS ${peersAsn}`, () => {
      assert.equal(keptDirection({ ours: speaker(id, asn), peers: speaker(peersId, peersAsn) }), kept);
    });
  }

  it("is the same one for both sides, whoever they are", () => {
    const any = fc.record({
      routerId: fc.ipV4().map((text) => routerId(text)),
      asn: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(any, any, (one, two) => {
        fc.pre(one.routerId !== two.routerId || one.asn !== two.asn);
        assert.notEqual(keptDirection({ ours: one, peers: two }), keptDirection({ ours: two, peers: one }));
      }),
    );
  });
});

describe("two connections at once (RFC 4271 §6.8)", () => {
  const bothOpen = [START, OURS, PEERS];
  const row = (title: string, greater: boolean, order: readonly [number, number], kept: number): Row => {
    const [first, second] = order;
    const config = greater ? GREATER : SMALLER;
    return {
      title,
      config,
      from: reach(config, ...bothOpen, OPEN(first)),
      input: OPEN(second),
      to: "open-confirm",
      effects:
        kept === first
          ? LOST(second, "open-sent")
          : [...LOST(first, "open-confirm"), `${second}: send keepalive`],
    };
  };
  table([
    row("keep the greater speaker's, ours, when its OPEN came first", true, [1, 2], 1),
    row("keep the greater speaker's, ours, when its OPEN came second", true, [2, 1], 1),
    row("keep the greater speaker's, the peer's, when its OPEN came first", false, [2, 1], 2),
    row("keep the greater speaker's, the peer's, when its OPEN came second", false, [1, 2], 2),
    {
      title: "are both kept while the peer has said on neither who it is",
      from: reach(SMALLER, START, OURS),
      input: PEERS,
      to: "open-sent",
      effects: ["2: send open"],
    },
    {
      title: "are both kept while the peer has said it on one only",
      from: reach(SMALLER, ...bothOpen),
      input: OPEN(1),
      to: "open-confirm",
      effects: ["1: send keepalive", "open-sent -> open-confirm (open-received)"],
    },
    {
      title: "are both kept when one is established and the peer says nothing on the other yet",
      from: reach(SMALLER, ...bothOpen, OPEN(1)),
      input: KEEPALIVE(1),
      to: "established",
      effects: ["1: up", "open-confirm -> established (keepalive-received)"],
    },
    {
      title:
        "keep the greater speaker's, ours, though the peer's was established meanwhile: the peer may keep ours",
      config: GREATER,
      from: reach(GREATER, ...bothOpen, OPEN(2), KEEPALIVE(2)),
      input: OPEN(1),
      to: "open-confirm",
      effects: [
        "2: send Connection Collision Resolution",
        "2: close",
        "2: down (collision)",
        "2: established ended (collision)",
        "1: send keepalive",
        "established -> open-confirm (open-received)",
      ],
    },
    {
      title: "keep the greater speaker's, the peer's, though ours was established meanwhile",
      config: SMALLER,
      from: reach(SMALLER, ...bothOpen, OPEN(1), KEEPALIVE(1)),
      input: OPEN(2),
      to: "open-confirm",
      effects: [
        "1: send Connection Collision Resolution",
        "1: close",
        "1: down (collision)",
        "1: established ended (collision)",
        "2: send keepalive",
        "established -> open-confirm (open-received)",
      ],
    },
    {
      title: "keep the greater speaker's when it was established meanwhile",
      config: GREATER,
      from: reach(GREATER, ...bothOpen, OPEN(1), KEEPALIVE(1)),
      input: OPEN(2),
      to: "established",
      effects: LOST(2, "open-sent"),
    },
    ...[GREATER, SMALLER].map(
      (config): Row => ({
        title: `do not come about once the peer's OPEN has come on ours, whoever is greater (${config.routerId})`,
        config,
        from: reach(config, START, OURS, OPEN(1)),
        input: PEERS,
        to: "open-confirm",
        effects: LOST(2, "idle"),
      }),
    ),
    {
      title: "do not come about once the peer's OPEN has come on its own: our attempt is given up",
      from: reach(SMALLER, START, PEERS, OPEN(2)),
      input: OURS,
      to: "open-confirm",
      effects: ["1: close", "1: idle ended (not-wanted)"],
    },
    {
      title: "do not come about when the peer connects again on its way: it has given up the older one",
      from: reach(SMALLER, START, PEERS, OPEN(2)),
      input: connected(3, "incoming"),
      to: "open-sent",
      effects: [
        "2: send Connection Collision Resolution",
        "2: close",
        "2: open-confirm ended (replaced)",
        "3: send open",
        "open-confirm -> open-sent (connected)",
      ],
    },
    {
      title: "go on with the other when the peer ends the one that is established: it kept the other",
      from: reach(SMALLER, ...bothOpen, OPEN(1), KEEPALIVE(1)),
      input: notified(1, 6, 7),
      to: "open-sent",
      effects: [
        "1: close",
        "1: down (notification-received)",
        "1: established ended (notification-received)",
        "established -> open-sent (notification-received)",
      ],
    },
    {
      title: "end both when the session is stopped",
      from: reach(SMALLER, ...bothOpen, OPEN(1)),
      input: { type: "stop", reason: "administrative-shutdown" },
      to: "idle",
      effects: [
        "1: send Administrative Shutdown",
        "1: close",
        "1: open-confirm ended (stop)",
        "2: send Administrative Shutdown",
        "2: close",
        "2: open-sent ended (stop)",
        "open-confirm -> idle (stop)",
      ],
    },
    {
      title: "end both when BFD says that the path is broken",
      from: reach(SMALLER, ...bothOpen, OPEN(1), KEEPALIVE(1)),
      input: { type: "bfd", status: "down" },
      to: "idle",
      effects: [
        "1: send BFD Down",
        "1: close",
        "1: down (bfd-down)",
        "1: established ended (bfd-down)",
        "2: send BFD Down",
        "2: close",
        "2: open-sent ended (bfd-down)",
        "established -> idle (bfd-down)",
      ],
    },
    {
      title: "become one when the peer closes the other",
      from: reach(SMALLER, ...bothOpen, OPEN(2)),
      input: { type: "closed", connection: 1, reason: undefined },
      to: "open-confirm",
      effects: ["1: open-sent ended (connection-closed)"],
    },
    {
      title: "become one when the peer is wrong on the other, without a rest",
      from: reach(SMALLER, ...bothOpen, OPEN(2)),
      input: said(1, peerOpen({ asn: 7 })),
      to: "open-confirm",
      effects: ["1: send Bad Peer AS", "1: close", "1: open-sent ended (open-refused)"],
    },
  ]);

  it("never become three: a peer that connects again gives up its older connection", () => {
    const { state, effects } = step(SMALLER, reach(SMALLER, ...bothOpen), connected(3, "incoming"), MOMENT);
    assert.deepEqual(effects.map(inWords), [
      "2: send Connection Collision Resolution",
      "2: close",
      "2: open-sent ended (replaced)",
      "3: send open",
    ]);
    assert.deepEqual(
      connectionsOf(state).map(({ id }) => id),
      [1, 3],
    );
  });

  it("are both closed when a peer that restarts gracefully comes with a third (RFC 4724 §4.2, RFC 4724 §5)", () => {
    const open = peerOpen({ capabilities: [...CAPABILITIES, gracefulRestart(["IPv6"])] });
    const state = reach(SMALLER, ...bothOpen, said(1, open), KEEPALIVE(1));
    const { effects, state: left } = step(SMALLER, state, connected(3, "incoming"), {
      now: after(NOW, seconds(5)),
      jitter: 0,
    });
    assert.deepEqual(effects.map(inWords), [
      "1: close",
      "1: down (replaced)",
      "1: established ended (replaced)",
      "2: close",
      "2: open-sent ended (replaced)",
      "3: send open",
      "established -> open-sent (replaced)",
    ]);
    assert.deepEqual(
      connectionsOf(left).map(({ id }) => id),
      [3],
    );
  });
});
