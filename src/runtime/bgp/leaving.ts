/**
 * How everything ends on purpose. Peers that keep routes over a restart hear nothing, if it is one, and have agreed before to wait as long
 * for BFD (RFC 5882 §4.3.2.2). The others are told that all routes are going (RFC 8326), and after a while that they are gone, before the
 * session ends.
 */
import { after, type Duration, type Instant, micros, millis, seconds } from "#base/time";
import type { Estate } from "#core/bfd/legacy-words";
import type { BgpSpeakerParts } from "./parts.ts";
import type { Peer } from "./peer.ts";
import type { RouteQueue } from "./route-queue.ts";

/** Why a speaker leaves. */
export type Leave = {
  /** `restart`: it will be back soon, and packets to its routes go on arriving meanwhile. */
  readonly reason: "shutdown" | "restart";
  /** For the operators of peers (RFC 9003). */
  readonly communication?: string | undefined;
};

type Parts = Pick<BgpSpeakerParts, "deadlines" | "now"> & {
  readonly peers: () => Iterable<Peer>;
  readonly routes: RouteQueue;
};

/** What a speaker leaves to the next run: BFD sessions that peers still have. */
export type Left = Pick<Estate, "sessions" | "until">;

/** How long it may take to send everything to peers that are slow to take it. */
const LONGEST_SENDING = seconds(5);
const POLL = millis(20);
/** How long peers are given to agree to be patient; those that do not are told that BFD ends. */
const LONGEST_AGREEING = seconds(2);
/** The last messages leave the machine within this, if they can. */
const FAREWELL = millis(100);

/** How long a peer keeps routes without a session, as was agreed on with it. */
const absenceOf = ({ negotiated }: Peer): Duration => negotiated?.peerKeepsRoutes ?? micros(0);

export class Leaving {
  readonly #parts: Parts;
  readonly #leave: Leave;
  readonly #done: (left: Left) => void;
  /** Until when peers that are to be patient have to agree. */
  #agreeUntil: Instant | undefined;

  constructor(parts: Parts, leave: Leave, done: (left: Left) => void) {
    this.#parts = parts;
    this.#leave = leave;
    this.#done = done;
  }

  /** Begins. With nobody to be told of it, it ends at once. */
  start(drainTime: Duration): void {
    const told = [...this.#parts.peers()].filter(
      (peer) => peer.channel !== undefined && !this.#keepsRoutes(peer),
    );
    const now = this.#parts.now();
    this.#agreeUntil = after(now, LONGEST_AGREEING);
    for (const peer of this.#parts.peers()) {
      if (!this.#keepsRoutes(peer)) continue;
      this.#parts.routes.removePeer(peer.name);
      peer.bfd.prolong(absenceOf(peer), now);
    }
    const hasRoutes = told.some(({ rib }) => rib.counts.announced.IPv4 + rib.counts.announced.IPv6 > 0);
    if (!hasRoutes) {
      this.#end();
      return;
    }
    if (drainTime === 0) this.#withdraw();
    else {
      this.#parts.routes.announceAsGoing();
      this.#whenSent(() => this.#later(drainTime, () => this.#withdraw()));
    }
  }

  cancel(): void {
    this.#parts.deadlines.set("bgp leave", undefined, () => {});
  }

  #keepsRoutes({ negotiated }: Peer): boolean {
    return this.#leave.reason === "restart" && negotiated?.peerKeepsRoutes !== undefined;
  }

  #withdraw(): void {
    this.#parts.routes.withdraw();
    this.#whenSent(() => this.#end());
  }

  #end(): void {
    const now = this.#parts.now();
    const keeping = [...this.#parts.peers()].filter((peer) => this.#keepsRoutes(peer));
    const mayWait = this.#agreeUntil !== undefined && now < this.#agreeUntil;
    if (mayWait && keeping.some(({ bfd }) => !bfd.mayBeLeft)) {
      this.#later(POLL, () => this.#end());
      return;
    }
    const absence = micros(Math.max(0, ...keeping.map(absenceOf)));
    const sessions = keeping.flatMap((peer) => {
      peer.stop("restart");
      return peer.bfd.bequeath(now) ?? [];
    });
    for (const peer of this.#parts.peers()) {
      if (keeping.includes(peer)) continue;
      peer.stop("administrative-shutdown", this.#leave.communication);
      // It is on purpose for BFD, too.
      peer.bfd.leave(now);
    }
    this.#later(FAREWELL, () => this.#done({ sessions, until: after(now, absence) }));
  }

  #later(delay: Duration, run: (now: Instant) => void): void {
    this.#parts.deadlines.set("bgp leave", after(this.#parts.now(), delay), run);
  }

  /** Waits until peers have been sent what is in their tables, for a while. */
  #whenSent(run: () => void): void {
    const limit = after(this.#parts.now(), LONGEST_SENDING);
    const look = (): void => {
      const isSent = [...this.#parts.peers()].every(
        ({ channel, rib }) => channel === undefined || (rib.pending === 0 && channel.waiting() === 0),
      );
      if (isSent || this.#parts.now() >= limit) run();
      else this.#later(POLL, look);
    };
    this.#parts.routes.whenEmpty(look);
  }
}
