/**
 * An API server in memory, for tests of what talks to one.
 *
 * It knows versions and conflicts, status and main resource, the four kinds of patch, deletion with finalizers, selectors.
 * It knows no kind by itself: nothing is validated, defaulted or converted. Watches hear of a change in a later turn
 * (microtask), in the order in which it happened.
 */
import { type WallTime, wallTime } from "#base/time";
import { isSelected } from "./fake-selector.ts";
import { FakeStore, failureFor, keyOf } from "./fake-store.ts";
import { createInterner } from "./intern.ts";
import { type Fields, fieldsOf, textOf } from "./json.ts";
import { Mirror } from "./mirror.ts";
import type {
  Answer,
  ClusterPort,
  Failure,
  Resource,
  Sink,
  Target,
  Watch,
  WatchOptions,
  Write,
} from "./port.ts";

/** A request as the server got it. */
export type FakeRequest =
  | { readonly verb: "read"; readonly target: Target }
  | { readonly verb: Write["verb"]; readonly target: Target; readonly write: Write };

export type FakeCluster = ClusterPort & {
  readonly store: FakeStore;
  /** All requests so far, reads and writes; watches are not among them. */
  readonly requests: readonly FakeRequest[];
  /**
   * Every request goes through `decide` from now on: a failure is the answer, `undefined` lets it through, and `lost` carries
   * it out and loses the answer.
   */
  disturb(decide: ((request: FakeRequest) => Failure | "lost" | undefined) | undefined): void;
  /** Watches hear nothing from now on and are told of `failure`, until `resume`, which lists everything anew. */
  interrupt(failure: Failure, again: number): void;
  resume(): void;
  /** Creates or replaces an object, status included, as somebody else. */
  put(resource: Resource, object: Fields): Fields;
  /** Removes an object as somebody else. */
  remove(resource: Resource, key: string): void;
  /** Ends when all that has happened so far has been told to the watches. */
  settled(): Promise<void>;
};

type Follower = { interrupt(failure: Failure, again: number): void; list(): void; close(): void };

const follow = <Item>(
  store: FakeStore,
  options: WatchOptions<Item>,
  sink: Sink<Item>,
): { readonly follower: Follower; readonly watch: Watch<Item> } => {
  let [isClosed, isSynced, isInterrupted] = [false, false, false];
  const mirror = new Mirror(options, sink, createInterner());
  const later = (call: () => void): void =>
    queueMicrotask(() => {
      if (!isClosed) call();
    });
  const isMeant = (object: Fields): boolean =>
    isSelected(object, options) &&
    (options.namespace === undefined || fieldsOf(object.metadata).namespace === options.namespace);
  const stop = store.listen(options.resource, ({ type, object }) => {
    if (isInterrupted) return;
    later(() => {
      if (type !== "DELETED" && isMeant(object)) mirror.put(structuredClone(object));
      else mirror.remove(object);
    });
  });
  const follower: Follower = {
    interrupt: (failure, again) => {
      isInterrupted = true;
      later(() => sink.trouble({ failure, again }));
    },
    list: () => {
      const objects = structuredClone(store.list(options.resource)).filter(isMeant);
      const wasInterrupted = isInterrupted;
      isInterrupted = false;
      later(() => {
        if (wasInterrupted) sink.trouble(undefined);
        mirror.beginList();
        for (const object of objects) if (!isClosed) mirror.put(object);
        mirror.endList();
        isSynced = true;
        sink.synced();
      });
    },
    close: () => {
      isClosed = true;
      stop();
    },
  };
  follower.list();
  const watch: Watch<Item> = {
    items: mirror.items,
    get isSynced() {
      return isSynced;
    },
    close: () => follower.close(),
  };
  return { follower, watch };
};

/** An empty cluster. `now` stamps what is created. */
export const fakeCluster = ({
  now = () => wallTime(Date.UTC(2026, 0, 1)),
}: {
  readonly now?: () => WallTime;
} = {}): FakeCluster => {
  const store = new FakeStore(() => `${new Date(now()).toISOString().slice(0, 19)}Z`);
  const requests: FakeRequest[] = [];
  const followers = new Set<Follower>();
  let decide: ((request: FakeRequest) => Failure | "lost" | undefined) | undefined;

  const answer = async (request: FakeRequest, carryOut: () => Answer): Promise<Answer> => {
    requests.push(request);
    const decision = decide?.(request);
    if (typeof decision === "object") return { ok: false, failure: decision };
    const answered = structuredClone(carryOut());
    return decision === "lost" ? failureFor("unreachable", "the answer was lost") : answered;
  };

  return {
    store,
    requests,
    read: (target) => answer({ verb: "read", target }, () => store.read(target)),
    write: (target, write, mayStill) => {
      if (mayStill?.() === false)
        return Promise.resolve(failureFor("unreachable", "not sent: not allowed any more"));
      const sent: Write = structuredClone(write);
      return answer({ verb: write.verb, target, write: sent }, () => store.write(target, sent));
    },
    watch: (options, sink) => {
      const { follower, watch } = follow(store, options, sink);
      followers.add(follower);
      return watch;
    },
    close: () => {
      for (const follower of followers) follower.close();
      followers.clear();
    },
    disturb: (with_) => {
      decide = with_;
    },
    interrupt: (failure, again) => {
      for (const follower of followers) follower.interrupt(failure, again);
    },
    resume: () => {
      for (const follower of followers) follower.list();
    },
    put: (resource, object) => {
      const { resourceVersion: _, uid: __, ...metadata } = fieldsOf(object.metadata);
      const namespace = resource.namespaced ? { namespace: textOf(metadata.namespace) } : {};
      const target: Target = { resource, ...namespace, name: textOf(metadata.name) };
      const copy = structuredClone({ ...object, metadata });
      if (store.get(resource, keyOf(target)) === undefined)
        store.write(target, { verb: "create", body: copy });
      else store.write(target, { verb: "update", body: copy });
      if (object.status !== undefined)
        store.write({ ...target, subresource: "status" }, { verb: "update", body: copy });
      return store.get(resource, keyOf(target)) ?? {};
    },
    remove: (resource, key) => {
      const slash = key.indexOf("/");
      const namespace = slash < 0 ? {} : { namespace: key.slice(0, slash) };
      store.write({ resource, ...namespace, name: key.slice(slash + 1) }, { verb: "delete" });
    },
    settled: () => new Promise((resolve) => setImmediate(resolve)),
  };
};
