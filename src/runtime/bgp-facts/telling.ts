/** From what a speaker of BGP observes to events that are worth a line: a session that comes and goes, why none comes about, what fails. */
import { formatInterfaceAddress } from "#base/prefix";
import type { Instant } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { Cause } from "#core/bgp/session/cause";
import type { BgpEvent } from "#core/speaker/bgp";
import type { BgpObservation } from "../bgp/parts.ts";
import { RecentlyTold } from "./recently-told.ts";

type Of<Type extends BgpObservation["type"]> = Extract<BgpObservation, { readonly type: Type }>;

/** Steps on the way to a session, and ends of connections that are on purpose: nobody has to hear of them. */
const ORDINARY: ReadonlySet<Cause["type"]> = new Set([
  ...(["start", "rest-over", "connect-retry", "bfd-up", "connected"] as const),
  ...(["open-received", "keepalive-received", "stop", "collision", "replaced", "not-wanted"] as const),
]);

export class BgpTelling {
  readonly #tell: (event: BgpEvent) => void;
  #words: ReadonlyMap<string, PeerWord> = new Map();
  /** Why no session comes about, by peer. */
  readonly #attempts = new RecentlyTold();
  readonly #limited = new Map<string, number>();
  readonly #troubles = new Map<string, string>();
  readonly #toldTroubles = new RecentlyTold();

  constructor(tell: (event: BgpEvent) => void) {
    this.#tell = tell;
  }

  /** These are the peers from now on, by name. */
  setPeers(words: ReadonlyMap<string, PeerWord>): void {
    for (const peer of this.#words.keys()) {
      if (words.has(peer)) continue;
      this.#attempts.forget(peer);
      this.#limited.delete(peer);
      this.#end(`BFD with peer ${peer}`);
      this.#tell({ type: "bgp-session", peer, to: "removed" });
    }
    this.#words = words;
  }

  hear(observation: BgpObservation, now: Instant): void {
    switch (observation.type) {
      case "session":
        this.#hearSession(observation, now);
        break;
      case "left-out":
        this.#hearLeftOut(observation);
        break;
      case "damped": {
        const { prefix, until } = observation;
        const state = until === undefined ? "ended" : "begun";
        this.#tell({ type: "bgp-damped", prefix: formatInterfaceAddress(prefix), state });
        break;
      }
      case "listening": {
        const { family, vrf, port, refused } = observation;
        const subject = `listening on port ${port} for ${family}${vrf === undefined ? "" : ` in VRF ${vrf}`}`;
        this.#trouble(subject, refused, now);
        break;
      }
      case "password-refused":
        this.#trouble("the password of a peer", observation.detail, now);
        break;
      case "bfd":
        this.#hearBfd(observation, now);
        break;
      case "neighbor":
        break;
    }
  }

  #hearSession({ peer, from, to, cause, text }: Of<"session">, now: Instant): void {
    // A peer that has just been removed is told of as that.
    if (!this.#words.has(peer)) return;
    if (to === "established") {
      this.#attempts.forget(peer);
      this.#tell({ type: "bgp-session", peer, to: "up" });
    } else if (from === "established") {
      this.#attempts.note(peer, text, now);
      this.#tell({ type: "bgp-session", peer, to: "down", cause, detail: text });
    } else if (!ORDINARY.has(cause) && this.#attempts.note(peer, text, now)) {
      this.#tell({ type: "bgp-attempt", peer, cause, detail: text });
    }
  }

  #hearLeftOut({ peer, leftOut }: Of<"left-out">): void {
    const isOver = leftOut.some(({ reason }) => reason === "over-limit");
    const most = this.#words.get(peer)?.mostRoutes ?? this.#limited.get(peer) ?? 0;
    const before = this.#limited.get(peer);
    if (isOver && before !== most) {
      this.#limited.set(peer, most);
      this.#tell({ type: "bgp-limit", peer, state: "begun", most });
    } else if (!isOver && before !== undefined) {
      this.#limited.delete(peer);
      this.#tell({ type: "bgp-limit", peer, state: "ended", most });
    }
  }

  #hearBfd({ peer, status, detail }: Of<"bfd">, now: Instant): void {
    const subject = `BFD with peer ${peer}`;
    if (status === "refused") {
      this.#trouble(subject, detail ?? "it cannot be had", now);
      return;
    }
    this.#end(subject);
    this.#tell({ type: "bgp-bfd", peer, to: status });
  }

  #trouble(subject: string, detail: string | undefined, now: Instant): void {
    if (detail === undefined) this.#end(subject);
    else if (this.#troubles.get(subject) !== detail && this.#toldTroubles.note(subject, detail, now)) {
      this.#troubles.set(subject, detail);
      this.#tell({ type: "bgp-trouble", subject, state: "begun", detail });
    }
  }

  #end(subject: string): void {
    this.#toldTroubles.forget(subject);
    if (this.#troubles.delete(subject)) this.#tell({ type: "bgp-trouble", subject, state: "ended" });
  }
}
