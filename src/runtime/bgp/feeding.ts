/** Sends peers what they are to be told: in turn, a little each, and never for long at a time. */
import { after, type Instant, millis } from "#base/time";
import type { BgpSpeakerParts } from "./parts.ts";
import type { Peer } from "./peer.ts";
import { sendSome } from "./telling.ts";

/** Then whatever else waits in the event loop has its turn. */
const SLICE = millis(2);

export class Feeding {
  readonly #parts: Pick<BgpSpeakerParts, "deadlines" | "now">;
  /** Peers that may be sent something, in the order of their turns. */
  readonly #hungry = new Set<Peer>();

  constructor(parts: Pick<BgpSpeakerParts, "deadlines" | "now">) {
    this.#parts = parts;
  }

  /** There may be something to be sent to a peer, or it takes more again. */
  wake(peer: Peer): void {
    if (this.#hungry.has(peer)) return;
    this.#hungry.add(peer);
    if (this.#hungry.size === 1) this.#schedule(this.#parts.now());
  }

  /** Sends a peer nothing any more. */
  forget(peer: Peer): void {
    this.#hungry.delete(peer);
  }

  close(): void {
    this.#hungry.clear();
    this.#schedule(undefined);
  }

  #schedule(at: Instant | undefined): void {
    this.#parts.deadlines.set("bgp feed", at, this.#onTurn);
  }

  readonly #onTurn = (): void => {
    const limit = after(this.#parts.now(), SLICE);
    let now = this.#parts.now();
    for (let [peer] = this.#hungry; peer !== undefined && now < limit; [peer] = this.#hungry) {
      this.#hungry.delete(peer);
      peer.settle(now);
      // Behind all others.
      if (sendSome(peer)) this.#hungry.add(peer);
      else {
        peer.caughtUp();
        peer.tellLeftOut(now);
      }
      now = this.#parts.now();
    }
    this.#schedule(this.#hungry.size === 0 ? undefined : now);
  };
}
