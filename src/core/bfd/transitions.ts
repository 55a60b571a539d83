/** What the steps of the machine are made of: the way into a state, and what a state has to say. */
import { type Instant, micros } from "#base/time";
import type { MachineConfig } from "./config.ts";
import type { Diagnostic, SessionStateName } from "./constants.ts";
import type { Transition, TransitionCause } from "./observe.ts";
import type { ControlPacket } from "./packet.ts";
import type { Effect, SessionState } from "./state.ts";

/** A state on its way through a step: what it says and when is decided at the end. */
export type Draft = {
  readonly state: SessionState;
  readonly transition?: Transition | undefined;
  /** Whether the peer waits for an answer to its poll. */
  readonly answers: boolean;
};

/** Stays as it is. */
export const unmoved = (state: SessionState): Draft => ({ state, answers: false });

/** Goes into a state, for a reason; stays where it is if that is the same. */
export const enter = (
  state: SessionState,
  {
    to,
    diagnostic,
    cause,
  }: {
    readonly to: SessionStateName;
    readonly diagnostic: Diagnostic;
    readonly cause: TransitionCause;
  },
  now: Instant,
): Draft =>
  state.name === to
    ? unmoved(state)
    : {
        state: { ...state, name: to, since: now, diagnostic, farewell: undefined },
        transition: { from: state.name, to, cause, remoteDiagnostic: state.remote?.diagnostic },
        answers: false,
      };

/** The packet of a state (RFC 5880 §6.8.7). */
export const sendPacket = (
  { detectMultiplier, echoReceiveInterval }: MachineConfig,
  { name, diagnostic, localDiscriminator, remote, advertised }: SessionState,
  sequence: "none" | "poll" | "final",
): Effect => {
  const packet: ControlPacket = {
    state: name,
    diagnostic,
    poll: sequence === "poll",
    final: sequence === "final",
    // Sessions live in the program that has them, and end with it unless its end was planned (`succession.ts`).
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier,
    myDiscriminator: localDiscriminator,
    yourDiscriminator: remote?.discriminator ?? 0,
    ...advertised,
    requiredMinEchoRxInterval: echoReceiveInterval ?? micros(0),
  };
  return { type: "send-packet", packet };
};

/** Whether two states have the same to say, but for polls and answers to them. */
export const saysTheSame = (one: SessionState, other: SessionState): boolean =>
  one.name === other.name &&
  one.diagnostic === other.diagnostic &&
  // Having lost the peer is no news to it.
  (other.remote === undefined || one.remote?.discriminator === other.remote.discriminator) &&
  one.advertised === other.advertised;
