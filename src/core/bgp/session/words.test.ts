import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CAPABILITIES,
  connected,
  gracefulRestart,
  peerOpen,
  reach,
  START,
  said,
  sessionConfig,
} from "#testing/bgp-session";
import type { Notification } from "../message/message.ts";
import { CAUSE_TYPES, type Cause, OPEN_REFUSALS } from "./cause.ts";
import { STOP_REASONS } from "./input.ts";
import { HOLD_TIMER_EXPIRED, stopNotice } from "./notices.ts";
import { connectionsOf } from "./state.ts";
import { describeCause } from "./words.ts";

const notification = HOLD_TIMER_EXPIRED;
const CAUSES: { readonly [Type in Cause["type"]]: readonly Extract<Cause, { readonly type: Type }>[] } = {
  start: [{ type: "start" }],
  "rest-over": [{ type: "rest-over" }],
  "connect-retry": [{ type: "connect-retry" }],
  "bfd-up": [{ type: "bfd-up" }],
  "connect-failed": [{ type: "connect-failed", reason: "connection refused" }],
  connected: [
    { type: "connected", direction: "outgoing" },
    { type: "connected", direction: "incoming" },
  ],
  "open-received": [{ type: "open-received" }],
  "keepalive-received": [{ type: "keepalive-received" }],
  stop: STOP_REASONS.map((reason) => ({ type: "stop", reason, notification: undefined })),
  "connection-closed": [
    { type: "connection-closed", reason: undefined },
    { type: "connection-closed", reason: "connection reset" },
  ],
  "notification-received": [{ type: "notification-received", notification }],
  "hold-timer-expired": [{ type: "hold-timer-expired", notification }],
  "send-hold-timer-expired": [{ type: "send-hold-timer-expired", notification }],
  "malformed-message": [{ type: "malformed-message", notification }],
  "unexpected-message": [{ type: "unexpected-message", notification }],
  "open-refused": OPEN_REFUSALS.map((refusal) => ({ type: "open-refused", refusal, notification })),
  "bfd-down": [{ type: "bfd-down", notification }],
  collision: [{ type: "collision", notification }],
  replaced: [{ type: "replaced", notification: undefined }],
  "not-wanted": [{ type: "not-wanted", notification: undefined }],
};

describe("causes", () => {
  it("are all in the list", () => assert.deepEqual(Object.keys(CAUSES), [...CAUSE_TYPES]));

  it("have a sentence each, and no two the same one", () => {
    const sentences = Object.values(CAUSES).flat().map(describeCause);
    assert.equal(new Set(sentences).size, sentences.length);
    for (const sentence of sentences) assert.match(sentence, /^[\w][\w :,.;'()]{6,}$/);
  });

  it("say what the peer's operator said, without what a terminal would obey", () => {
    const text = new TextEncoder().encode("\u001b[31mnew cables\nuntil 14:00");
    const data = Uint8Array.of(text.length, ...text);
    const shutdown: Notification = { type: "notification", code: 6, subcode: 2, data };
    const sentence = describeCause({ type: "notification-received", notification: shutdown });
    assert.match(sentence, /Cease: Administrative Shutdown, ".+new cables.+until 14:00"$/);
    assert.doesNotMatch(sentence, /\p{Cc}/u);
  });

  it("say of a peer's Hard Reset what is in it", () => {
    const capabilities = [...CAPABILITIES, gracefulRestart(["IPv4"], { survivesNotification: true })];
    const opened = [START, connected(1, "outgoing"), said(1, peerOpen({ capabilities }))];
    const [connection] = connectionsOf(reach(sessionConfig(), ...opened));
    assert.ok(connection !== undefined);
    const notice = stopNotice(connection, "administrative-shutdown", "new cables");
    assert.ok(notice !== undefined);
    assert.deepEqual([notice.code, notice.subcode, ...notice.data.subarray(0, 3)], [6, 9, 6, 2, 10]);
    assert.match(
      describeCause({ type: "notification-received", notification: notice }),
      /Hard Reset.*Administrative Shutdown, "new cables"$/,
    );
  });
});
