/**
 * Keeps a mirror of all objects of a kind, whatever happens to the connection.
 *
 * ```
 *              +------------ no version, or the version is too old -------------+
 *              v                                                                |
 *     +-----------------+   complete    +-----------------+                     |
 *     |      list       |-------------->|     follow      |---------------------+
 *     | (one stream, or |  a version    |  (watch from    |----+
 *     |    in pages)    |  is known     |  the version)   |    | ended, cut,
 *     +-----------------+               +-----------------+<---+ failed: after a wait
 *         ^         |
 *         +---------+ failed: after a wait
 * ```
 *
 * The list comes as a watch that sends what is there first (WatchList), which neither side has to hold in memory as a
 * whole; servers that do not know that are asked for pages. A stream that the server ends without a word is
 * normal: it does so every few minutes, and under load. Reading goes on from the last version that was heard of.
 */
import { type Duration, micros, millis, seconds, toMillis } from "#base/time";
import type { Backoff } from "#core/kubernetes/backoff";
import type { Client } from "./client.ts";
import { unreachable } from "./failure.ts";
import type { Interner } from "./intern.ts";
import { isFields } from "./json.ts";
import { Pages } from "./list-pages.ts";
import { losePatience } from "./list-patience.ts";
import { Mirror } from "./mirror.ts";
import { pathOf, type Query } from "./paths.ts";
import type { Failure, Sink, Watch, WatchOptions } from "./port.ts";
import type { Lines, LinesEnd } from "./read-lines.ts";
import { MOST_FRUITLESS, Setbacks } from "./setbacks.ts";
import { pause, type Time } from "./time.ts";
import { nextTurn, type Turns } from "./turns.ts";
import { parseWatchEvent } from "./watch-event.ts";

/** What every watch of a client shares. */
export type Surroundings = {
  readonly client: Client;
  readonly time: Time;
  readonly turns: Turns;
  readonly interner: Interner;
  /** Waits after failures. */
  readonly backoff: Backoff;
  /** The longest line, and so the largest object, that is taken; in bytes. */
  readonly longestLine: number;
  /** Called for each object that is read. */
  readonly onRead: () => void;
};

/** Waits after failures, unless others are asked for. */
export const WATCH_BACKOFF: Backoff = { first: millis(500), most: seconds(30) };

/** API servers end watches after 5 to 10 minutes; we ask for the same, each watch for another time. */
const SHORTEST_WATCH = 300;
/** A server that ignores what it was asked for is left so much later. */
const WATCH_GRACE = seconds(30);
/** A stream that ended sooner is not opened again at once. */
const SHORTEST_LIFE = seconds(1);

/** How one attempt ended. */
type Outcome =
  | { readonly type: "ended" }
  /** To be tried again at once, differently. */
  | { readonly type: "otherwise" }
  | { readonly type: "failed"; readonly failure: Failure };

const ENDED: Outcome = { type: "ended" };
const OTHERWISE: Outcome = { type: "otherwise" };
const failed = (failure: Failure): Outcome => ({ type: "failed", failure });
const ended = (end: LinesEnd): Outcome => (end.type === "failed" ? failed(end.failure) : ENDED);

class Reflector<Item> {
  readonly mirror: Mirror<Item>;
  isSynced = false;
  readonly #options: WatchOptions<Item>;
  readonly #sink: Sink<Item>;
  readonly #around: Surroundings;
  readonly #closing = new AbortController();
  #lines: Lines | undefined;
  /** Where to go on; `undefined` when everything must be read. */
  #version: string | undefined;
  #listing: "stream" | "pages" = "stream";
  readonly #pages = new Pages();
  /** Lists as a stream that ended before they were complete, in a row. */
  #shortLists = 0;
  readonly #setbacks: Setbacks;
  #isTroubled = false;
  /** Whether this attempt has brought anything. */
  #hasProgress = false;

  constructor(options: WatchOptions<Item>, sink: Sink<Item>, around: Surroundings) {
    this.#options = options;
    this.#sink = this.#untilClosed(sink);
    this.#around = around;
    this.#setbacks = new Setbacks(around.backoff);
    this.mirror = new Mirror(options, this.#sink, around.interner);
  }

  /** Whoever has closed a watch hears nothing of it any more, even if it was closed by one of the calls. */
  #untilClosed(sink: Sink<Item>): Sink<Item> {
    const unless = (call: () => void): void => {
      if (!this.#isClosed) call();
    };
    return {
      changed: (item, before) => unless(() => sink.changed(item, before)),
      removed: (before) => unless(() => sink.removed(before)),
      synced: () => unless(() => sink.synced()),
      trouble: (trouble) => unless(() => sink.trouble(trouble)),
    };
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  close(): void {
    this.#closing.abort();
    this.#lines?.cancel();
  }

  async run(): Promise<void> {
    const { time } = this.#around;
    await nextTurn();
    while (!this.#isClosed) {
      const beganAt = time.now();
      this.#hasProgress = false;
      const outcome = await this.#attempt();
      if (this.#isClosed) return;
      if (outcome.type === "otherwise") continue;
      const life = micros(time.now() - beganAt);
      this.#setbacks.noteLife(life);
      if (outcome.type === "ended" && life >= SHORTEST_LIFE) continue;
      await this.#waitAfter(outcome);
    }
  }

  #attempt(): Promise<Outcome> {
    if (this.#version !== undefined) return this.#follow(this.#version);
    return this.#listing === "stream" ? this.#listAsStream() : this.#listInPages();
  }

  async #waitAfter(outcome: Exclude<Outcome, { type: "otherwise" }>): Promise<void> {
    const { time } = this.#around;
    const failure =
      outcome.type === "failed" ? outcome.failure : unreachable("the server ended the watch at once");
    const { wait, isVersionUseless } = this.#setbacks.judge(failure, {
      hasProgress: this.#hasProgress,
      spread: time.random(),
    });
    if (isVersionUseless) this.#version = undefined;
    // An end without a word after something was heard is no trouble, only too soon.
    const isTrouble = outcome.type === "failed" || !this.#hasProgress;
    const ended = pause(time, wait, this.#closing.signal);
    if (isTrouble) {
      this.#isTroubled = true;
      this.#sink.trouble({ failure, again: toMillis(wait) });
    }
    await ended;
  }

  /** The server goes on: whatever the trouble was, it is over. */
  #clearTrouble(): void {
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    this.#sink.trouble(undefined);
  }

  #path(query: Query): string {
    const { resource, namespace, labelSelector, fieldSelector } = this.#options;
    return pathOf(
      { resource, ...(namespace === undefined ? {} : { namespace }) },
      { ...query, labelSelector, fieldSelector },
    );
  }

  #watchQuery(): { readonly query: Query; readonly limit: Duration } {
    const { time } = this.#around;
    const timeoutSeconds = SHORTEST_WATCH + Math.floor(time.random() * SHORTEST_WATCH);
    return {
      query: { watch: "true", allowWatchBookmarks: "true", timeoutSeconds: `${timeoutSeconds}` },
      limit: micros(seconds(timeoutSeconds) + WATCH_GRACE),
    };
  }

  #synced(version: string): void {
    this.#version = version;
    this.#shortLists = 0;
    this.mirror.endList();
    this.isSynced = true;
    this.#sink.synced();
  }

  /** Reads a watch to its end. Gives the end, and the failure that an event told. */
  async #readWatch(
    path: string,
    { limit, isListing }: { limit: Duration; isListing: boolean },
  ): Promise<{ readonly end: LinesEnd; readonly failure: Failure | undefined; readonly listed: boolean }> {
    const { client, time, longestLine } = this.#around;
    const streaming = await client.open({ method: "GET", path });
    if (!streaming.ok)
      return { end: { type: "failed", failure: streaming.failure }, failure: undefined, listed: false };
    if (this.#isClosed) {
      streaming.cancel();
      return { end: { type: "cancelled" }, failure: undefined, listed: false };
    }
    let failure: Failure | undefined;
    let listed = !isListing;
    let heardAt = time.now();
    if (isListing) this.mirror.beginList();
    const onLine = (line: string): boolean => {
      if (line === "") return true;
      const event = parseWatchEvent(line, client.secrets());
      if (event.type === "failure") {
        failure = event.failure;
        return false;
      }
      this.#hasProgress = true;
      this.#clearTrouble();
      heardAt = time.now();
      this.#around.onRead();
      if (event.type === "put") this.mirror.put(event.object);
      else if (event.type === "remove") this.mirror.remove(event.object);
      else if (event.endsList && !listed) {
        listed = true;
        this.#synced(event.version);
      }
      // Within a list versions say nothing: the objects come in the order of their names.
      if (listed) this.#version = event.version;
      return !this.#isClosed;
    };
    const lines = streaming.read(onLine, longestLine);
    this.#lines = lines;
    const cancelLimit = time.later(limit, () => lines.cancel());
    const cancelPatience = losePatience(
      time,
      () => (listed ? undefined : heardAt),
      () => lines.cancel(),
    );
    // A quiet stream is a good one too, unless it ends at once.
    const cancelQuiet = time.later(SHORTEST_LIFE, () => this.#clearTrouble());
    const end = await lines.end;
    for (const cancel of [cancelLimit, cancelPatience, cancelQuiet]) cancel();
    this.#lines = undefined;
    return { end, failure, listed };
  }

  async #follow(version: string): Promise<Outcome> {
    const { query, limit } = this.#watchQuery();
    const path = this.#path({ ...query, resourceVersion: version });
    const { end, failure } = await this.#readWatch(path, { limit, isListing: false });
    if (failure !== undefined) return failed(failure);
    return ended(end);
  }

  async #listAsStream(): Promise<Outcome> {
    const { query, limit } = this.#watchQuery();
    const path = this.#path({
      ...query,
      sendInitialEvents: "true",
      resourceVersionMatch: "NotOlderThan",
    });
    const { end, failure, listed } = await this.#readWatch(path, { limit, isListing: true });
    if (failure === undefined && end.type === "failed" && end.failure.reason === "invalid")
      return this.#askForPages();
    if (listed || this.#isClosed) return failure === undefined ? ended(end) : failed(failure);
    // Servers on an etcd older than 3.4.31 or 3.5.13 know such lists, and answer each with an ERROR event of 500.
    if (failure !== undefined && failure.reason !== "server-error") return failed(failure);
    if (failure === undefined && end.type === "failed") return failed(end.failure);
    this.#shortLists += 1;
    // Servers that do not know what they were asked for send objects, or nothing, and never an end of the list.
    const isSilent = failure === undefined && end.type === "cancelled";
    if (isSilent || this.#shortLists >= MOST_FRUITLESS) return this.#askForPages();
    return failed(failure ?? unreachable("the server ended the list before it was complete"));
  }

  #askForPages(): Outcome {
    this.#listing = "pages";
    return OTHERWISE;
  }

  async #listInPages(): Promise<Outcome> {
    this.mirror.beginList();
    const paged = await this.#pages.read({
      ask: (query) => this.#around.client.ask({ method: "GET", path: this.#path(query) }),
      take: (objects) => this.#putAll(objects),
      isClosed: () => this.#isClosed,
    });
    if (paged.type === "failed") return failed(paged.failure);
    if (paged.type === "closed") return ENDED;
    this.#synced(paged.version);
    return OTHERWISE;
  }

  async #putAll(objects: readonly unknown[]): Promise<void> {
    this.#hasProgress = true;
    this.#clearTrouble();
    for (const object of objects) {
      this.#around.onRead();
      if (isFields(object)) this.mirror.put(object);
      if (!this.#around.turns.isOver()) continue;
      await nextTurn();
      if (this.#isClosed) return;
    }
  }
}

/** Starts a watch; its first call comes in a later turn of the event loop. */
export const reflect = <Item>(
  options: WatchOptions<Item>,
  sink: Sink<Item>,
  around: Surroundings,
): Watch<Item> => {
  const reflector = new Reflector(options, sink, around);
  void reflector.run();
  return {
    items: reflector.mirror.items,
    get isSynced() {
      return reflector.isSynced;
    },
    close: () => reflector.close(),
  };
};
