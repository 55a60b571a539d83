/** One session, from bytes to effects: authentication and the machine, put together. */
import { after, type Duration, earliest, type Instant, micros } from "#base/time";
import { type AuthenticationReason, type Digest, seal, sectionLength, verify } from "./authentication.ts";
import type { SessionConfig } from "./config.ts";
import * as machine from "./machine.ts";
import type { Transition } from "./observe.ts";
import { type DecodedPacket, encode } from "./packet.ts";
import type { Effect, Input, SessionState } from "./state.ts";
import { detectionTime } from "./timing.ts";

/** What is known of the peer's sequence numbers (bfd.RcvAuthSeq). */
type Received = {
  readonly sequence: number;
  /** Whether a packet since then named our discriminator, so that it cannot be older than that. */
  readonly isFresh: boolean;
  /** Twice the detection time after the last packet: any number will do then (bfd.AuthSeqKnown). */
  readonly forgetAt: Instant;
};

export type Session = {
  readonly config: SessionConfig;
  readonly machine: SessionState;
  /** bfd.XmitAuthSeq of the next packet. */
  readonly sequence: number;
  /** `undefined` if any number will do. */
  readonly received: Received | undefined;
};

export type SessionStep = {
  readonly session: Session;
  /** UDP payloads to send, in order. */
  readonly payloads: readonly Uint8Array[];
  /** Set when the state has another name than before. */
  readonly transition?: Transition | undefined;
  /** Why the packet was dropped; `undefined` if it was not, or the input was no packet. */
  readonly refusal?: AuthenticationReason | undefined;
};

/** What a session needs of the world: hash functions, and a random discriminator that no session has. */
export type SessionTools = { readonly digest: Digest; readonly discriminator: () => number };

/** A session that has heard nothing yet. `sequence` is a random number of 32 bits. */
export const initialSession = (
  config: SessionConfig,
  start: { readonly localDiscriminator: number; readonly sequence: number; readonly now: Instant },
): Session => ({
  config,
  machine: machine.initialState(config, start),
  sequence: start.sequence,
  received: undefined,
});

/** When `stepSession` must be called with `timer` at the latest. */
export const sessionDeadline = ({ machine: state, received }: Session): Instant | undefined =>
  earliest(machine.deadline(state), state.remote === undefined ? received?.forgetAt : undefined);

const seals = (session: Session, effects: readonly Effect[], digest: Digest) => {
  const { authentication } = session.config;
  const { localDiscriminator: myDiscriminator } = session.machine;
  let { sequence } = session;
  const payloads = effects.map((effect) => {
    const packet = { ...effect.packet, myDiscriminator };
    if (authentication === undefined) return encode(packet);
    const bytes = encode(packet, sectionLength(authentication));
    seal(bytes, authentication, { sequence, digest });
    sequence = (sequence + 1) >>> 0;
    return bytes;
  });
  return { payloads, sequence };
};

/**
 * A session under another name. Not in the standard, which allows it (RFC 5880 §6.3): whatever the peer said before names
 * the old discriminator, so what names the new one cannot be played again, and may begin with any sequence number.
 */
const renewed = (session: Session, { discriminator }: SessionTools): Session => ({
  ...session,
  machine: { ...session.machine, localDiscriminator: discriminator() },
  received: session.received && { ...session.received, isFresh: false },
});

/** Twice the detection time after the last packet any sequence number will do again, of those who know the new name. */
const forgetful = (session: Session, tools: SessionTools, now: Instant): Session =>
  session.received === undefined || session.machine.remote !== undefined || now < session.received.forgetAt
    ? session
    : { ...renewed(session, tools), received: undefined };

/** The new session and what one input makes it send. */
export const stepSession = (
  before: Session,
  input: Input,
  tools: SessionTools,
  now: Instant,
): SessionStep => {
  const { state, effects, transition } = machine.step(before.config, before.machine, input, now);
  const stepped = forgetful({ ...before, machine: state }, tools, now);
  const isNewRun = before.config.authentication !== undefined && transition?.to === "down";
  const session = isNewRun ? renewed(stepped, tools) : stepped;
  const { payloads, sequence } = seals(session, effects, tools.digest);
  return { session: { ...session, sequence }, payloads, transition };
};

/** The last sequence number that counts for a packet. */
const lastSequence = ({ received }: Session, isFresh: boolean): number | undefined =>
  // What was learnt from a packet that may have been played again yields to one that cannot.
  received === undefined || (isFresh && !received.isFresh) ? undefined : received.sequence;

/** Takes in a packet that `admission.ts` let in and that has waited for so long (RFC 5880 §6.8.6, from authentication on). */
export const receivePacket = (
  session: Session,
  { packet, authenticated, bytes, waited }: DecodedPacket & { readonly waited: Duration },
  tools: SessionTools,
  now: Instant,
): SessionStep => {
  const { authentication } = session.config;
  const refuse = (refusal: AuthenticationReason): SessionStep => ({ session, payloads: [], refusal });
  if (authentication === undefined) {
    if (authenticated) return refuse("authentication-unexpected");
    return stepSession(session, { type: "packet", packet, waited }, tools, now);
  }
  if (!authenticated) return refuse("authentication-missing");
  const { detectMultiplier, yourDiscriminator } = packet;
  const isFresh = yourDiscriminator === session.machine.localDiscriminator;
  const { digest } = tools;
  const expectation = { lastSequence: lastSequence(session, isFresh), detectMultiplier, digest };
  const verified = verify(bytes, authentication, expectation);
  if (!verified.ok) return refuse(verified.reason);
  const step = stepSession(session, { type: "packet", packet, waited }, tools, now);
  const silence = detectionTime(step.session.machine) ?? micros(0);
  const forgetAt = after(now, micros(2 * silence));
  const isSame = step.session.machine.localDiscriminator === session.machine.localDiscriminator;
  const received: Received = {
    sequence: verified.value,
    isFresh: isSame && (isFresh || (session.received?.isFresh ?? false)),
    forgetAt,
  };
  return { ...step, session: { ...step.session, received } };
};
