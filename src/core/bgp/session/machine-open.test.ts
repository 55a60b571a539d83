import { describe } from "node:test";
import { after, seconds } from "#base/time";
import {
  connected,
  KEEPALIVE,
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
import type { Direction, Input } from "./input.ts";

const CONFIG = sessionConfig();
const MALFORMED: Input = {
  type: "malformed",
  connection: 1,
  error: { code: 1, subcode: 2, data: Uint8Array.of(0, 18) },
};
const REFRESH: Input = said(1, { type: "route-refresh", family: { afi: 1, safi: 1 }, meaning: "request" });
const failing = (from: string, cause: string, notification?: string): readonly string[] => [
  ...(notification === undefined ? [] : [`1: send ${notification}`]),
  "1: close",
  `1: ${from} ended (${cause})`,
  `${from} -> idle (${cause})`,
];

/** The same for both directions, but for who dials meanwhile: before the OPEN of a peer that connected our own attempt goes on. */
const inBothDirections = (
  rows: (direction: Direction, reached: readonly Input[], abort: readonly string[]) => readonly Row[],
): void => {
  describe("on a connection of ours", () => table(rows("outgoing", [START, connected(1, "outgoing")], [])));
  describe("on a connection of the peer's", () =>
    table(rows("incoming", [START, connected(1, "incoming")], ["abort-connect"])));
};

/** With the attempt given up before the transition that ends the words. */
const resting = (words: readonly string[], abort: readonly string[]): readonly string[] => [
  ...words.slice(0, -1),
  ...abort,
  ...words.slice(-1),
];

describe("with an OPEN sent (RFC 4271 §8.2.2, OpenSent; RFC 4271 §8.1.5)", () => {
  inBothDirections((direction, reached, abort) => {
    const from = reach(CONFIG, ...reached);
    const left = direction === "outgoing" ? "active" : "connect";
    return [
      { title: "has been started already (event 1)", from, input: START, to: "open-sent", effects: [] },
      {
        title: "says goodbye when it is stopped (event 2)",
        from,
        input: { type: "stop", reason: "administrative-shutdown" },
        to: "idle",
        effects: resting(failing("open-sent", "stop", "Administrative Shutdown"), abort),
      },
      {
        title: "waits four minutes for the peer's OPEN, and no longer (event 10)",
        from,
        input: TIMER,
        at: after(NOW, seconds(240)),
        to: "idle",
        effects: resting(failing("open-sent", "hold-timer-expired", "Hold Timer Expired"), abort),
      },
      {
        title: "goes back to waiting when the connection is closed (event 18)",
        from,
        input: { type: "closed", connection: 1, reason: "reset" },
        to: left,
        effects: ["1: open-sent ended (connection-closed)", `open-sent -> ${left} (connection-closed)`],
      },
      {
        title: "accepts an OPEN with a KEEPALIVE (event 19)",
        from,
        input: OPEN(1),
        to: "open-confirm",
        effects: ["1: send keepalive", ...abort, "open-sent -> open-confirm (open-received)"],
      },
      {
        title: "refuses an OPEN of the wrong peer (event 22)",
        from,
        input: said(1, peerOpen({ asn: 64_999, capabilities: [] })),
        to: "idle",
        effects: resting(failing("open-sent", "open-refused", "Bad Peer AS"), abort),
      },
      {
        title: "says what is wrong with bytes that are no message (events 21, 22)",
        from,
        input: MALFORMED,
        to: "idle",
        effects: resting(failing("open-sent", "malformed-message", "Bad Message Length"), abort),
      },
      {
        title: "goes back to waiting when the peer does not want this connection now (event 25, Cease)",
        from,
        input: notified(1, 6, 5),
        to: left,
        effects: [
          "1: close",
          "1: open-sent ended (notification-received)",
          `open-sent -> ${left} (notification-received)`,
        ],
      },
      {
        title: "rests when the peer calls us wrong, and never answers that (events 24, 25)",
        from,
        input: notified(1, 2, 2),
        to: "idle",
        effects: resting(failing("open-sent", "notification-received"), abort),
      },
      ...[KEEPALIVE(1), said(1, UPDATE), REFRESH].map(
        (input): Row => ({
          title: `has no use yet for ${input.type === "message" ? input.message.type : ""} (events 26, 27)`,
          from,
          input,
          to: "idle",
          effects: resting(
            failing("open-sent", "unexpected-message", "Receive Unexpected Message in OpenSent State"),
            abort,
          ),
        }),
      ),
      {
        title: "ends when BFD says that the path is broken",
        from,
        input: { type: "bfd", status: "down" },
        to: "idle",
        effects: resting(failing("open-sent", "bfd-down", "BFD Down"), abort),
      },
      {
        title: "goes on when the peer leaves BFD on purpose",
        from,
        input: { type: "bfd", status: "admin-down" },
        to: "open-sent",
        effects: [],
      },
    ];
  });

  table([
    {
      title: "tries to connect while a peer that connected says nothing (event 9)",
      from: reach(CONFIG, START, { type: "connect-failed", reason: "refused" }, connected(1, "incoming")),
      input: TIMER,
      at: after(NOW, seconds(15)),
      to: "open-sent",
      effects: ["connect"],
    },
    {
      title:
        "takes the peer's newer connection instead of the older one, which it must have given up (event 17)",
      from: reach(CONFIG, START, connected(1, "incoming")),
      input: connected(2, "incoming"),
      to: "open-sent",
      effects: [
        "1: send Connection Collision Resolution",
        "1: close",
        "1: open-sent ended (replaced)",
        "2: send open",
      ],
    },
    {
      title: "closes a second connection of ours, which it has not asked for (event 16)",
      from: reach(CONFIG, START, connected(1, "outgoing")),
      input: connected(2, "outgoing"),
      to: "open-sent",
      effects: ["2: close", "2: idle ended (not-wanted)"],
    },
  ]);
});

describe("with the peer's OPEN accepted (RFC 4271 §8.2.2, OpenConfirm)", () => {
  inBothDirections((_, reached) => {
    const from = reach(CONFIG, ...reached, OPEN(1));
    return [
      { title: "has been started already (event 1)", from, input: START, to: "open-confirm", effects: [] },
      {
        title: "says goodbye when it is stopped (event 2)",
        from,
        input: { type: "stop", reason: "configuration-changed" },
        to: "idle",
        effects: failing("open-confirm", "stop", "Other Configuration Change"),
      },
      {
        title: "does not wait longer than the hold time (event 10)",
        from,
        input: TIMER,
        at: after(NOW, seconds(90)),
        to: "idle",
        effects: failing("open-confirm", "hold-timer-expired", "Hold Timer Expired"),
      },
      {
        title: "goes back to waiting when the connection is closed (event 18)",
        from,
        input: { type: "closed", connection: 1, reason: undefined },
        to: "active",
        effects: ["1: open-confirm ended (connection-closed)", "open-confirm -> active (connection-closed)"],
      },
      {
        title: "is established by a KEEPALIVE (event 26)",
        from,
        input: KEEPALIVE(1),
        to: "established",
        effects: ["1: up", "open-confirm -> established (keepalive-received)"],
      },
      {
        title: "says what is wrong with bytes that are no message (events 21, 22)",
        from,
        input: MALFORMED,
        to: "idle",
        effects: failing("open-confirm", "malformed-message", "Bad Message Length"),
      },
      {
        title: "goes back to waiting when the peer keeps another connection (event 25, Cease)",
        from,
        input: notified(1, 6, 7),
        to: "active",
        effects: [
          "1: close",
          "1: open-confirm ended (notification-received)",
          "open-confirm -> active (notification-received)",
        ],
      },
      {
        title: "rests when the peer calls us wrong, and never answers that (events 24, 25)",
        from,
        input: notified(1, 2, 6),
        to: "idle",
        effects: failing("open-confirm", "notification-received"),
      },
      ...[OPEN(1), said(1, UPDATE), REFRESH].map(
        (input): Row => ({
          title: `has no use for ${input.type === "message" ? input.message.type : ""} (events 19, 27)`,
          from,
          input,
          to: "idle",
          effects: failing(
            "open-confirm",
            "unexpected-message",
            "Receive Unexpected Message in OpenConfirm State",
          ),
        }),
      ),
      {
        title: "ends when BFD says that the path is broken",
        from,
        input: { type: "bfd", status: "down" },
        to: "idle",
        effects: failing("open-confirm", "bfd-down", "BFD Down"),
      },
    ];
  });
});
