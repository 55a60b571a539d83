/** What the probes saw, as they print it. */
import type { Duration, Instant } from "#base/time";

/** One HTTP request: when it began, how long it took, and who answered or why nobody did. */
export type HttpRequest = {
  readonly at: Instant;
  readonly took: Duration;
  /** What the backend says its name is; `undefined` when the request failed. */
  readonly backend?: string;
  /** An error code such as `ECONNRESET`, or `HTTP 503`; `undefined` when the request succeeded. */
  readonly error?: string;
  /** The client's own port; `undefined` when it got none, or kept an older connection. */
  readonly port?: number;
};

export type HttpRecord = { readonly requests: readonly HttpRequest[] };

/** Datagrams sent through the balancer and echoed by the backends. */
export type UdpRecord = {
  readonly sent: number;
  /** When answers arrived, in order. */
  readonly answers: readonly Instant[];
  /** How many answers each backend gave. */
  readonly byBackend: Readonly<Record<string, number>>;
};

/** One long download. It is whole when every byte arrived and was the right one. */
export type Download = {
  readonly at: Instant;
  readonly took: Duration;
  readonly bytes: number;
  readonly whole: boolean;
  readonly backend?: string;
  readonly error?: string;
  /** The client's own port; `undefined` when it got none. */
  readonly port?: number;
};

export type DownloadsRecord = { readonly downloads: readonly Download[] };
