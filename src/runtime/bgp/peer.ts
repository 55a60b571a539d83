/** One peer: what is wanted of it, its session, its BFD, and its table. */
import type { Instant } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import { RibOut } from "#core/bgp/rib-out/rib-out";
import type { Negotiated } from "#core/bgp/session/config";
import type { StopReason } from "#core/bgp/session/input";
import { establishedOf, type SessionState } from "#core/bgp/session/state";
import type { BgpConnection, BgpEvents } from "#drivers/bgp/port";
import type { Channel } from "./channel.ts";
import type { Counters } from "./counters.ts";
import type { BgpSpeakerParts } from "./parts.ts";
import { type BfdStatus, PeerBfd } from "./peer-bfd.ts";
import { type Failure, PeerSession } from "./peer-session.ts";
import { keepsSession, type Whereabouts } from "./peer-word.ts";
import { Telling } from "./telling.ts";

export type PeerParts = BgpSpeakerParts & {
  /** There may be something to be sent. */
  readonly onWork: (peer: Peer) => void;
};

/** Sessions inside one autonomous system are multihop in any case, and say nothing of the distance by that. */
const isExternal = ({ peerAsn, localAsn }: PeerWord): boolean =>
  peerAsn.type === "external" || (peerAsn.type === "given" && peerAsn.asn !== localAsn);

export class Peer {
  readonly name: string;
  readonly rib: RibOut;
  readonly bfd: PeerBfd;
  readonly #parts: PeerParts;
  readonly #session: PeerSession;
  readonly #telling: Telling;
  #word: PeerWord;
  #isClosed = false;
  /** Whether all routes that there are were set. */
  #isTold = false;
  /** Whether the peer was told of a restart of ours, and not yet of its end. */
  #restart: "announced" | "over";

  constructor(word: PeerWord, parts: PeerParts) {
    const { name, mostRoutes } = word;
    this.name = name;
    this.#word = word;
    this.#parts = parts;
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
    this.#session = this.#openSession();
  }

  get word(): PeerWord {
    return this.#word;
  }

  get where(): Whereabouts | undefined {
    return this.#session.where;
  }

  get state(): SessionState {
    return this.#session.state;
  }

  /** Since when the session has its state. */
  get since(): Instant {
    return this.#session.since;
  }

  get failure(): Failure | undefined {
    return this.#session.failure;
  }

  get counters(): Counters {
    return this.#session.counters;
  }

  /** What was agreed on; `undefined` unless the session is established. */
  get negotiated(): Negotiated | undefined {
    return establishedOf(this.state)?.agreement.negotiated;
  }

  /** The connection that the session is established on. */
  get channel(): Channel | undefined {
    return this.#session.channel;
  }

  /** Begins to talk to the peer, which is there. */
  start(where: Whereabouts): void {
    this.#session.place(where);
    this.#session.input({ type: "start", isRestarting: this.#restart === "announced" });
  }

  /** Ends the session until `start`. */
  stop(reason: StopReason, communication?: string): void {
    this.#session.input({ type: "stop", reason, communication });
  }

  /** The peer is elsewhere than before, or nowhere that is known. */
  locate(where: Whereabouts | undefined): void {
    this.stop("reset");
    this.bfd.leave(this.#parts.now());
    this.#session.place(undefined);
    if (where !== undefined) this.start(where);
  }

  /** Takes what is wanted of the peer now; restarts its session only if it must. */
  configure(word: PeerWord, where: Whereabouts | undefined): void {
    const before = this.#word;
    const isSame = keepsSession(before, word);
    const now = this.#parts.now();
    if (!isSame) this.stop("configuration-changed");
    // Between the same addresses it goes on: the peer would take its end for a failure.
    if (!isSame && endsText(before, this.where) !== endsText(word, where)) this.bfd.leave(now);
    this.#word = word;
    // What the next OPEN offers may depend on what does not end this session.
    if (isSame) this.#session.adapt();
    this.rib.allow(word.mostRoutes);
    this.bfd.configure(word.bfd, now);
    if (!isSame) {
      this.#session.place(undefined);
      if (where !== undefined) this.start(where);
    }
    this.#telling.leftOut(now);
    this.#parts.onWork(this);
  }

  /** The peer has connected to us. `undefined`: it may not now. */
  accept(connection: BgpConnection): BgpEvents | undefined {
    if (this.#isClosed || this.bfd.isBroken(this.#parts.now())) return undefined;
    return this.#session.connected(connection, "incoming");
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
    this.#session.input({ type: "restart-over" });
  }

  /** What is not told may be another thing now. */
  tellLeftOut(now: Instant): void {
    this.#telling.leftOut(now);
  }

  /** Ends everything without a word. */
  close(): void {
    this.#isClosed = true;
    this.#session.close();
    this.bfd.leave(this.#parts.now());
    this.#telling.end();
  }

  #openSession(): PeerSession {
    const { name } = this;
    const onWork = (): void => this.#parts.onWork(this);
    return new PeerSession({
      ...{ ...this.#parts, peer: name, word: () => this.#word, onWork },
      isBroken: (now) => this.bfd.isBroken(now),
      onUp: (channel, negotiated, now) => {
        this.#telling.begin(channel, negotiated);
        this.bfd.established(channel.connection, negotiated.holdTime, now);
        this.#telling.leftOut(now);
        onWork();
      },
      onDown: () => {
        this.rib.down();
        this.#telling.end();
      },
      onLeft: (now) => this.#telling.leftOut(now),
      onRefresh: (family) => this.#telling.refresh(family),
    });
  }

  #onBfd(status: BfdStatus, now: Instant): void {
    this.#parts.tell({ type: "bfd", peer: this.name, status, detail: undefined }, now);
    this.#session.input({ type: "bfd", status });
  }
}

/** What both ends of a session's connections are. */
const endsText = ({ sourceAddress, vrf }: PeerWord, where: Whereabouts | undefined): string =>
  JSON.stringify([sourceAddress, vrf, where]);
