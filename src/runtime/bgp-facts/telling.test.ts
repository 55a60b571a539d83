import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInterfaceAddress } from "#base/prefix";
import { instant } from "#base/time";
import type { BgpEvent } from "#core/speaker/bgp";
import { peerWord } from "#testing/bgp-words";
import type { BgpObservation } from "../bgp/parts.ts";
import { BgpTelling } from "./telling.ts";

type Session = Extract<BgpObservation, { readonly type: "session" }>;

const session = (from: Session["from"], to: Session["to"], cause: Session["cause"], text = ""): Session => ({
  ...{ type: "session", peer: "tor", from, to, cause, text },
});

/** What is told of these observations, in a line each. */
const toldOf = (...observations: readonly BgpObservation[]) => {
  const told: BgpEvent[] = [];
  const telling = new BgpTelling((event) => void told.push(event));
  telling.setPeers(new Map([["tor", peerWord("tor")]]));
  for (const each of observations) telling.hear(each, instant(0));
  return { told, telling };
};

describe("what is told of a session", () => {
  it("is that it came up, and why it went down", () => {
    const { told } = toldOf(
      session("idle", "connect", "start"),
      session("connect", "open-sent", "connected"),
      session("open-sent", "open-confirm", "open-received"),
      session("open-confirm", "established", "keepalive-received"),
      session("established", "idle", "hold-timer-expired", "it said nothing"),
    );
    assert.deepEqual(told, [
      { type: "bgp-session", peer: "tor", to: "up" },
      {
        type: "bgp-session",
        peer: "tor",
        to: "down",
        cause: "hold-timer-expired",
        detail: "it said nothing",
      },
    ]);
  });

  it("is why none comes about, once for each reason in ten minutes however they alternate", () => {
    const refused = session("connect", "active", "connect-failed", "connection refused");
    const late = session("connect", "active", "connect-failed", "no answer");
    const { told } = toldOf(refused, refused, late, late, refused);
    assert.deepEqual(
      told.map((event) => (event.type === "bgp-attempt" ? event.detail : event.type)),
      ["connection refused", "no answer"],
    );
    const { told: later, telling } = toldOf();
    for (let minute = 0; minute < 60; minute += 1)
      for (const each of [refused, late]) telling.hear(each, instant(minute * 60_000_000));
    assert.equal(later.length, 12);
  });

  it("is a reason again after a session that was up, and no more than eight of them in ten minutes", () => {
    const refused = session("connect", "active", "connect-failed", "connection refused");
    const up = session("open-confirm", "established", "keepalive-received");
    const down = session("established", "idle", "hold-timer-expired", "it said nothing");
    const { told } = toldOf(refused, up, down, refused);
    assert.deepEqual(
      told.map(({ type }) => type),
      ["bgp-attempt", "bgp-session", "bgp-session", "bgp-attempt"],
    );
    const ports = Array.from({ length: 100 }, (_, port) =>
      session("connect", "active", "connect-failed", `port ${port}`),
    );
    assert.equal(toldOf(...ports).told.length, 8);
  });

  it("is that the peer is none any more, and nothing of how it ends", () => {
    const { told, telling } = toldOf();
    telling.setPeers(new Map());
    telling.hear(session("established", "idle", "stop", "it was removed"), instant(0));
    assert.deepEqual(told, [{ type: "bgp-session", peer: "tor", to: "removed" }]);
  });
});

describe("what is told besides", () => {
  const limited = (...reasons: readonly ("over-limit" | "no-next-hop")[]): BgpObservation => ({
    ...{ type: "left-out", peer: "tor" },
    leftOut: reasons.map((reason) => ({ reason, family: "IPv4", count: 1 })),
  });

  it("is that there are more routes than a peer is to be told, and that there are not any more", () => {
    const { told } = toldOf(
      limited("over-limit"),
      limited("over-limit", "no-next-hop"),
      limited("no-next-hop"),
      limited(),
    );
    assert.deepEqual(told, [
      { type: "bgp-limit", peer: "tor", state: "begun", most: 100 },
      { type: "bgp-limit", peer: "tor", state: "ended", most: 100 },
    ]);
  });

  it("is what fails on this machine, once, until it works", () => {
    const listening = (refused: string | undefined): BgpObservation => ({
      ...{ type: "listening", family: "IPv4", vrf: undefined, port: 179, refused },
    });
    const subject = "listening on port 179 for IPv4";
    const { told } = toldOf(
      listening("EADDRINUSE"),
      listening("EADDRINUSE"),
      listening(undefined),
      listening(undefined),
    );
    assert.deepEqual(told, [
      { type: "bgp-trouble", subject, state: "begun", detail: "EADDRINUSE" },
      { type: "bgp-trouble", subject, state: "ended" },
    ]);
  });

  it("is what BFD says, or that it cannot be had", () => {
    const bfd = (status: "up" | "refused", detail?: string): BgpObservation => ({
      ...{ type: "bfd", peer: "tor", status, detail },
    });
    const subject = "BFD with peer tor";
    assert.deepEqual(toldOf(bfd("refused", "no link"), bfd("up")).told, [
      { type: "bgp-trouble", subject, state: "begun", detail: "no link" },
      { type: "bgp-trouble", subject, state: "ended" },
      { type: "bgp-bfd", peer: "tor", to: "up" },
    ]);
  });

  it("is which prefix comes and goes too often", () => {
    const prefix = parseInterfaceAddress("192.0.2.10/32") ?? assert.fail();
    const { told } = toldOf(
      { type: "damped", prefix, until: instant(1) },
      { type: "damped", prefix, until: undefined },
    );
    assert.deepEqual(told, [
      { type: "bgp-damped", prefix: "192.0.2.10/32", state: "begun" },
      { type: "bgp-damped", prefix: "192.0.2.10/32", state: "ended" },
    ]);
  });
});
