import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, seconds } from "#base/time";
import {
  CAPABILITIES,
  connected,
  gracefulRestart,
  KEEPALIVE,
  MOMENT,
  NOW,
  notified,
  OPEN,
  peerOpen,
  type Row,
  reach,
  START,
  said,
  sessionConfig,
  TIMER,
  table,
  UPDATE,
} from "#testing/bgp-session";
import type { Input, StopReason } from "./input.ts";
import { step } from "./machine.ts";

const CONFIG = sessionConfig();
const UP = [START, connected(1, "outgoing"), OPEN(1), KEEPALIVE(1)];
const from = reach(CONFIG, ...UP);
const ending = (cause: string, notification?: string): readonly string[] => [
  ...(notification === undefined ? [] : [`1: send ${notification}`]),
  "1: close",
  `1: down (${cause})`,
  `1: established ended (${cause})`,
  `established -> idle (${cause})`,
];
const refresh = (
  afi: number,
  safi: number,
  meaning: "request" | "begin" | "end" | "unknown" = "request",
): Input => said(1, { type: "route-refresh", family: { afi, safi }, meaning });
const upWith = (capabilities: typeof CAPABILITIES) =>
  reach(CONFIG, START, connected(1, "outgoing"), said(1, peerOpen({ capabilities })), KEEPALIVE(1));
const plain = CAPABILITIES.filter(({ type }) => type !== "enhanced-route-refresh");
const ipv4Only = [...CAPABILITIES.slice(0, 1), ...CAPABILITIES.slice(2)];

describe("established (RFC 4271 §8.2.2)", () => {
  table([
    { title: "has been started already (event 1)", from, input: START, to: "established", effects: [] },
    {
      title: "rests when the peer is silent for the hold time (event 10; RFC 4271 §6.5)",
      from,
      input: TIMER,
      at: after(NOW, seconds(90)),
      to: "idle",
      effects: ending("hold-timer-expired", "Hold Timer Expired"),
    },
    {
      title: "sends a KEEPALIVE when one is due (event 11; RFC 4271 §4.4)",
      from,
      input: TIMER,
      at: after(NOW, seconds(22.5)),
      to: "established",
      effects: ["1: send keepalive"],
    },
    {
      title: "rests when the connection is closed (event 18)",
      from,
      input: { type: "closed", connection: 1, reason: "connection reset" },
      to: "idle",
      effects: [
        "1: down (connection-closed)",
        "1: established ended (connection-closed)",
        "established -> idle (connection-closed)",
      ],
    },
    {
      title: "has no use for another OPEN (event 19; RFC 4271 §6.6)",
      from,
      input: OPEN(1),
      to: "idle",
      effects: ending("unexpected-message", "Receive Unexpected Message in Established State"),
    },
    {
      title: "says what is wrong with bytes that are no message (events 21, 22, 28)",
      from,
      input: { type: "malformed", connection: 1, error: { code: 3, subcode: 1, data: new Uint8Array(0) } },
      to: "idle",
      effects: ending("malformed-message", "Malformed Attribute List"),
    },
    {
      title: "never answers a NOTIFICATION (events 24, 25; RFC 4271 §6.4)",
      from,
      input: notified(1, 6, 2),
      to: "idle",
      effects: ending("notification-received"),
    },
    { title: "hears KEEPALIVEs (event 26)", from, input: KEEPALIVE(1), to: "established", effects: [] },
    {
      title: "hears UPDATEs and imports nothing (event 27)",
      from,
      input: said(1, UPDATE),
      to: "established",
      effects: [],
    },
    {
      title: "ends when BFD says that the path is broken (RFC 9384)",
      from,
      input: { type: "bfd", status: "down" },
      to: "idle",
      effects: ending("bfd-down", "BFD Down"),
    },
    {
      title: "goes on when the peer leaves BFD on purpose (RFC 5882 §4.2)",
      from,
      input: { type: "bfd", status: "admin-down" },
      to: "established",
      effects: [],
    },
    {
      title: "goes on when BFD comes up",
      from,
      input: { type: "bfd", status: "up" },
      to: "established",
      effects: [],
    },
    {
      title: "refuses another connection of the peer's (event 17; RFC 4271 §6.8)",
      from,
      input: connected(2, "incoming"),
      at: after(NOW, seconds(60)),
      to: "established",
      effects: ["2: send Connection Collision Resolution", "2: close", "2: idle ended (collision)"],
    },
    {
      title:
        "refuses it as well when the peer only keeps our routes and does not restart with its own (RFC 4724 §4.2)",
      from: upWith([...CAPABILITIES, gracefulRestart([])]),
      input: connected(2, "incoming"),
      at: after(NOW, seconds(60)),
      to: "established",
      effects: ["2: send Connection Collision Resolution", "2: close", "2: idle ended (collision)"],
    },
    {
      title: "refuses it as well in the first seconds, when it was under way before",
      from: upWith([...CAPABILITIES, gracefulRestart(["IPv4"])]),
      input: connected(2, "incoming"),
      at: after(NOW, seconds(4.999_999)),
      to: "established",
      effects: ["2: send Connection Collision Resolution", "2: close", "2: idle ended (collision)"],
    },
    {
      title:
        "takes it as a sign that the peer has restarted when it does, and closes the old one without a word",
      from: upWith([...CAPABILITIES, gracefulRestart(["IPv4"])]),
      input: connected(2, "incoming"),
      at: after(NOW, seconds(5)),
      to: "open-sent",
      effects: [
        "1: close",
        "1: down (replaced)",
        "1: established ended (replaced)",
        "2: send open",
        "established -> open-sent (replaced)",
      ],
    },
    {
      title: "closes a connection of ours that it has not asked for (event 16)",
      from,
      input: connected(2, "outgoing"),
      to: "established",
      effects: ["2: close", "2: idle ended (not-wanted)"],
    },
  ]);
});

describe("established and stopped (event 2; RFC 4271 §6.7, RFC 4486)", () => {
  const WORDS: Readonly<Record<StopReason, string | undefined>> = {
    "administrative-shutdown": "Administrative Shutdown",
    "peer-removed": "Peer De-configured",
    reset: "Administrative Reset",
    "configuration-changed": "Other Configuration Change",
    restart: undefined,
  };
  table(
    Object.entries(WORDS).map(
      ([reason, word]): Row => ({
        title: `says ${word ?? "nothing"} for ${reason}${reason === "restart" ? ", and closes its connection (RFC 4724 §4.1)" : ""}`,
        from,
        input: { type: "stop", reason: reason as StopReason },
        to: "idle",
        effects: ending("stop", word),
      }),
    ),
  );

  const graceful = upWith([...CAPABILITIES, gracefulRestart(["IPv4"], { survivesNotification: true })]);
  table(
    [...Object.entries(WORDS), ["bfd", "Hard Reset"] as const].map(([reason, word]): Row => {
      const forgets = reason === "administrative-shutdown" || reason === "peer-removed" || reason === "bfd";
      return {
        title: `says ${forgets ? "Hard Reset" : (word ?? "nothing")} for ${reason} when routes outlive a NOTIFICATION (RFC 8538)`,
        from: graceful,
        input:
          reason === "bfd" ? { type: "bfd", status: "down" } : { type: "stop", reason: reason as StopReason },
        to: "idle",
        effects: ending(reason === "bfd" ? "bfd-down" : "stop", forgets ? "Hard Reset" : word),
      };
    }),
  );
});

describe("a peer that asks for routes again (RFC 2918, RFC 7313)", () => {
  table([
    {
      title: "gets them between their beginning and their end when both know of these",
      from,
      input: refresh(2, 1),
      to: "established",
      effects: ["1: refresh IPv6 between BoRR and EoRR"],
    },
    {
      title: "gets them plainly when it knows of neither",
      from: upWith(plain),
      input: refresh(1, 1),
      to: "established",
      effects: ["1: refresh IPv4"],
    },
    {
      title: "is ignored when it asks for a family that was not agreed on",
      from: upWith(ipv4Only),
      input: refresh(2, 1),
      to: "established",
      effects: [],
    },
    ...(
      [
        [1, 2],
        [25, 70],
      ] as const
    ).map(
      ([afi, safi]): Row => ({
        title: `is ignored when it asks for AFI ${afi} SAFI ${safi}, which we do not speak`,
        from,
        input: refresh(afi, safi),
        to: "established",
        effects: [],
      }),
    ),
    ...(["begin", "end", "unknown"] as const).map(
      (meaning): Row => ({
        title: `is ignored when it says ${meaning} of its own`,
        from,
        input: refresh(1, 1, meaning),
        to: "established",
        effects: [],
      }),
    ),
  ]);
});

describe("a message at the wrong time (RFC 6608 §3)", () => {
  const unexpected = (inputs: readonly Input[], input: Input): readonly number[] => {
    const { effects } = step(CONFIG, reach(CONFIG, ...inputs), input, MOMENT);
    return effects.flatMap((effect) =>
      effect.type === "send" && effect.message.type === "notification"
        ? [effect.message.code, effect.message.subcode, ...effect.message.data]
        : [],
    );
  };

  it("is answered with the state that does not allow it, and with its type", () => {
    assert.deepEqual(unexpected(UP.slice(0, 2), said(1, UPDATE)), [5, 1, 2]);
    assert.deepEqual(unexpected(UP.slice(0, 2), KEEPALIVE(1)), [5, 1, 4]);
    assert.deepEqual(unexpected(UP.slice(0, 3), refresh(1, 1)), [5, 2, 5]);
    assert.deepEqual(unexpected(UP, OPEN(1)), [5, 3, 1]);
  });
});
