/**
 * The BFD sessions of this machine, whoever wants them: one listener for each family and kind of path serves all, each
 * session has a sender of its own, and its owner hears what becomes of it.
 *
 * A session whose socket cannot be opened stays and is silent; opening is tried again.
 */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { assert } from "#base/assert";
import { after, type Duration, type Instant, millis, seconds } from "#base/time";
import type { Datagram } from "#core/bfd/admission";
import type { Digest } from "#core/bfd/authentication";
import type { SessionConfig } from "#core/bfd/config";
import { READING_PAUSE } from "#core/bfd/constants";
import { cameAt } from "#core/bfd/hearing";
import type { PeerEvent } from "#core/bfd/observe";
import { type SessionProblems, Sessions, type SessionsEffect } from "#core/bfd/sessions";
import type { Input, SessionState } from "#core/bfd/state";
import { type Legacy, patient } from "#core/bfd/succession";
import type { BfdError, BfdListener, BfdPort, BfdReflector, BfdSender } from "#drivers/bfd/port";
import type { Deadlines } from "../deadlines.ts";

export type BfdHubParts = {
  readonly bfd: BfdPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** Numbers in [0, 1) that nobody can foresee. */
  readonly random: () => number;
  readonly digest: Digest;
  /** A packet was dropped or not sent, or a socket not opened. */
  readonly count: (what: string) => void;
  /** Packets were read, and all that follows from them is done. */
  readonly onRead?: (now: Instant) => void;
};

/** Whose a session is. Nothing is called from within `add`. */
export type BfdOwner = {
  /** A packet of the peer came that counts: then, though it may be read only now. */
  readonly onHeard?: (at: Instant) => void;
  /** A packet or time may have changed what the session says of the peer. `event`: if others would act on it. */
  readonly onState: (state: SessionState, event: PeerEvent | undefined, now: Instant) => void;
};

const RETRY = seconds(1);
/** More at once is a flood and no time to wait, or a receive buffer would run over: a listener that hears all peers reads fewer. */
const MANY_PACKETS = 64;
const SHORT_PAUSE = millis(1);
const NOBODY: BfdOwner = { onState: () => {} };

/** Sessions with the same key are heard by the same listener. */
const listenerKey = ({ peer, path, vrf = "" }: SessionConfig): string =>
  `${familyOf(peer)} ${path.type} ${vrf}`;

type Kept = {
  readonly name: string;
  owner: BfdOwner;
  config: SessionConfig;
  sender: BfdSender | undefined;
};

export class BfdHub {
  readonly #parts: BfdHubParts;
  readonly #sessions: Sessions;
  readonly #keptByName = new Map<string, Kept>();
  /** Sessions by who is at the other end; a neighbour may have several. */
  readonly #keptByPeer = new Map<IpAddress, Kept[]>();
  /** Sessions that nobody wants any more, which say so until their peers have heard it. */
  readonly #retiring = new Set<string>();
  readonly #listeners = new Map<string, BfdListener>();
  /** Listeners that may be deaf, and how many packets they had received when that was thought of. */
  readonly #suspects = new Map<string, number>();
  readonly #reflectors = new Map<IpFamily, BfdReflector>();
  #isReading = false;
  /** Whether packets that say nothing new wait until something is read anyway. */
  #holdsBack = false;
  #isFlooded = false;

  constructor(parts: BfdHubParts) {
    this.#parts = parts;
    this.#sessions = new Sessions({ random: parts.random, digest: parts.digest });
  }

  /**
   * Begins a session, or goes on with that of an earlier run; gives what is wrong with it, if it did not. Its sockets are opened by
   * `open`, or soon.
   */
  add(
    name: string,
    config: SessionConfig,
    owner: BfdOwner & { readonly legacy?: Legacy | undefined },
    now: Instant,
  ): SessionProblems {
    for (const each of this.#retiring)
      if (each === name || this.#keptByName.get(each)?.config.peer === config.peer) this.remove(each);
    const problems = this.#sessions.add(name, config, now, owner.legacy);
    this.#countProblems(name, problems);
    if (problems.length > 0) return problems;
    const kept: Kept = { name, owner, config, sender: undefined };
    this.#keptByName.set(name, kept);
    this.#keptByPeer.set(config.peer, [...(this.#keptByPeer.get(config.peer) ?? []), kept]);
    this.#parts.deadlines.set("bfd sockets", now, this.#onRetry);
    this.#schedule();
    return [];
  }

  /** Changes times, role or secrets of a session; for other addresses or another link, remove it and add another. */
  configure(name: string, config: SessionConfig, now: Instant): SessionProblems {
    const kept = this.#keptByName.get(name);
    assert(kept !== undefined, "no such session", { name });
    const { problems, effects } = this.#sessions.configure(name, config, now);
    this.#countProblems(name, problems);
    if (problems.length === 0) {
      if (kept.config.echoReceiveInterval !== config.echoReceiveInterval)
        this.#parts.deadlines.set("bfd sockets", now, this.#onRetry);
      kept.config = config;
    }
    this.#perform(effects, now);
    this.#schedule();
    return problems;
  }

  /**
   * Asks the peer of a session that is up to miss us only after so long a silence, for a run that comes after this one
   * (RFC 5882 §4.3.2.2). Once it has agreed there is something to be left.
   */
  prolong(name: string, silence: Duration, now: Instant): void {
    const kept = this.#keptByName.get(name);
    if (kept !== undefined) this.configure(name, patient(kept.config, silence), now);
  }

  /** What a session can leave to the next run; `undefined` if nothing, or not yet. */
  legacy(name: string): Legacy | undefined {
    return this.#sessions.legacy(name);
  }

  /** Ends a session on purpose: its peer is told for as long as it would take to miss us. Its owner hears nothing any more. */
  retire(name: string, now: Instant): void {
    const kept = this.#keptByName.get(name);
    if (kept === undefined) return;
    kept.owner = NOBODY;
    this.#retiring.add(name);
    this.input(name, { type: "leave" }, now);
    this.#removeRetired();
  }

  /** Ends a session at once, without a word. */
  remove(name: string): void {
    this.#retiring.delete(name);
    const kept = this.#keptByName.get(name);
    if (kept === undefined) return;
    this.#sessions.remove(name);
    kept.sender?.close();
    this.#keptByName.delete(name);
    const others = (this.#keptByPeer.get(kept.config.peer) ?? []).filter((each) => each !== kept);
    if (others.length > 0) this.#keptByPeer.set(kept.config.peer, others);
    else this.#keptByPeer.delete(kept.config.peer);
    this.#schedule();
  }

  /** Gives a session something else than packets and time: leave, return, failure. */
  input(name: string, input: Extract<Input, { type: "leave" | "return" | "failure" }>, now: Instant): void {
    this.#perform(this.#sessions.input(name, input, now), now);
    this.#schedule();
  }

  /** How a session is; `undefined` if there is none of that name. */
  state(name: string): SessionState | undefined {
    return this.#sessions.state(name);
  }

  /** Sends and reads what is due: to be called now and then by whoever keeps this thread for longer than packets may wait. */
  beat(now: Instant): void {
    const due = this.#sessions.deadline();
    if (due === undefined || due > now) return;
    // In the midst of reading, what others have sent waits behind the packet that is being taken in.
    if (this.#isReading) this.#perform(this.#sessions.beat(now), now);
    else this.#onTimer(now);
  }

  /** Reads what is queued: call it before anything is concluded from silence. */
  drain(): void {
    let count = 0;
    for (const listener of this.#listeners.values()) count += listener.drain();
    // What could have waited has been read.
    if (this.#holdsBack) this.#holdBack(count);
  }

  /** Opens the sockets that are missing; what is refused is tried again. */
  open(now: Instant): void {
    let isComplete = true;
    this.#replaceDeaf();
    for (const { config } of this.#keptByName.values()) if (!this.#listen(config)) isComplete = false;
    if (!this.#openReflectors()) isComplete = false;
    for (const kept of this.#keptByName.values()) {
      if (kept.sender !== undefined) continue;
      const { path, vrf, localAddress, peer } = kept.config;
      const opened = this.#parts.bfd.openSender({ path, vrf, localAddress, peer });
      if (opened.ok) kept.sender = opened.value;
      else isComplete = this.#refused(opened.error);
    }
    const retryAt = isComplete ? undefined : after(now, RETRY);
    this.#parts.deadlines.set("bfd sockets", retryAt, this.#onRetry);
  }

  /** Ends all at once, without a word. */
  close(): void {
    for (const name of [...this.#keptByName.keys()]) this.remove(name);
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#suspects.clear();
    this.#openReflectors();
    for (const id of ["bfd", "bfd sockets", "bfd reading"])
      this.#parts.deadlines.set(id, undefined, () => {});
  }

  #removeRetired(): void {
    for (const name of this.#retiring)
      if (this.#sessions.state(name)?.farewell === undefined) this.remove(name);
  }

  #countProblems(name: string, problems: SessionProblems): void {
    for (const problem of problems) this.#parts.count(`bfd session ${name}: ${problem}`);
  }

  #refused({ operation, code }: BfdError): false {
    this.#parts.count(`bfd ${operation}: ${code}`);
    return false;
  }

  #listen(config: SessionConfig): boolean {
    const key = listenerKey(config);
    if (this.#listeners.has(key)) return true;
    const { peer, path, vrf } = config;
    const opened = this.#parts.bfd.listen({
      ...{ family: familyOf(peer), path: path.type, vrf },
      onDatagram: (datagram) => this.#onDatagram(datagram),
      onRead: (count) => this.#onRead(count),
      onError: (error) => void this.#refused(error),
    });
    if (!opened.ok) return this.#refused(opened.error);
    opened.value.holdBack(this.#holdsBack);
    this.#listeners.set(key, opened.value);
    return true;
  }

  /** In a VRF that may be another one by now: nobody can tell but by hearing nothing. */
  #suspect(key: string): void {
    const listener = this.#listeners.get(key);
    if (listener !== undefined && !this.#suspects.has(key))
      this.#suspects.set(key, listener.counters().received);
  }

  /** Listeners that have heard nobody since they came under suspicion make room for new ones. */
  #replaceDeaf(): void {
    for (const [key, received] of this.#suspects) {
      const listener = this.#listeners.get(key);
      listener?.drain();
      if (listener === undefined || listener.counters().received > received) continue;
      listener.close();
      this.#listeners.delete(key);
    }
    this.#suspects.clear();
  }

  /** Sends echo packets back as long as a session says so to its peer. */
  #openReflectors(): boolean {
    const wanted = new Set<IpFamily>();
    for (const { config } of this.#keptByName.values())
      if (config.echoReceiveInterval !== undefined) wanted.add(familyOf(config.peer));
    for (const [family, reflector] of this.#reflectors) {
      if (wanted.has(family)) continue;
      reflector.close();
      this.#reflectors.delete(family);
    }
    let isComplete = true;
    for (const family of wanted) {
      if (this.#reflectors.has(family)) continue;
      const opened = this.#parts.bfd.openReflector({
        family,
        isPeer: (arrival) => this.#mayEcho(arrival),
        onError: (error) => void this.#refused(error),
      });
      if (opened.ok) this.#reflectors.set(family, opened.value);
      else isComplete = this.#refused(opened.error);
    }
    return isComplete;
  }

  #mayEcho({
    source,
    destination,
    linkIndex,
  }: Pick<Datagram, "source" | "destination" | "linkIndex">): boolean {
    const kept = this.#keptByPeer.get(source) ?? [];
    return kept.some(({ name, config: { echoReceiveInterval, localAddress, path } }) => {
      if (echoReceiveInterval === undefined || localAddress !== destination) return false;
      if (path.type !== "single-hop" || path.link.index !== linkIndex) return false;
      return this.#sessions.state(name)?.name === "up";
    });
  }

  #onDatagram(datagram: Datagram): void {
    const wasReading = this.#isReading;
    this.#isReading = true;
    try {
      this.#takeIn(datagram);
    } finally {
      this.#isReading = wasReading;
    }
  }

  #takeIn(datagram: Datagram): void {
    const now = this.#parts.now();
    const effects = this.#sessions.receive(datagram, now);
    const counts = !effects.some(({ type }) => type === "drop");
    const kept = this.#keptByPeer.get(datagram.source);
    if (counts && kept !== undefined) {
      const at = cameAt(datagram.waited, now);
      for (const { owner } of kept) owner.onHeard?.(at);
    }
    this.#perform(effects, now);
    // A packet may change what its session says without moving it to another state.
    if (kept !== undefined) for (const each of kept) this.#tell(each, undefined, now);
  }

  /**
   * What says nothing new waits from now on for as long as it may: a session that is up sends before that time is over, and reads before
   * it sends. To wake up costs more than a packet.
   */
  #onRead(count: number): void {
    this.#holdBack(count);
    this.#schedule();
    this.#parts.onRead?.(this.#parts.now());
  }

  /** `count` packets were read at once. */
  #holdBack(count: number): void {
    this.#isFlooded = count > MANY_PACKETS;
    const pause = this.#isFlooded ? SHORT_PAUSE : READING_PAUSE;
    if (!this.#holdsBack) for (const listener of this.#listeners.values()) listener.holdBack(true);
    this.#holdsBack = true;
    this.#parts.deadlines.set("bfd reading", after(this.#parts.now(), pause), this.#onPauseOver);
  }

  /** Every listener is read, since the first to wake up would have the others wait once more. In a flood the event loop has its turn. */
  readonly #onPauseOver = (): void => {
    let count = 0;
    if (!this.#isFlooded) for (const listener of this.#listeners.values()) count += listener.drain();
    // Then the next pause has begun.
    if (count > 0) return;
    this.#holdsBack = false;
    for (const listener of this.#listeners.values()) listener.holdBack(false);
  };

  readonly #onRetry = (now: Instant): void => this.open(now);

  readonly #onTimer = (now: Instant): void => {
    // A peer that spoke is believed before its silence is.
    this.drain();
    this.#perform(this.#sessions.elapse(now), now);
    if (this.#retiring.size > 0) this.#removeRetired();
    this.#schedule();
  };

  #schedule(): void {
    this.#parts.deadlines.set("bfd", this.#sessions.deadline(), this.#onTimer);
  }

  #perform(effects: readonly SessionsEffect[], now: Instant): void {
    for (const effect of effects) {
      if (effect.type === "drop") this.#parts.count(`bfd-packet ${effect.reason}`);
      else if (effect.type === "send") this.#send(effect.session, effect.payload, now);
      else {
        const kept = effect.session === undefined ? undefined : this.#keptByName.get(effect.session);
        const event = effect.type === "peer" ? effect.event : undefined;
        if (kept !== undefined) this.#tell(kept, event, now);
      }
    }
  }

  #tell({ name, owner }: Kept, event: PeerEvent | undefined, now: Instant): void {
    const state = this.#sessions.state(name);
    if (state !== undefined) owner.onState(state, event, now);
  }

  #send(name: string, payload: Uint8Array, now: Instant): void {
    const kept = this.#keptByName.get(name);
    if (kept?.sender === undefined) return;
    const sent = kept.sender.send(payload);
    if (sent.ok) return;
    this.#refused(sent.error);
    // Its link or address may have gone and come back, which no socket outlives.
    kept.sender.close();
    kept.sender = undefined;
    if (kept.config.vrf !== undefined) this.#suspect(listenerKey(kept.config));
    this.#parts.deadlines.set("bfd sockets", after(now, RETRY), this.#onRetry);
  }
}
