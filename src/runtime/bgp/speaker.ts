/** All peers of this machine, and the routes that they are told. See the folder's `index.ts` for what its owner does. */
import type { InterfaceAddress } from "#base/prefix";
import { type Instant, micros } from "#base/time";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import type { Damped } from "#core/bgp/rib-out/feed";
import type { Standing } from "#core/bgp/rib-out/left-out";
import { Feeding } from "./feeding.ts";
import { type Leave, Leaving, type Left } from "./leaving.ts";
import { Listening, type ListeningState } from "./listening.ts";
import { Neighbors } from "./neighbors.ts";
import type { BgpSpeakerParts } from "./parts.ts";
import { Peer } from "./peer.ts";
import type { Whereabouts } from "./peer-word.ts";
import { type RouteChanges, RouteQueue } from "./route-queue.ts";
import { type PeerSnapshot, snapshotOf } from "./snapshot.ts";

const DEFAULT_SETTINGS: BgpSettings = { listen: undefined, drainTime: micros(0) };

export class BgpSpeaker {
  readonly #parts: BgpSpeakerParts;
  readonly #peers = new Map<string, Peer>();
  readonly #feeding: Feeding;
  readonly #listening: Listening;
  readonly #routes: RouteQueue;
  readonly #neighbors: Neighbors;
  #settings = DEFAULT_SETTINGS;
  #routesAre: "partial" | "complete" = "partial";
  /** Whether peers were told before, so that those who come now have nothing of an earlier process. */
  #hasPeers = false;
  #leaving: Leaving | undefined;

  constructor(parts: BgpSpeakerParts) {
    this.#parts = parts;
    this.#feeding = new Feeding(parts);
    this.#listening = new Listening(parts);
    this.#neighbors = new Neighbors({ ...parts, onRouter: (name, now) => this.#locate(name, now) });
    this.#routes = new RouteQueue({ ...parts, onFed: () => this.#wakeAll() });
  }

  /** How the speaker itself is to be from now on. */
  setSettings(settings: BgpSettings, now: Instant): void {
    this.#settings = settings;
    this.#listen(now);
  }

  /** Talks to exactly these peers from now on. Sessions whose peers did not change are not touched. */
  setPeers(words: readonly PeerWord[], now: Instant): void {
    const wanted = new Map(words.map((word) => [word.name, word]));
    for (const peer of [...this.#peers.values()]) if (!wanted.has(peer.name)) this.#remove(peer);
    for (const word of wanted.values()) {
      const known = this.#peers.get(word.name);
      if (known === undefined) this.#add(word);
      else known.configure(word, this.#whereOf(word));
    }
    if (words.length > 0) this.#hasPeers = true;
    const interfaces = words.flatMap(({ neighbor }) =>
      neighbor.type === "interface" ? [neighbor.name] : [],
    );
    this.#neighbors.watch(new Set(interfaces), now);
    this.#listen(now);
  }

  /** Takes note of routes; of prefixes in both lists what is in `changed` counts. */
  route(changes: RouteChanges): void {
    this.#routes.set(changes);
  }

  /** Everything there is has been told: peers may drop what they kept of an earlier process. */
  routesComplete(): void {
    this.#routes.whenEmpty(() => {
      this.#routesAre = "complete";
      for (const peer of this.#peers.values()) peer.routesComplete();
    });
  }

  /** Interfaces of this machine or their addresses are others than before. */
  linksChanged(now: Instant): void {
    this.#neighbors.linksChanged(now);
    for (const peer of this.#peers.values()) peer.linksChanged();
    this.#listen(now);
  }

  /** Every peer, as it is now. */
  peers(): readonly PeerSnapshot[] {
    return [...this.#peers.values()].map(snapshotOf);
  }

  /** How it stands with a prefix and a peer; `undefined`: there is no such peer. */
  standing(peer: string, prefix: InterfaceAddress): Standing | undefined {
    return this.#peers.get(peer)?.rib.standing(prefix);
  }

  /** Prefixes that are announced to nobody for now, because they came and went too often. */
  damped(): readonly Damped[] {
    return this.#routes.damped();
  }

  /** Where peers can connect to us, and where they cannot. */
  listening(): readonly ListeningState[] {
    return this.#listening.states();
  }

  /**
   * Ends all sessions as `leaving.ts` says; `done` is called once they are over, with what is for the next run. What is told meanwhile
   * still counts.
   */
  leave(leave: Leave, done: (left: Left) => void): void {
    if (this.#leaving !== undefined) return;
    this.#listening.close();
    const parts = { ...this.#parts, peers: () => this.#peers.values(), routes: this.#routes };
    this.#leaving = new Leaving(parts, leave, done);
    this.#leaving.start(this.#settings.drainTime);
  }

  /** Ends at once: connections are closed without a word, as if the process had ended. */
  close(): void {
    this.#leaving?.cancel();
    this.#listening.close();
    this.#neighbors.close();
    this.#feeding.close();
    this.#routes.close();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #add(word: PeerWord): void {
    const start = this.#hasPeers ? "fresh" : this.#parts.start;
    const peer = new Peer(word, { ...this.#parts, start, onWork: (each) => this.#feeding.wake(each) });
    this.#peers.set(word.name, peer);
    this.#routes.addPeer(word.name, peer.rib);
    this.#routes.whenEmpty(() => {
      if (this.#routesAre === "complete" && this.#peers.get(word.name) === peer) peer.routesComplete();
    });
    const where = this.#whereOf(word);
    if (where !== undefined && this.#leaving === undefined) peer.start(where);
  }

  #whereOf({ neighbor }: PeerWord): Whereabouts | undefined {
    return neighbor.type === "address"
      ? { address: neighbor.address, link: undefined }
      : this.#neighbors.find(neighbor.name);
  }

  /** The router at the end of a link is another one. */
  #locate(name: string, now: Instant): void {
    if (this.#leaving !== undefined) return;
    const where = this.#neighbors.find(name);
    for (const peer of this.#peers.values()) {
      const { neighbor } = peer.word;
      if (neighbor.type !== "interface" || neighbor.name !== name) continue;
      this.#parts.tell({ type: "neighbor", peer: peer.name, address: where?.address }, now);
      peer.locate(where);
    }
    this.#listen(now);
  }

  #remove(peer: Peer): void {
    this.#routes.removePeer(peer.name);
    this.#feeding.forget(peer);
    peer.stop("peer-removed");
    peer.close();
    this.#peers.delete(peer.name);
  }

  #listen(now: Instant): void {
    if (this.#leaving === undefined)
      this.#listening.set(this.#settings.listen, [...this.#peers.values()], now);
  }

  #wakeAll(): void {
    for (const peer of this.#peers.values()) if (peer.rib.pending > 0) this.#feeding.wake(peer);
  }
}
