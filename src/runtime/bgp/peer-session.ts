/** The session's machine with the world around it: the connections with one peer, and the timer. */
import { unreachable } from "#base/assert";
import { type Instant, micros } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { DecodeContext } from "#core/bgp/message/context";
import type { Cause } from "#core/bgp/session/cause";
import type { Negotiated, SessionConfig } from "#core/bgp/session/config";
import type { Effect } from "#core/bgp/session/effect";
import type { ConnectionId, Direction, Input } from "#core/bgp/session/input";
import { deadline, INITIAL, step } from "#core/bgp/session/machine";
import { connectionsOf, establishedOf, type SessionState } from "#core/bgp/session/state";
import { describeCause } from "#core/bgp/session/words";
import type { BgpAttempt, BgpClosed, BgpConnection, BgpEvents } from "#drivers/bgp/port";
import { Channel, type ChannelOwner } from "./channel.ts";
import { Counters } from "./counters.ts";
import type { BgpSpeakerParts } from "./parts.ts";
import { hopsOf, sessionConfigOf, type Whereabouts } from "./peer-word.ts";

/** A failure, for people. */
export type Failure = { readonly cause: Cause["type"]; readonly text: string; readonly at: Instant };

type Parts = Pick<BgpSpeakerParts, "tcp" | "deadlines" | "now" | "random" | "afterReading" | "tell"> & {
  readonly peer: string;
  readonly word: () => PeerWord;
  /** Whether nobody is to connect for now. */
  readonly isBroken: (now: Instant) => boolean;
  readonly onUp: (channel: Channel, negotiated: Negotiated, now: Instant) => void;
  readonly onDown: () => void;
  /** It is established no more, and everything about that was told. */
  readonly onLeft: (now: Instant) => void;
  readonly onRefresh: (family: Extract<Effect, { type: "refresh" }>["family"]) => void;
  /** There may be something to be sent. */
  readonly onWork: () => void;
};

const BEFORE_OPEN: DecodeContext = { hasFourOctetAsn: false, kind: undefined };

/** Reasons for a connection's end that are none for concern. */
const PEACEFUL: ReadonlySet<Cause["type"]> = new Set(["stop", "collision", "replaced", "not-wanted"]);

export class PeerSession {
  readonly counters = new Counters();
  readonly #parts: Parts;
  readonly #channels = new Map<ConnectionId, Channel>();
  readonly #inputs: Input[] = [];
  readonly #timerId: string;
  #where: Whereabouts | undefined;
  #config: SessionConfig | undefined;
  #state: SessionState = INITIAL;
  #since: Instant;
  #attempt: BgpAttempt | undefined;
  #lastId: ConnectionId = 0;
  #isStepping = false;
  #isClosed = false;
  #failure: Failure | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    // In a space of their own: a peer may be called as a timer of the speaker is.
    this.#timerId = `bgp peer ${parts.peer}`;
    this.#since = parts.now();
  }

  get where(): Whereabouts | undefined {
    return this.#where;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Since when it has its state. */
  get since(): Instant {
    return this.#since;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** The connection that it is established on. */
  get channel(): Channel | undefined {
    const established = establishedOf(this.#state);
    return established === undefined ? undefined : this.#channels.get(established.id);
  }

  /** Where the peer is from now on; `undefined`: nobody knows. */
  place(where: Whereabouts | undefined): void {
    this.#where = where;
    this.adapt();
  }

  /** What is wanted may be another thing: it counts from the next step on. */
  adapt(): void {
    if (this.#where !== undefined) this.#config = sessionConfigOf(this.#parts.word(), this.#where.address);
  }

  /** One input after the other: what is done for one may bring the next. */
  input(input: Input): void {
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } finally {
      this.#isStepping = false;
    }
    if (!this.#isClosed) this.#parts.deadlines.set(this.#timerId, deadline(this.#state), this.#onTimer);
  }

  /** There is a connection. */
  connected(connection: BgpConnection, direction: Direction): BgpEvents {
    this.#lastId += 1;
    const channel = new Channel(this.#lastId, connection, this.#owner);
    this.#channels.set(channel.id, channel);
    this.input({ type: "connected", connection: channel.id, direction });
    return channel.events();
  }

  /** Ends everything without a word. */
  close(): void {
    this.#isClosed = true;
    this.#attempt?.cancel();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.#parts.deadlines.set(this.#timerId, undefined, this.#onTimer);
  }

  #step(input: Input): void {
    const config = this.#config;
    if (this.#isClosed || config === undefined) return;
    const now = this.#parts.now();
    const { state, effects } = step(config, this.#state, input, { now, jitter: this.#parts.random() });
    this.#state = state;
    for (const effect of effects) this.#perform(effect, now);
  }

  readonly #onTimer = (): void => {
    this.#parts.afterReading(() => this.input({ type: "timer" }));
  };

  #perform(effect: Effect, now: Instant): void {
    switch (effect.type) {
      case "connect":
        this.#connect(now);
        break;
      case "abort-connect":
        this.#attempt?.cancel();
        this.#attempt = undefined;
        break;
      case "send":
        this.#channels.get(effect.connection)?.send(effect.message);
        this.counters.sent(effect.message.type);
        break;
      case "close":
        this.#channels.get(effect.connection)?.close();
        break;
      case "up":
        this.#up(effect.connection, effect.negotiated, now);
        break;
      case "down":
        this.#parts.onDown();
        break;
      case "refresh":
        this.#parts.onRefresh(effect.family);
        break;
      case "ended":
        this.#channels.delete(effect.connection);
        if (!PEACEFUL.has(effect.cause.type))
          this.#fail({ cause: effect.cause.type, text: describeCause(effect.cause) }, now);
        break;
      case "transition":
        this.#moved(effect, now);
        break;
      default:
        unreachable(effect);
    }
  }

  #connect(now: Instant): void {
    this.#attempt?.cancel();
    this.#attempt = undefined;
    const where = this.#where;
    if (where === undefined || this.#parts.isBroken(now)) {
      this.input({ type: "connect-failed", reason: "BFD says that the path is broken" });
      return;
    }
    const word = this.#parts.word();
    const { port, sourceAddress, vrf, password, connectRetryTime } = word;
    this.#attempt = this.#parts.tcp.connect({
      remote: { address: where.address, port },
      ...{ link: where.link, source: sourceAddress, vrf, password, hops: hopsOf(word) },
      // Before the ConnectRetryTimer gives it up at three quarters or later, so that it is known what came of it.
      timeout: micros(connectRetryTime * 0.7),
      onConnected: (connection) => {
        this.#attempt = undefined;
        return this.connected(connection, "outgoing");
      },
      onFailed: ({ code, operation }) => {
        this.#attempt = undefined;
        this.#fail({ cause: "connect-failed", text: `cannot ${operation}: ${code}` });
        this.input({ type: "connect-failed", reason: code });
      },
    });
  }

  readonly #owner: ChannelOwner = {
    now: () => this.#parts.now(),
    contextOf: (id) => {
      const connection = connectionsOf(this.#state).find((each) => each.id === id);
      return connection === undefined || connection.name === "open-sent"
        ? BEFORE_OPEN
        : connection.agreement.negotiated;
    },
    onMessage: (connection, message) => {
      this.counters.received(message);
      this.input({ type: "message", connection, message });
    },
    onMalformed: (connection, error) => this.input({ type: "malformed", connection, error }),
    onBlocked: (connection, since) => {
      this.input({ type: "blocked", connection, since });
      this.#parts.onWork();
    },
    onClosed: (connection, how) => {
      this.#channels.delete(connection);
      this.input({ type: "closed", connection, reason: reasonOf(how) });
    },
  };

  #up(connection: ConnectionId, negotiated: Negotiated, now: Instant): void {
    const channel = this.#channels.get(connection);
    // It may have gone while the peer's last word was being read; the machine hears of that next.
    if (channel === undefined) return;
    this.counters.cameUp();
    this.#parts.onUp(channel, negotiated, now);
  }

  #fail(failure: Omit<Failure, "at">, now: Instant = this.#parts.now()): void {
    this.#failure = { ...failure, at: now };
  }

  #moved({ from, to, cause }: Extract<Effect, { type: "transition" }>, now: Instant): void {
    this.#since = now;
    const text = describeCause(cause);
    this.#parts.tell({ type: "session", peer: this.#parts.peer, from, to, cause: cause.type, text }, now);
    if (from === "established") this.#parts.onLeft(now);
  }
}

const reasonOf = (how: BgpClosed): string | undefined => (how.type === "ended" ? undefined : how.code);
