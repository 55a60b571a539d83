/** The real API server. */
import type { Backoff } from "#core/kubernetes/backoff";
import { createAuthenticator } from "./authenticator.ts";
import { CLIENT_TIMES, type Client, type ClientTimes, createClient, type Request } from "./client.ts";
import { CONNECTION_TIMES, type ConnectionTimes, createConnection } from "./connection.ts";
import type { ClusterCredentials } from "./credentials.ts";
import { createInterner } from "./intern.ts";
import { pathOf } from "./paths.ts";
import type { ClusterPort, Target, Write } from "./port.ts";
import { reflect, type Surroundings, WATCH_BACKOFF } from "./reflector.ts";
import { systemTime, type Time } from "./time.ts";
import { createTurns } from "./turns.ts";

/** Everything has a default; tests shorten it. */
export type ClusterOptions = {
  readonly time?: Time;
  readonly connectionTimes?: Partial<ConnectionTimes>;
  readonly clientTimes?: Partial<ClientTimes>;
  readonly backoff?: Backoff;
  /** The longest line of a watch in bytes; objects have about 1.5 MB at most. */
  readonly longestLine?: number;
  /** Most bytes of one answer that is not a watch. Who reads a whole list at once needs more than the default. */
  readonly mostBytes?: number;
  /** Called for each object that a watch brings, and for each other answer. */
  readonly onRead?: () => void;
};

const LONGEST_LINE = 16 * 1_024 * 1_024;
/**
 * An answer is in memory several times over while it is parsed, and a controller has room for 160 MB altogether. No object
 * comes near this, and pages that do are asked for in smaller pieces.
 */
const MOST_BYTES = 16 * 1_024 * 1_024;

type PatchType = Extract<Write, { verb: "patch" }>["type"];

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
  // JSON is YAML too.
  apply: "application/apply-patch+yaml",
};

const JSON_TYPE = "application/json";

/** The request that a write is. */
export const requestOf = (target: Target, write: Write): Request => {
  switch (write.verb) {
    case "create": {
      const { name: _, ...list } = target;
      return {
        method: "POST",
        path: pathOf(list),
        body: { contentType: JSON_TYPE, text: JSON.stringify(write.body) },
      };
    }
    case "update":
      return {
        method: "PUT",
        path: pathOf(target),
        body: { contentType: JSON_TYPE, text: JSON.stringify(write.body) },
      };
    case "patch": {
      const force = write.force === undefined ? undefined : String(write.force);
      return {
        method: "PATCH",
        path: pathOf(target, { fieldManager: write.fieldManager, force }),
        body: { contentType: PATCH_TYPES[write.type], text: JSON.stringify(write.body) },
      };
    }
    default: {
      const preconditions = write.uid === undefined ? {} : { preconditions: { uid: write.uid } };
      const options = { apiVersion: "v1", kind: "DeleteOptions", ...preconditions };
      return {
        method: "DELETE",
        path: pathOf(target),
        body: { contentType: JSON_TYPE, text: JSON.stringify(options) },
      };
    }
  }
};

const openClient = (
  credentials: ClusterCredentials,
  options: ClusterOptions,
  { time, turns }: Pick<Surroundings, "time" | "turns">,
): Client => {
  const { pathname, host } = new URL(credentials.server);
  const authenticator = createAuthenticator(credentials, time);
  const connection = createConnection(credentials, authenticator, {
    time,
    times: { ...CONNECTION_TIMES, ...options.connectionTimes },
  });
  return createClient({
    connection,
    authenticator,
    prefix: pathname.replace(/\/+$/, ""),
    host,
    time,
    times: { ...CLIENT_TIMES, ...options.clientTimes },
    turns,
    mostBytes: options.mostBytes ?? MOST_BYTES,
  });
};

/** A client of the API server that `credentials` lead to. Connects when it is first asked for something. */
export const openCluster = (credentials: ClusterCredentials, options: ClusterOptions = {}): ClusterPort => {
  const { time = systemTime, backoff = WATCH_BACKOFF, longestLine = LONGEST_LINE } = options;
  const { onRead = () => undefined } = options;
  const turns = createTurns();
  const client = openClient(credentials, options, { time, turns });
  const interner = createInterner();
  const around: Surroundings = { client, time, turns, interner, backoff, longestLine, onRead };
  const watches = new Set<() => void>();
  const ask = (request: Request): ReturnType<Client["ask"]> => {
    onRead();
    return client.ask(request);
  };
  return {
    read: (target) => ask({ method: "GET", path: pathOf(target) }),
    write: (target, write, mayStill) => ask({ ...requestOf(target, write), mayStill }),
    watch: (watchOptions, sink) => {
      const watch = reflect(watchOptions, sink, around);
      const close = (): void => {
        watches.delete(close);
        watch.close();
      };
      watches.add(close);
      return {
        items: watch.items,
        get isSynced() {
          return watch.isSynced;
        },
        close,
      };
    },
    close: () => {
      for (const close of watches) close();
      client.close();
    },
  };
};
