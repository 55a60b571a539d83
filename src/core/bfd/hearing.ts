/** What a packet of the peer does to the machine (RFC 5880 §6.8.6, from where its contents count). */
import { type Duration, type Instant, instant, micros } from "#base/time";
import { READING_PAUSE } from "./constants.ts";
import type { ControlPacket } from "./packet.ts";
import type { Input, Remote, SessionState } from "./state.ts";
import { type Draft, enter, unmoved } from "./transitions.ts";

const remoteOf = (packet: ControlPacket): Remote => ({
  discriminator: packet.myDiscriminator,
  state: packet.state,
  diagnostic: packet.diagnostic,
  desiredMinTxInterval: packet.desiredMinTxInterval,
  requiredMinRxInterval: packet.requiredMinRxInterval,
  requiredMinEchoRxInterval: packet.requiredMinEchoRxInterval,
  detectMultiplier: packet.detectMultiplier,
  demand: packet.demand,
});

/** A final packet confirms our intervals; one that is not shows that no late confirmation is on its way (§6.8.3). */
const afterPoll = (state: SessionState, { final }: ControlPacket): SessionState => {
  if (final && state.poll === "polling") {
    return { ...state, effective: state.advertised, poll: "settling" };
  }
  return !final && state.poll === "settling" ? { ...state, poll: "none" } : state;
};

/** The state machine of RFC 5880 §6.2 as far as packets drive it. */
const react = (state: SessionState, said: ControlPacket["state"], now: Instant): Draft => {
  const isUpToPeer = said === "init" || said === "up";
  switch (state.name) {
    case "admin-down":
      return unmoved(state);
    case "down": {
      if (said === "down") {
        const { diagnostic } = state;
        return enter(state, { to: "init", diagnostic, cause: "neighbour-heard" }, now);
      }
      return said === "init" ? enter(state, BOTH_HEARD, now) : unmoved(state);
    }
    case "init":
      if (isUpToPeer) return enter(state, BOTH_HEARD, now);
      return said === "admin-down" ? enter(state, NEIGHBOUR_LEAVING, now) : unmoved(state);
    case "up":
      if (isUpToPeer) return unmoved(state);
      return enter(state, said === "admin-down" ? NEIGHBOUR_LEAVING : NEIGHBOUR_SIGNALLED, now);
  }
};

const BOTH_HEARD = { to: "up", diagnostic: "none", cause: "both-heard" } as const;
const NEIGHBOUR_LEAVING = {
  to: "down",
  diagnostic: "neighbour-signalled-down",
  cause: "neighbour-leaving",
} as const;
const NEIGHBOUR_SIGNALLED = {
  to: "down",
  diagnostic: "neighbour-signalled-down",
  cause: "neighbour-signalled-down",
} as const;

/** When a packet came that is read now, having waited for so long. */
export const cameAt = (waited: Duration, now: Instant): Instant =>
  instant(now - Math.min(Math.max(waited, 0), READING_PAUSE));

/** The state after a packet that was let in. */
export const hear = (
  before: SessionState,
  { packet, waited = micros(0) }: Extract<Input, { type: "packet" }>,
  now: Instant,
): Draft => {
  const heardAt = instant(Math.max(before.heardAt, cameAt(waited, now)));
  const heard: SessionState = { ...before, remote: remoteOf(packet), heardAt };
  if (before.name === "admin-down") {
    // Nothing is answered (RFC 5880 §6.8.6). A peer that is down itself has heard that we leave.
    const isTold = packet.state === "down" || packet.state === "admin-down";
    return unmoved(isTold ? { ...heard, farewell: undefined } : heard);
  }
  const draft = react(afterPoll(heard, packet), packet.state, now);
  return { ...draft, answers: packet.poll };
};
