/** From the routes of this machine to the tables of its peers, past the damping. */
import type { InterfaceAddress } from "#base/prefix";
import { earliest, type Instant } from "#base/time";
import type { RouteWord } from "../desired.ts";
import { Damping, type DampingConfig } from "./damping.ts";
import type { PeerChanges, PeerRoute } from "./peer-route.ts";
import { type PrefixKey, prefixKey } from "./prefix-key.ts";
import type { RibOut } from "./rib-out.ts";
import { Sharing } from "./sharing.ts";

/** What is different from what was fed before. Removals come first. */
export type RouteChanges = {
  readonly changed: readonly RouteWord[];
  readonly removed: readonly InterfaceAddress[];
};

/** A prefix that is announced to nobody for now, because it came and went too often. */
export type Damped = { readonly prefix: InterfaceAddress; readonly until: Instant };

/** For some peers the same route. */
type Target = { readonly peers: readonly string[]; readonly route: PeerRoute };

type Fed = { readonly prefix: InterfaceAddress; readonly targets: readonly Target[] };

type Batch = { readonly changed: PeerRoute[]; readonly removed: PrefixKey[] };

const NO_TARGETS: readonly Target[] = [];

/** What a peer is to know; the first target that names it counts. */
const routeFor = (peer: string, targets: readonly Target[]): PeerRoute | undefined =>
  targets.find(({ peers }) => peers.includes(peer))?.route;

/** Collects what is different for each peer. */
class Batches {
  readonly #byPeer = new Map<string, Batch>();

  add(key: PrefixKey, before: readonly Target[], after: readonly Target[]): void {
    for (const { peers } of before)
      for (const peer of peers) if (routeFor(peer, after) === undefined) this.#of(peer).removed.push(key);
    for (const { peers, route } of after)
      for (const peer of peers)
        if (routeFor(peer, before)?.attributes !== route.attributes && routeFor(peer, after) === route)
          this.#of(peer).changed.push(route);
  }

  get all(): Iterable<readonly [string, PeerChanges]> {
    return this.#byPeer;
  }

  #of(peer: string): Batch {
    const known = this.#byPeer.get(peer);
    if (known !== undefined) return known;
    const batch: Batch = { changed: [], removed: [] };
    this.#byPeer.set(peer, batch);
    return batch;
  }
}

/** All routes of this machine, and the tables of the peers that are to know of them. */
export class RouteFeed {
  readonly #fed = new Map<PrefixKey, Fed>();
  readonly #ribs = new Map<string, RibOut>();
  /** Peers whose tables lack something, with where each has come to. */
  readonly #loading = new Map<string, Iterator<[PrefixKey, Fed]>>();
  readonly #sharing = new Sharing();
  readonly #damping: Damping | undefined;
  readonly #held = new Map<PrefixKey, Instant>();

  /** `undefined` damps nothing. */
  constructor(damping: DampingConfig | undefined) {
    this.#damping = damping === undefined ? undefined : new Damping(damping);
  }

  /** How many prefixes there are, held ones among them. */
  get size(): number {
    return this.#fed.size;
  }

  /** The keys of all prefixes, held ones among them. */
  keys(): Iterable<PrefixKey> {
    return this.#fed.keys();
  }

  /** What was fed of a prefix last; `undefined`: nothing, or it was removed. */
  word(key: PrefixKey): RouteWord | undefined {
    const fed = this.#fed.get(key);
    if (fed === undefined) return undefined;
    const targets = fed.targets.map(({ peers, route }) => ({ peers, attributes: route.attributes }));
    return { prefix: fed.prefix, targets };
  }

  /** Tells a peer's table, which is new, of what changes from now on; `load` gives it what there is. */
  addPeer(peer: string, rib: RibOut): void {
    this.#ribs.set(peer, rib);
    if (this.#fed.size > 0) this.#loading.set(peer, this.#fed.entries());
  }

  /** Whether a table lacks something that was fed before its peer came. */
  get isLoading(): boolean {
    return this.#loading.size > 0;
  }

  /** Gives one of the tables that lack something the next `most` prefixes, those that are for others among them. */
  load(most: number): void {
    const [next] = this.#loading;
    if (next === undefined) return;
    const [peer, entries] = next;
    const changed: PeerRoute[] = [];
    for (let left = most; left > 0; left -= 1) {
      // Goes on where it was whatever is fed meanwhile, and meets what is new at the end, perhaps for the second time.
      const { value, done } = entries.next();
      if (done === true) {
        this.#loading.delete(peer);
        break;
      }
      const [key, { targets }] = value;
      const route = this.#held.has(key) ? undefined : routeFor(peer, targets);
      if (route !== undefined) changed.push(route);
    }
    this.#ribs.get(peer)?.set({ changed, removed: [] });
  }

  /** Tells a peer's table of nothing any more. */
  removePeer(peer: string): void {
    this.#ribs.delete(peer);
    this.#loading.delete(peer);
  }

  /** Takes note of routes, and tells the tables. */
  set({ changed, removed }: RouteChanges, now: Instant): void {
    const batches = new Batches();
    for (const prefix of removed) this.#remove(prefixKey(prefix), now, batches);
    for (const word of changed) this.#change(word, now, batches);
    this.#flush(batches);
  }

  /** When `step` is to be called; `undefined`: nothing is held. */
  get deadline(): Instant | undefined {
    let first: Instant | undefined;
    for (const until of this.#held.values()) first = earliest(first, until);
    return first;
  }

  /** Announces what was held long enough. */
  step(now: Instant): void {
    const batches = new Batches();
    for (const [key, until] of this.#held) {
      if (until > now) continue;
      this.#held.delete(key);
      batches.add(key, NO_TARGETS, this.#fed.get(key)?.targets ?? NO_TARGETS);
    }
    this.#flush(batches);
  }

  /** The prefixes that are held. */
  damped(): readonly Damped[] {
    return [...this.#held].flatMap(([key, until]) => {
      const fed = this.#fed.get(key);
      return fed === undefined ? [] : [{ prefix: fed.prefix, until }];
    });
  }

  /** Until when a prefix is held; `undefined` if it is not. */
  heldUntil(prefix: InterfaceAddress): Instant | undefined {
    return this.#held.get(prefixKey(prefix));
  }

  #remove(key: PrefixKey, now: Instant, batches: Batches): void {
    const fed = this.#fed.get(key);
    if (fed === undefined) return;
    this.#fed.delete(key);
    this.#damping?.gone(key, now);
    if (!this.#held.delete(key)) batches.add(key, fed.targets, NO_TARGETS);
  }

  #change(word: RouteWord, now: Instant, batches: Batches): void {
    const key = prefixKey(word.prefix);
    const before = this.#fed.get(key);
    const targets = this.#targetsOf(key, word);
    this.#fed.set(key, { prefix: word.prefix, targets });
    if (before === undefined) {
      const until = this.#damping?.heldUntil(key, now);
      if (until !== undefined) this.#held.set(key, until);
    }
    if (!this.#held.has(key)) batches.add(key, before?.targets ?? NO_TARGETS, targets);
  }

  #targetsOf(key: PrefixKey, { prefix, targets }: RouteWord): readonly Target[] {
    return targets.map(({ peers, attributes }) => ({
      peers: this.#sharing.peers(peers),
      route: { key, prefix, attributes: this.#sharing.attributes(attributes) },
    }));
  }

  #flush(batches: Batches): void {
    for (const [peer, changes] of batches.all) this.#ribs.get(peer)?.set(changes);
  }
}
