/** One peer: its session's machine with the world around it, and its table. */
import { unreachable } from "#base/assert";
import { type Instant, micros } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { DecodeContext } from "#core/bgp/message/context";
import { RibOut } from "#core/bgp/rib-out/rib-out";
import type { Cause, EndCause } from "#core/bgp/session/cause";
import type { Negotiated, SessionConfig } from "#core/bgp/session/config";
import type { Effect } from "#core/bgp/session/effect";
import type { ConnectionId, Direction, Input, StopReason } from "#core/bgp/session/input";
import { deadline, INITIAL, step } from "#core/bgp/session/machine";
import { connectionsOf, establishedOf, type SessionState } from "#core/bgp/session/state";
import { describeCause } from "#core/bgp/session/words";
import type { BgpAttempt, BgpClosed, BgpConnection, BgpEvents } from "#drivers/bgp/port";
import { Channel, type ChannelOwner } from "./channel.ts";
import { Counters } from "./counters.ts";
import type { BgpSpeakerParts } from "./parts.ts";
import { type BfdStatus, PeerBfd } from "./peer-bfd.ts";
import { hopsOf, keepsSession, sessionConfigOf, type Whereabouts } from "./peer-word.ts";
import { Telling } from "./telling.ts";

export type PeerParts = BgpSpeakerParts & {
  /** There may be something to be sent. */
  readonly onWork: (peer: Peer) => void;
};

/** A failure, for people. */
export type Failure = { readonly cause: Cause["type"]; readonly text: string; readonly at: Instant };

const BEFORE_OPEN: DecodeContext = { hasFourOctetAsn: false, kind: undefined };

/** Reasons for a connection's end that are none for concern. */
const PEACEFUL: ReadonlySet<Cause["type"]> = new Set(["stop", "collision", "replaced", "not-wanted"]);

/** Sessions inside one autonomous system are multihop in any case, and say nothing of the distance by that. */
const isExternal = ({ peerAsn, localAsn }: PeerWord): boolean =>
  peerAsn.type === "external" || (peerAsn.type === "given" && peerAsn.asn !== localAsn);

export class Peer {
  readonly name: string;
  readonly rib: RibOut;
  readonly counters = new Counters();
  readonly bfd: PeerBfd;
  readonly #parts: PeerParts;
  readonly #channels = new Map<ConnectionId, Channel>();
  readonly #inputs: Input[] = [];
  readonly #timerId: string;
  readonly #telling: Telling;
  #word: PeerWord;
  #where: Whereabouts | undefined;
  #config: SessionConfig | undefined;
  #state: SessionState = INITIAL;
  #since: Instant;
  #attempt: BgpAttempt | undefined;
  #lastId: ConnectionId = 0;
  #isStepping = false;
  #isClosed = false;
  /** Whether all routes that there are were set. */
  #isTold = false;
  #failure: Failure | undefined;
  /** Whether the peer was told of a restart of ours, and not yet of its end. */
  #restart: "announced" | "over";

  constructor(word: PeerWord, parts: PeerParts) {
    const { name, mostRoutes } = word;
    this.name = name;
    this.#word = word;
    this.#parts = parts;
    // In a space of their own: a peer may be called as a timer of the speaker is.
    this.#timerId = `bgp peer ${name}`;
    this.#since = parts.now();
    this.#restart = parts.start === "again" ? "announced" : "over";
    this.rib = new RibOut({ mostRoutes });
    this.bfd = new PeerBfd(
      {
        ...{ bfd: parts.bfd, links: parts.links, left: parts.left, peer: name, vrf: () => this.#word.vrf },
        isDistant: () => this.#word.multihop && isExternal(this.#word),
        onStatus: (status, now) => this.#onBfd(status, now),
        onRefused: (detail, now) => parts.tell({ type: "bfd", peer: name, status: "refused", detail }, now),
      },
      word.bfd,
    );
    this.#telling = new Telling({ ...parts, peer: this });
  }

  get word(): PeerWord {
    return this.#word;
  }

  get where(): Whereabouts | undefined {
    return this.#where;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Since when the session has its state. */
  get since(): Instant {
    return this.#since;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** What was agreed on; `undefined` unless the session is established. */
  get negotiated(): Negotiated | undefined {
    return establishedOf(this.#state)?.agreement.negotiated;
  }

  /** The connection that the session is established on. */
  get channel(): Channel | undefined {
    const established = establishedOf(this.#state);
    return established === undefined ? undefined : this.#channels.get(established.id);
  }

  /** Begins to talk to the peer, which is there. */
  start(where: Whereabouts): void {
    this.#where = where;
    this.#config = sessionConfigOf(this.#word, where.address);
    this.#input({ type: "start", isRestarting: this.#restart === "announced" });
  }

  /** Ends the session until `start`. */
  stop(reason: StopReason, communication?: string): void {
    this.#input({ type: "stop", reason, communication });
  }

  /** The peer is elsewhere than before, or nowhere that is known. */
  locate(where: Whereabouts | undefined): void {
    this.stop("reset");
    this.bfd.leave(this.#parts.now());
    this.#where = undefined;
    if (where !== undefined) this.start(where);
  }

  /** Takes what is wanted of the peer now; restarts its session only if it must. */
  configure(word: PeerWord, where: Whereabouts | undefined): void {
    const before = this.#word;
    const isSame = keepsSession(before, word);
    const now = this.#parts.now();
    if (!isSame) this.stop("configuration-changed");
    // Between the same addresses it goes on: the peer would take its end for a failure.
    if (!isSame && endsText(before, this.#where) !== endsText(word, where)) this.bfd.leave(now);
    this.#word = word;
    // What the next OPEN offers may depend on what does not end this session.
    if (isSame && this.#where !== undefined) this.#config = sessionConfigOf(word, this.#where.address);
    this.rib.allow(word.mostRoutes);
    this.bfd.configure(word.bfd, now);
    if (!isSame) {
      this.#where = undefined;
      if (where !== undefined) this.start(where);
    }
    this.#telling.leftOut(now);
    this.#parts.onWork(this);
  }

  /** The peer has connected to us. `undefined`: it may not now. */
  accept(connection: BgpConnection): BgpEvents | undefined {
    if (this.#isClosed || this.bfd.isBroken(this.#parts.now())) return undefined;
    return this.#connected(connection, "incoming");
  }

  /** Next hops may be others: what the peer was told is told anew where they are. */
  linksChanged(): void {
    this.#telling.moved();
  }

  /** Begins what was put off so that it is done for one peer in a turn. */
  settle(now: Instant): void {
    this.#telling.settle(now);
  }

  /** The routes that there are have been set. */
  routesComplete(): void {
    this.rib.complete();
    this.#isTold = true;
    this.#parts.onWork(this);
  }

  /** Everything that waited was sent. */
  caughtUp(): void {
    if (this.#restart === "over" || !this.#isTold || this.channel === undefined || this.rib.pending > 0)
      return;
    this.#restart = "over";
    this.#input({ type: "restart-over" });
  }

  /** What is not told may be another thing now. */
  tellLeftOut(now: Instant): void {
    this.#telling.leftOut(now);
  }

  /** Ends everything without a word. */
  close(): void {
    this.#isClosed = true;
    this.#attempt?.cancel();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.bfd.leave(this.#parts.now());
    this.#telling.end();
    this.#parts.deadlines.set(this.#timerId, undefined, this.#onTimer);
  }

  /** One input after the other: what is done for one may bring the next. */
  #input(input: Input): void {
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

  #step(input: Input): void {
    const config = this.#config;
    if (this.#isClosed || config === undefined) return;
    const now = this.#parts.now();
    const { state, effects } = step(config, this.#state, input, { now, jitter: this.#parts.random() });
    this.#state = state;
    for (const effect of effects) this.#perform(effect, now);
  }

  readonly #onTimer = (): void => {
    this.#parts.afterReading(() => this.#input({ type: "timer" }));
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
        this.rib.down();
        this.#telling.end();
        break;
      case "refresh":
        this.#telling.refresh(effect.family);
        break;
      case "ended":
        this.#ended(effect.connection, effect.cause, now);
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
    if (where === undefined || this.bfd.isBroken(now)) {
      this.#input({ type: "connect-failed", reason: "BFD says that the path is broken" });
      return;
    }
    const { port, sourceAddress, vrf, password, connectRetryTime } = this.#word;
    this.#attempt = this.#parts.tcp.connect({
      remote: { address: where.address, port },
      ...{ link: where.link, source: sourceAddress, vrf, password, hops: hopsOf(this.#word) },
      // Before the ConnectRetryTimer gives it up at three quarters or later, so that it is known what came of it.
      timeout: micros(connectRetryTime * 0.7),
      onConnected: (connection) => {
        this.#attempt = undefined;
        return this.#connected(connection, "outgoing");
      },
      onFailed: ({ code, operation }) => {
        this.#attempt = undefined;
        this.#fail({ cause: "connect-failed", text: `cannot ${operation}: ${code}` });
        this.#input({ type: "connect-failed", reason: code });
      },
    });
  }

  #connected(connection: BgpConnection, direction: Direction): BgpEvents {
    this.#lastId += 1;
    const channel = new Channel(this.#lastId, connection, this.#owner);
    this.#channels.set(channel.id, channel);
    this.#input({ type: "connected", connection: channel.id, direction });
    return channel.events();
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
      this.#input({ type: "message", connection, message });
    },
    onMalformed: (connection, error) => this.#input({ type: "malformed", connection, error }),
    onBlocked: (connection, since) => {
      this.#input({ type: "blocked", connection, since });
      this.#parts.onWork(this);
    },
    onClosed: (connection, how) => {
      this.#channels.delete(connection);
      this.#input({ type: "closed", connection, reason: reasonOf(how) });
    },
  };

  #up(connection: ConnectionId, negotiated: Negotiated, now: Instant): void {
    const channel = this.#channels.get(connection);
    // It may have gone while the peer's last word was being read; the machine hears of that next.
    if (channel === undefined) return;
    this.counters.cameUp();
    this.#telling.begin(channel, negotiated);
    this.bfd.established(channel.connection, negotiated.holdTime, now);
    this.#telling.leftOut(now);
    this.#parts.onWork(this);
  }

  #ended(connection: ConnectionId, cause: EndCause, now: Instant): void {
    this.#channels.delete(connection);
    if (!PEACEFUL.has(cause.type)) this.#fail({ cause: cause.type, text: describeCause(cause) }, now);
  }

  #fail(failure: Omit<Failure, "at">, now: Instant = this.#parts.now()): void {
    this.#failure = { ...failure, at: now };
  }

  #moved({ from, to, cause }: Extract<Effect, { type: "transition" }>, now: Instant): void {
    this.#since = now;
    const text = describeCause(cause);
    this.#parts.tell({ type: "session", peer: this.name, from, to, cause: cause.type, text }, now);
    if (from === "established") this.#telling.leftOut(now);
  }

  #onBfd(status: BfdStatus, now: Instant): void {
    this.#parts.tell({ type: "bfd", peer: this.name, status, detail: undefined }, now);
    this.#input({ type: "bfd", status });
  }
}

/** What both ends of a session's connections are. */
const endsText = ({ sourceAddress, vrf }: PeerWord, where: Whereabouts | undefined): string =>
  JSON.stringify([sourceAddress, vrf, where]);

const reasonOf = (how: BgpClosed): string | undefined => (how.type === "ended" ? undefined : how.code);
