/**
 * All sessions of a system: finds the session that a packet is for, and gives each its time.
 *
 * The one object in this folder that changes: a packet costs one look-up and one step, about three microseconds.
 */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import type { Instant } from "#base/time";
import {
  type AdmissionReason,
  admissionRefusal,
  type Datagram,
  datagramKey,
  sessionKey,
} from "./admission.ts";
import type { AuthenticationReason, Digest } from "./authentication.ts";
import { type SessionConfig, sessionConfigProblems } from "./config.ts";
import { HOP_LIMIT } from "./constants.ts";
import { DueQueue, type Member } from "./due-queue.ts";
import { type PeerEvent, peerEvent, type Transition } from "./observe.ts";
import { type DecodeReason, decode } from "./packet.ts";
import {
  initialSession,
  receivePacket,
  type Session,
  type SessionStep,
  type SessionTools,
  sessionDeadline,
  stepSession,
} from "./session.ts";
import type { Input, SessionState } from "./state.ts";
import { type Legacy, legacyOf, succeed } from "./succession.ts";
import { mayJoinFrom } from "./timing.ts";

/** Why a packet had no effect. */
export type DropReason = DecodeReason | AdmissionReason | AuthenticationReason;

/** What the caller must do or report, in order. `session` is the name that `add` was given. */
export type SessionsEffect =
  | { readonly type: "send"; readonly session: string; readonly payload: Uint8Array }
  | { readonly type: "transition"; readonly session: string; readonly transition: Transition }
  /** What became of a peer: the stream that ownership and routing protocols live by. */
  | { readonly type: "peer"; readonly session: string; readonly event: PeerEvent }
  /** `session` is `undefined` if it is not known for which the packet was meant. */
  | {
      readonly type: "drop";
      readonly reason: DropReason;
      readonly source: IpAddress;
      readonly session: string | undefined;
    };

/** Why a session could not be added or changed, in half a sentence each; empty when it was. */
export type SessionProblems = readonly string[];

/** How many sessions there may be unless told otherwise. */
const SESSION_LIMIT = 1_024;

type Entry = Member & { readonly name: string; readonly key: string; session: Session };

export class Sessions {
  readonly #limit: number;
  readonly #random: () => number;
  readonly #tools: SessionTools;
  readonly #byName = new Map<string, Entry>();
  readonly #byKey = new Map<string, Entry>();
  readonly #byDiscriminator = new Map<number, Entry>();
  readonly #queue = new DueQueue<Entry>();

  /**
   * `random` gives numbers in [0, 1) with at least 32 bits that nobody can foresee: discriminators are made of them, and
   * keep strangers out.
   */
  constructor(tools: { readonly random: () => number; readonly digest: Digest; readonly limit?: number }) {
    this.#random = tools.random;
    this.#tools = { digest: tools.digest, discriminator: () => this.#discriminator() };
    this.#limit = tools.limit ?? SESSION_LIMIT;
  }

  /**
   * Adds a session, which speaks at its deadline: now, if it is active. With what an earlier run left of it, it goes on from there,
   * unless it is authenticated: its sequence numbers are lost.
   */
  add(name: string, config: SessionConfig, now: Instant, legacy?: Legacy): SessionProblems {
    assert(!this.#byName.has(name), "two sessions of one name", { name });
    const problems = this.#problems(config, undefined);
    if (problems.length > 0) return problems;
    if (this.#byName.size >= this.#limit) return [`there are ${this.#limit} sessions already`];
    const heritage = this.#mayTake(config, legacy) ? legacy : undefined;
    const localDiscriminator = heritage?.localDiscriminator ?? this.#discriminator();
    const start = { localDiscriminator, sequence: this.#number(), now };
    const begun = initialSession(config, start);
    const session = heritage === undefined ? begun : { ...begun, machine: succeed(config, heritage, now) };
    const entry: Entry = { name, key: sessionKey(config), session, dueAt: undefined, place: 0 };
    this.#byName.set(name, entry);
    this.#byKey.set(entry.key, entry);
    this.#byDiscriminator.set(start.localDiscriminator, entry);
    this.#queue.set(entry, sessionDeadline(session));
    return [];
  }

  /** Forgets a session at once; to be missed without alarm, `leave` first and wait for the detection time. */
  remove(name: string): void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return;
    this.#byName.delete(name);
    this.#byKey.delete(entry.key);
    this.#byDiscriminator.delete(entry.session.machine.localDiscriminator);
    this.#queue.set(entry, undefined);
  }

  /** Changes times, role or secrets of a running session; for other addresses or another link, add another. */
  configure(
    name: string,
    config: SessionConfig,
    now: Instant,
  ): { readonly problems: SessionProblems; readonly effects: readonly SessionsEffect[] } {
    const entry = this.#byName.get(name);
    assert(entry !== undefined && entry.key === sessionKey(config), "no such session", { name });
    const problems = this.#problems(config, entry);
    if (problems.length > 0) return { problems, effects: [] };
    const { session } = entry;
    const keepsType = session.config.authentication?.type === config.authentication?.type;
    entry.session = { ...session, config, received: keepsType ? session.received : undefined };
    return { problems, effects: this.#apply(entry, { type: "reconfigured" }, now) };
  }

  /** Gives a session something else than packets and time: leave, return, failure. */
  input(
    name: string,
    input: Exclude<Input, { type: "packet" | "timer" | "beat" | "others-speak" | "reconfigured" }>,
    now: Instant,
  ): readonly SessionsEffect[] {
    const entry = this.#byName.get(name);
    return entry === undefined ? [] : this.#apply(entry, input, now);
  }

  /** Takes in a datagram from one of the two ports. */
  receive(datagram: Datagram, now: Instant): readonly SessionsEffect[] {
    const { source } = datagram;
    const drop = (reason: DropReason, session?: string): readonly SessionsEffect[] => [
      { type: "drop", reason, source, session },
    ];
    if (datagram.path === "single-hop" && datagram.hopLimit !== HOP_LIMIT) return drop("hop-limit");
    const packet = decode(datagram.payload);
    if (!packet.ok) return drop(packet.reason);
    const { yourDiscriminator } = packet.value.packet;
    const entry =
      yourDiscriminator === 0
        ? this.#byKey.get(datagramKey(datagram))
        : this.#byDiscriminator.get(yourDiscriminator);
    if (entry === undefined) return drop("no-session");
    const { session } = entry;
    const refusal = admissionRefusal(session.config, datagram);
    if (refusal !== undefined) return drop(refusal, entry.name);
    const { waited } = datagram;
    const step = receivePacket(session, { ...packet.value, waited }, this.#tools, now);
    return step.refusal === undefined ? this.#keep(entry, step) : drop(step.refusal, entry.name);
  }

  /** When `elapse` must be called at the latest; `undefined` if nothing will be due. */
  deadline(): Instant | undefined {
    return this.#queue.first()?.dueAt;
  }

  /**
   * Does what is due. Read what is queued on the sockets first: a peer that spoke is believed before silence is.
   *
   * When a packet goes out, those of other sessions go with it that may. With one die for all of them they do so from then on: to
   * wake up costs more than a packet, and jitter is to keep *systems* from falling in step.
   */
  elapse(now: Instant): readonly SessionsEffect[] {
    const effects: SessionsEffect[] = [];
    let jitter: number | undefined;
    for (let entry = this.#queue.first(); entry?.dueAt !== undefined; entry = this.#queue.first()) {
      if (now < entry.dueAt) break;
      jitter ??= this.#random();
      effects.push(...this.#apply(entry, { type: "timer", jitter }, now));
    }
    if (jitter === undefined || !effects.some(({ type }) => type === "send")) return effects;
    for (const entry of this.#byName.values()) {
      const from = mayJoinFrom(entry.session.config, entry.session.machine);
      if (from === undefined || now < from) continue;
      effects.push(...this.#apply(entry, { type: "others-speak", jitter }, now));
    }
    return effects;
  }

  /** Sends what is due where sockets cannot be read first, as in the midst of reading them: nobody is found silent. */
  beat(now: Instant): readonly SessionsEffect[] {
    const effects: SessionsEffect[] = [];
    for (const entry of this.#byName.values()) {
      const { sendAt } = entry.session.machine;
      if (sendAt === undefined || now < sendAt) continue;
      effects.push(...this.#apply(entry, { type: "beat", jitter: this.#random() }, now));
    }
    return effects;
  }

  /** What a session can leave to the next run; `undefined` if nothing (`succession.ts`). */
  legacy(name: string): Legacy | undefined {
    const session = this.#byName.get(name)?.session;
    return session === undefined || session.config.authentication !== undefined
      ? undefined
      : legacyOf(session.config, session.machine);
  }

  /** How a session is; `undefined` if there is none of that name. */
  state(name: string): SessionState | undefined {
    return this.#byName.get(name)?.session.machine;
  }

  /** Names of all sessions, in the order in which they were added. */
  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  #problems(config: SessionConfig, itself: Entry | undefined): SessionProblems {
    const problems = sessionConfigProblems(config);
    const rival = this.#byKey.get(sessionKey(config));
    if (rival === undefined || rival === itself) return problems;
    return [...problems, `session ${rival.name} has the same peer, address and link`];
  }

  #mayTake({ authentication }: SessionConfig, legacy: Legacy | undefined): boolean {
    if (legacy === undefined || authentication !== undefined) return false;
    return !this.#byDiscriminator.has(legacy.localDiscriminator);
  }

  #number(): number {
    return Math.floor(this.#random() * 0x1_0000_0000);
  }

  /** One that no session has, and not 0. */
  #discriminator(): number {
    let candidate = this.#number();
    while (candidate === 0 || this.#byDiscriminator.has(candidate)) candidate = (candidate + 1) >>> 0;
    return candidate;
  }

  #apply(entry: Entry, input: Input, now: Instant): readonly SessionsEffect[] {
    return this.#keep(entry, stepSession(entry.session, input, this.#tools, now));
  }

  #keep(entry: Entry, { session, payloads, transition }: SessionStep): readonly SessionsEffect[] {
    const { name } = entry;
    const before = entry.session.machine;
    entry.session = session;
    if (before.localDiscriminator !== session.machine.localDiscriminator) {
      this.#byDiscriminator.delete(before.localDiscriminator);
      this.#byDiscriminator.set(session.machine.localDiscriminator, entry);
    }
    this.#queue.set(entry, sessionDeadline(session));
    const effects: SessionsEffect[] = payloads.map((payload) => ({ type: "send", session: name, payload }));
    if (transition !== undefined) effects.push({ type: "transition", session: name, transition });
    const event = peerEvent(before, session.machine, transition);
    if (event !== undefined) effects.push({ type: "peer", session: name, event });
    return effects;
  }
}
