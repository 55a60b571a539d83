/**
 * The program under test: BFD sessions of ours on the real sockets, put together as the speaker does it.
 *
 * `node bfd-station.ts SESSIONS` with SESSIONS as JSON. It prints one line of JSON for each effect but sending, and
 * takes lines on its input: `leave NAME`, `return NAME`, `state NAME`, `configure NAME TIMES` with TIMES as JSON.
 */
import { createHash, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type Duration, millis } from "#base/time";
import type { Authentication, AuthenticationType } from "#core/bfd/authentication";
import type { SessionConfig } from "#core/bfd/config";
import { Sessions, type SessionsEffect } from "#core/bfd/sessions";
import { detectionTime, transmitInterval } from "#core/bfd/timing";
import { openBfdPort } from "#drivers/bfd/linux";
import type { BfdListener, BfdSender } from "#drivers/bfd/port";
import { openClock } from "#drivers/clock/linux";

/** What an interoperation test says of one session; intervals in milliseconds. */
export type StationSession = {
  readonly name: string;
  readonly peer: string;
  readonly local: string;
  /** A link for one hop, or the least TTL for several. */
  readonly path: { readonly index: number; readonly name: string } | { readonly minimumHopLimit: number };
  readonly transmit: number;
  readonly receive: number;
  readonly multiplier: number;
  readonly passive?: boolean;
  readonly authentication?: {
    readonly type: AuthenticationType;
    readonly id: number;
    readonly secret: string;
  };
};

const addressOf = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

const configOf = (session: StationSession): SessionConfig => {
  const { path, authentication } = session;
  const keys: Authentication | undefined =
    authentication === undefined
      ? undefined
      : {
          type: authentication.type,
          keys: [{ id: authentication.id, secret: Buffer.from(authentication.secret) }],
        };
  return {
    peer: addressOf(session.peer),
    localAddress: addressOf(session.local),
    path: "index" in path ? { type: "single-hop", link: path } : { type: "multihop", ...path },
    desiredMinTxInterval: millis(session.transmit),
    requiredMinRxInterval: millis(session.receive),
    detectMultiplier: session.multiplier,
    role: session.passive === true ? "passive" : "active",
    authentication: keys,
  };
};

const say = (value: object): void => console.log(JSON.stringify(value));

const runStation = (list: readonly StationSession[]): void => {
  const port = openBfdPort();
  const listeners: BfdListener[] = [];
  const senders = new Map<string, BfdSender>();
  const sessions = new Sessions({
    random: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
  });
  const opened = openClock({
    onWake: () => {
      for (const listener of listeners) listener.drain();
      perform(sessions.elapse(clock.now()));
    },
  });
  assert(opened.ok, "no clock", opened);
  const clock = opened.value;
  const perform = (effects: readonly SessionsEffect[]): void => {
    for (const effect of effects) {
      if (effect.type === "send") senders.get(effect.session)?.send(effect.payload);
      else say({ at: Math.round(clock.now() / 1_000), ...effect });
    }
    clock.wake(sessions.deadline());
  };
  for (const family of ["IPv4", "IPv6"] as const) {
    for (const path of ["single-hop", "multihop"] as const) {
      const listener = port.listen({
        ...{ family, path, onError: (error) => say({ type: "error", ...error }) },
        onDatagram: (datagram) => perform(sessions.receive(datagram, clock.now())),
        onRead: () => undefined,
      });
      assert(listener.ok, "cannot listen", listener);
      listeners.push(listener.value);
    }
  }
  for (const session of list) {
    const config = configOf(session);
    const sender = port.openSender(config);
    assert(sender.ok, "cannot send", sender);
    senders.set(session.name, sender.value);
    const problems = sessions.add(session.name, config, clock.now());
    assert(problems.length === 0, "refused", problems);
  }
  say({ type: "ready" });
  perform([]);
  const obey = (line: string): void => {
    const [verb = "", name = "", ...rest] = line.split(" ");
    if (verb === "leave" || verb === "return") perform(sessions.input(name, { type: verb }, clock.now()));
    if (verb === "configure") {
      const session = list.find((each) => each.name === name);
      assert(session !== undefined, "no such session", { name });
      const config = configOf({ ...session, ...JSON.parse(rest.join(" ")) });
      perform(sessions.configure(name, config, clock.now()).effects);
    }
    const state = sessions.state(name);
    if (verb !== "state" || state === undefined) return;
    const inMillis = (duration: Duration | undefined) => (duration ?? 0) / 1_000;
    const times = { transmit: inMillis(transmitInterval(state)), detection: inMillis(detectionTime(state)) };
    say({ type: "state", name: state.name, poll: state.poll, ...times });
  };
  createInterface({ input: process.stdin }).on("line", obey);
};

const [, file, text] = process.argv;
if (file === import.meta.filename) runStation(JSON.parse(text ?? "[]"));
