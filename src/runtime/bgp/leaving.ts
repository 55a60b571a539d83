/**
 * How everything ends on purpose. Peers that keep routes over a restart hear nothing, if it is one. The others are told that all
 * routes are going (RFC 8326), and after a while that they are gone, before the session ends.
 */
import { after, type Duration, type Instant, millis, seconds } from "#base/time";
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

/** How long it may take to send everything to peers that are slow to take it. */
const LONGEST_SENDING = seconds(5);
const POLL = millis(20);
/** The last messages leave the machine within this, if they can. */
const FAREWELL = millis(100);

export class Leaving {
  readonly #parts: Parts;
  readonly #leave: Leave;
  readonly #done: () => void;

  constructor(parts: Parts, leave: Leave, done: () => void) {
    this.#parts = parts;
    this.#leave = leave;
    this.#done = done;
  }

  /** Begins. With nobody to be told of it, it ends at once. */
  start(drainTime: Duration): void {
    const told = [...this.#parts.peers()].filter(
      (peer) => peer.channel !== undefined && !this.#keepsRoutes(peer),
    );
    for (const peer of this.#parts.peers())
      if (this.#keepsRoutes(peer)) this.#parts.routes.removePeer(peer.name);
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
    for (const peer of this.#parts.peers()) {
      const reason = this.#keepsRoutes(peer) ? "restart" : "administrative-shutdown";
      peer.stop(reason, this.#leave.communication);
      // It is on purpose for BFD, too.
      peer.bfd.leave(this.#parts.now());
    }
    this.#later(FAREWELL, this.#done);
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
