/** What users of the common address saw, as the load prints it. Times are on the machine's monotonic clock, in microseconds. */
import type { Duration, Instant } from "#base/time";

/** The label by which a load's ConfigMaps are found; its value is the load's name. */
export const LOAD_LABEL = "load";

/** One request, on a connection of its own. */
export type ApiRequest = {
  readonly at: Instant;
  readonly took: Duration;
  /** Whose certificate it was: a host's name. `undefined` when the request failed. */
  readonly by?: string | undefined;
  /** An error code such as `ECONNREFUSED`, or `HTTP 503`; `undefined` when the request succeeded. */
  readonly error?: string;
  /** What a PATCH wrote; `undefined` for a GET. */
  readonly count?: number;
};

/** A watch that began (without `count`), or what it told of a ConfigMap. */
export type Watched = { readonly at: Instant; readonly by?: string | undefined; readonly count?: number };

/** How a watch ended. */
export type WatchEnd = { readonly at: Instant; readonly reason: string };

export type ApiRecord = {
  readonly requests: readonly ApiRequest[];
  readonly watched: readonly Watched[];
  readonly ends: readonly WatchEnd[];
};

/** A watch on a connection that is never opened again. */
export type LongWatch = {
  /** Whose certificate it was: a host's name. */
  readonly by: string;
  /** The values of `count` that it told, in order. */
  readonly told: readonly string[];
  /** Why it ended; `undefined` while it lasts. */
  readonly ended?: string;
};
