/** What is asked of an API server. */

/** A kind of object as the API server's paths name it. */
export type Resource = {
  /** `""` for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in paths: `services`. */
  readonly plural: string;
  readonly namespaced: boolean;
};

/** Why a request came to nothing. */
export type Failure = {
  readonly reason:
    | "unreachable" // no connection, reset, timed out
    | "unauthorized" // 401, after the credentials were read again
    | "forbidden" // 403
    | "not-found" // 404
    | "conflict" // 409
    | "gone" // 410
    | "invalid" // 400, 422
    | "throttled" // 429
    | "server-error"; // 5xx and what cannot be understood
  /** Of the HTTP answer; 0 where there was none. */
  readonly status: number;
  /** The server's message, at most 1,024 characters. Never holds credentials. */
  readonly message: string;
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfter: number | undefined;
};

export type Answer =
  | { readonly ok: true; readonly status: number; readonly body: unknown }
  | { readonly ok: false; readonly failure: Failure };

/** The object or list that a request is about. */
export type Target = {
  readonly resource: Resource;
  /** Needed for one object of a namespaced kind; for a list, `undefined` means all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: "status";
};

export type Write =
  | { readonly verb: "create"; readonly body: unknown }
  /** Replaces the object; a stale `metadata.resourceVersion` in the body is answered by `conflict`. */
  | { readonly verb: "update"; readonly body: unknown }
  | {
      readonly verb: "patch";
      readonly body: unknown;
      /**
       * `strategic` merges lists by their keys, as built-in kinds have them, and is refused for custom resources; `apply` is
       * server-side apply in the name of `fieldManager`.
       */
      readonly type: "merge" | "strategic" | "json" | "apply";
      readonly fieldManager?: string;
      /** With `apply`: whether to take fields over from others. */
      readonly force?: boolean;
    }
  | { readonly verb: "delete"; readonly uid?: string };

/** What a watch tells. Every call is made from the event loop, never while `watch` itself runs. */
export type Sink<Item> = {
  /** An object is new or differs from the one kept before, which is given as well. */
  changed(item: Item, before: Item | undefined): void;
  removed(before: Item): void;
  /** All objects have been told once, at first and after each interruption that made a new list necessary. */
  synced(): void;
  /** Reading has stopped for a reason and will be tried again in `again` milliseconds; `undefined` once it goes on. */
  trouble(trouble: { readonly failure: Failure; readonly again: number } | undefined): void;
};

export type WatchOptions<Item> = {
  readonly resource: Resource;
  /** `undefined` watches all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What is kept of an object as parsed from JSON; `undefined` leaves it out. Called once for each version. */
  readonly project: (object: unknown) => Item | undefined;
  /** The key under which the item is kept: `namespace/name` or `name`. */
  readonly keyOf: (item: Item) => string;
  /** Whether two versions of an object are the same for all that we read. */
  readonly isSame?: (left: Item, right: Item) => boolean;
};

/** A running watch and the mirror that it keeps. */
export type Watch<Item> = {
  readonly items: ReadonlyMap<string, Item>;
  /** Whether the mirror has been complete at least once. */
  readonly isSynced: boolean;
  close(): void;
};

export type ClusterPort = {
  /** Reads one object or list. Not repeated by itself. */
  read(target: Target): Promise<Answer>;
  /**
   * Sends one write. Not repeated by itself, since only the caller knows whether it may be. `mayStill` is asked right before
   * it is sent, which may be some time after the call: if it says no, nothing is sent, and the failure is `unreachable`.
   */
  write(target: Target, write: Write, mayStill?: () => boolean): Promise<Answer>;
  /** Keeps a mirror of all objects of a kind, whatever happens to the connection. */
  watch<Item>(options: WatchOptions<Item>, sink: Sink<Item>): Watch<Item>;
  close(): void;
};
