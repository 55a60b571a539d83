/**
 * How a session outlasts the program that has it, through a restart that was planned (RFC 5882 §4.3.2.2).
 *
 * Before it ends, the program has the peer wait for longer: it says a longer interval and waits until the peer has confirmed that. What it
 * leaves then is enough for the next run to go on as if it were the same: both discriminators, and what each side said last. The peer
 * sees one session, which was slow for a while, and never goes down.
 */
import { type Duration, type Instant, micros } from "#base/time";
import type { MachineConfig } from "./config.ts";
import type { Intervals, Remote, SessionState } from "./state.ts";
import { negotiate, scheduled } from "./timing.ts";

/** What one run leaves to the next of a session that is up. */
export type Legacy = {
  /** bfd.LocalDiscr, 1..2^32-1. */
  readonly localDiscriminator: number;
  /** What our packets said last, which the peer has confirmed. */
  readonly advertised: Intervals;
  /** What the peer said last. */
  readonly remote: Pick<
    Remote,
    "discriminator" | "desiredMinTxInterval" | "requiredMinRxInterval" | "detectMultiplier"
  >;
};

/** The configuration with which a session is missed only after a silence of that long. */
export const patient = <Config extends MachineConfig>(config: Config, silence: Duration): Config => ({
  ...config,
  desiredMinTxInterval: micros(
    Math.max(config.desiredMinTxInterval, Math.ceil(silence / config.detectMultiplier)),
  ),
});

/** What there is to be left; `undefined` unless the session is up, and the peer has confirmed what this configuration says. */
export const legacyOf = (config: MachineConfig, state: SessionState): Legacy | undefined => {
  const { name, remote, poll, advertised, effective, localDiscriminator } = state;
  if (name !== "up" || remote === undefined || remote.state !== "up" || poll === "polling") return undefined;
  if (effective.desiredMinTxInterval !== config.desiredMinTxInterval) return undefined;
  const { discriminator, desiredMinTxInterval, requiredMinRxInterval, detectMultiplier } = remote;
  return {
    ...{ localDiscriminator, advertised },
    remote: { discriminator, desiredMinTxInterval, requiredMinRxInterval, detectMultiplier },
  };
};

/**
 * The state in which the next run takes a session over: up, about to speak, and asking the peer to confirm its own intervals. The peer
 * is given its detection time from now on to be heard.
 */
export const succeed = (
  config: MachineConfig,
  { localDiscriminator, advertised, remote }: Legacy,
  now: Instant,
): SessionState => {
  const left: SessionState = {
    ...{ name: "up", since: now, localDiscriminator, diagnostic: "none" },
    ...{ advertised, effective: advertised, poll: "none" },
    remote: {
      ...remote,
      ...{ state: "up", diagnostic: "none", demand: false },
      // It says so again before anybody sends it echo packets, which we do not.
      requiredMinEchoRxInterval: micros(0),
    },
    ...{ heardAt: now, sentAt: undefined, jitter: 0, farewell: undefined },
    ...{ sendAt: undefined, expireAt: undefined },
  };
  return scheduled(config, negotiate(config, left));
};
