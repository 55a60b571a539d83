/** Routes on their way into the tables of peers: in slices, past the damping, and announced as going before a planned end. */

import type { InterfaceAddress } from "#base/prefix";
import { after, type Instant, millis } from "#base/time";
import type { RouteWord } from "#core/bgp/desired";
import { lastResort } from "#core/bgp/last-resort";
import { DEFAULT_DAMPING } from "#core/bgp/rib-out/damping";
import { type Damped, RouteFeed } from "#core/bgp/rib-out/feed";
import { type PrefixKey, prefixKey } from "#core/bgp/rib-out/prefix-key";
import type { RibOut } from "#core/bgp/rib-out/rib-out";
import type { BgpSpeakerParts } from "./parts.ts";

/** What is different from what was told before. */
export type RouteChanges = {
  readonly changed: readonly RouteWord[];
  readonly removed: readonly InterfaceAddress[];
};

type Task =
  | { readonly type: "change"; readonly word: RouteWord }
  /** What is announced already, once more. */
  | { readonly type: "again"; readonly key: PrefixKey }
  | { readonly type: "remove"; readonly prefix: InterfaceAddress };

const keyOf = (task: Task): PrefixKey => {
  if (task.type === "again") return task.key;
  return prefixKey(task.type === "change" ? task.word.prefix : task.prefix);
};

/** Then whatever else waits in the event loop has its turn. */
const SLICE = millis(2);
/** Routes that go into the tables together. */
const ROUTES_AT_ONCE = 16;

type Parts = Pick<BgpSpeakerParts, "deadlines" | "now" | "tell"> & {
  /** Tables have changed. */
  readonly onFed: () => void;
};

export class RouteQueue {
  readonly #parts: Parts;
  readonly #feed = new RouteFeed(DEFAULT_DAMPING);
  readonly #damped = new Set<PrefixKey>();
  #tasks: Task[] = [];
  #done = 0;
  #phase: "announced" | "going" | "gone" = "announced";
  #onEmpty: (() => void)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes note of routes; they are in the tables soon. */
  set({ changed, removed }: RouteChanges): void {
    for (const prefix of removed) this.#tasks.push({ type: "remove", prefix });
    for (const word of changed) this.#tasks.push({ type: "change", word });
    this.#schedule();
  }

  /** Announces everything as going from now on. */
  announceAsGoing(): void {
    this.#phase = "going";
    // Words that wait come before, and are fed as going themselves.
    for (const key of this.#feed.keys()) this.#tasks.push({ type: "again", key });
    this.#schedule();
  }

  /** Withdraws everything, and takes note of nothing any more. */
  withdraw(): void {
    this.#phase = "gone";
    this.#tasks = [];
    this.#done = 0;
    for (const key of this.#feed.keys()) this.#tasks.push({ type: "again", key });
    this.#schedule();
  }

  /** Calls back once all that was told by now is in the tables; perhaps at once. */
  whenEmpty(run: () => void): void {
    if (this.#isEmpty) run();
    else this.#onEmpty.push(run);
  }

  /** Gives a table, which is new, all that is for its peer, soon. */
  addPeer(name: string, rib: RibOut): void {
    this.#feed.addPeer(name, rib);
    this.#schedule();
  }

  removePeer(name: string): void {
    this.#feed.removePeer(name);
  }

  damped(): readonly Damped[] {
    return this.#feed.damped();
  }

  heldUntil(prefix: InterfaceAddress): Instant | undefined {
    return this.#feed.heldUntil(prefix);
  }

  get size(): number {
    return this.#feed.size;
  }

  close(): void {
    this.#tasks = [];
    this.#parts.deadlines.set("bgp routes", undefined, this.#onTurn);
    this.#parts.deadlines.set("bgp damping", undefined, this.#onDamping);
  }

  get #isEmpty(): boolean {
    return this.#tasks.length === 0 && !this.#feed.isLoading;
  }

  #schedule(): void {
    const at = this.#isEmpty ? undefined : this.#parts.now();
    this.#parts.deadlines.set("bgp routes", at, this.#onTurn);
  }

  readonly #onTurn = (): void => {
    const limit = after(this.#parts.now(), SLICE);
    while (!this.#isEmpty && this.#parts.now() < limit) {
      if (this.#feed.isLoading) this.#feed.load(ROUTES_AT_ONCE);
      const slice = this.#tasks.slice(this.#done, this.#done + ROUTES_AT_ONCE);
      this.#done += slice.length;
      if (slice.length > 0) this.#feedSome(slice, this.#parts.now());
      if (this.#done < this.#tasks.length) continue;
      this.#tasks = [];
      this.#done = 0;
    }
    if (this.#isEmpty) for (const run of this.#onEmpty.splice(0)) run();
    this.#schedule();
    this.#parts.deadlines.set("bgp damping", this.#feed.deadline, this.#onDamping);
    this.#parts.onFed();
  };

  /** In order: of a prefix that is told of twice, the last word counts. */
  #feedSome(tasks: readonly Task[], now: Instant): void {
    const lastByKey = new Map<PrefixKey, Task>();
    for (const task of tasks) {
      const key = keyOf(task);
      if (task.type !== "again" || !lastByKey.has(key)) lastByKey.set(key, task);
    }
    const changed: RouteWord[] = [];
    const removed: InterfaceAddress[] = [];
    for (const [key, task] of lastByKey) {
      // What it is announced with now is kept in the tables alone, in which equal things are one.
      const word = task.type === "change" ? task.word : this.#feed.word(key);
      if (word === undefined) continue;
      if (task.type === "remove" || this.#phase === "gone") removed.push(word.prefix);
      else changed.push(this.#asAnnounced(word));
    }
    this.#feed.set({ changed, removed }, now);
    for (const { prefix } of changed) this.#tellDamped(prefix, now);
  }

  #asAnnounced(word: RouteWord): RouteWord {
    if (this.#phase === "announced") return word;
    const targets = word.targets.map(({ peers, attributes }) => ({
      peers,
      attributes: lastResort(attributes),
    }));
    return { ...word, targets };
  }

  #tellDamped(prefix: InterfaceAddress, now: Instant): void {
    const until = this.#feed.heldUntil(prefix);
    const key = prefixKey(prefix);
    if (until === undefined || this.#damped.has(key)) return;
    this.#damped.add(key);
    this.#parts.tell({ type: "damped", prefix, until }, now);
  }

  readonly #onDamping = (now: Instant): void => {
    this.#feed.step(now);
    const held = new Set(this.#feed.damped().map(({ prefix }) => prefixKey(prefix)));
    for (const key of this.#damped) {
      if (held.has(key)) continue;
      this.#damped.delete(key);
      const word = this.#feed.word(key);
      if (word !== undefined)
        this.#parts.tell({ type: "damped", prefix: word.prefix, until: undefined }, now);
    }
    this.#parts.deadlines.set("bgp damping", this.#feed.deadline, this.#onDamping);
    this.#parts.onFed();
  };
}
