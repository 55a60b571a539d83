/** What a webhook server is given, and what it tells. */

/** Where to listen. */
export type ListenAddress = {
  /** `::` for every address of both families. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
};

/** What TLS needs, as PEM. */
export type ServerIdentity = { readonly certificate: string; readonly key: string };

/**
 * Gives the whole answer to a review, in its kind and version and with its uid: `response.allowed` for AdmissionReview,
 * `response.result` and `response.convertedObjects` for ConversionReview. What breaks that contract, and what it throws,
 * becomes a refusal. Of the review, kind, version and uid have been checked and nothing else. `undefined` for a path that
 * there is not.
 */
export type ReviewAnswer = (path: string, review: unknown) => unknown;

/** What a connection or a request came to grief by. A closed list, fit to be a label of a metric. */
export type TroubleReason =
  | "handshake" // TLS did not come about
  | "untrusted" // the client says that it does not trust our certificate: its caBundle is not ours
  | "crowded" // no room for the connection, or for the bytes of the request
  | "slow" // the request did not arrive, or the answer was not read, in time
  | "malformed" // not HTTP, not JSON, not a review
  | "too-large"
  | "unknown-path"
  | "answer-failed"; // our own mistake

export type Trouble = {
  readonly reason: TroubleReason;
  /** For people, at most 300 characters; holds nothing of what was sent but the path. */
  readonly detail: string;
  /** `""` when it is not known any more. */
  readonly from: string;
};

/** Bounds; times in milliseconds. */
export type WebhookLimits = {
  /** Open at once. */
  readonly connections: number;
  /** Of one request. */
  readonly bodyBytes: number;
  /** Of all requests that are being read or answered. */
  readonly heldBytes: number;
  readonly handshakeTime: number;
  /** From the first byte of a request to its last. */
  readonly requestTime: number;
  /** From the head of a request to the end of its answer. */
  readonly exchangeTime: number;
  /** Longer than the 90 s after which the API server closes idle connections itself, so that it never meets a closed one. */
  readonly idleTime: number;
  /** What is under way may take until it is cut when the server is closed. */
  readonly farewell: number;
};

export const DEFAULT_LIMITS: WebhookLimits = {
  connections: 256,
  bodyBytes: 8 * 1_048_576,
  heldBytes: 32 * 1_048_576,
  handshakeTime: 5_000,
  requestTime: 10_000,
  exchangeTime: 30_000,
  idleTime: 120_000,
  farewell: 2_000,
};

export type WebhookOptions = {
  readonly address: ListenAddress;
  readonly identity: ServerIdentity;
  readonly answer: ReviewAnswer;
  /** May be called as often as clients please: count it, and limit what is logged. */
  readonly onTrouble: (trouble: Trouble) => void;
  readonly limits?: Partial<WebhookLimits>;
};

export type WebhookServer = {
  readonly port: number;
  /** New connections are shown another certificate, open ones go on. Says why it cannot be used, and then keeps the old. */
  replaceIdentity(identity: ServerIdentity): string | undefined;
  /** Answers what is under way, then lets go of every connection. */
  close(): Promise<void>;
};

/** Why the server could not be opened. */
export type WebhookError = { readonly message: string };
