/** Serves the fake's store over real TLS and HTTP/2, as an API server would: paths, pages, watches, Status objects. */
import type { ServerHttp2Stream } from "node:http2";
import { isSelected } from "./fake-selector.ts";
import { FakeStore, type Stored } from "./fake-store.ts";
import { type Fields, fieldsOf, parseJson, textOf } from "./json.ts";
import type { Failure, Resource, Target, Write } from "./port.ts";
import { type Received, startServer, type TestServer } from "./test-server.ts";

/** What this server can do; older ones do less. */
export type Abilities = {
  /** `refused` as with the feature switched off, `ignored` as before it was invented. */
  readonly watchList: "served" | "refused" | "ignored";
};

type Change = Stored & { readonly before: Fields | undefined };
type Log = { readonly changes: Change[]; readonly watchers: Set<(change: Change) => void> };

const versionOf = (object: Fields): number => Number(fieldsOf(object.metadata).resourceVersion);

const parsePath = (path: string): Target => {
  const parts = path.split("/").slice(1).map(decodeURIComponent);
  const [group, version] = parts[0] === "api" ? ["", parts[1]] : [parts[1], parts[2]];
  const rest = parts.slice(parts[0] === "api" ? 2 : 3);
  const namespaced = rest[0] === "namespaces" && rest.length > 2;
  const [plural = "", name, subresource] = namespaced ? rest.slice(2) : rest;
  const resource: Resource = { group: group ?? "", version: version ?? "", plural, namespaced };
  return {
    resource,
    ...(namespaced ? { namespace: rest[1] ?? "" } : {}),
    ...(name === undefined ? {} : { name }),
    ...(subresource === "status" ? { subresource } : {}),
  };
};

const REASONS: Readonly<Record<string, string>> = {
  conflict: "Conflict",
  "not-found": "NotFound",
  gone: "Expired",
};

const statusObject = ({ reason, status, message }: Failure) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  message,
  reason: REASONS[reason] ?? "Unknown",
  code: status,
});

const writeOf = (received: Received, text: string): Write => {
  const body = parseJson(text);
  const types: Readonly<Record<string, Extract<Write, { verb: "patch" }>["type"]>> = {
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/json-patch+json": "json",
    "application/apply-patch+yaml": "apply",
  };
  switch (received.method) {
    case "POST":
      return { verb: "create", body };
    case "PUT":
      return { verb: "update", body };
    case "DELETE": {
      const uid = textOf(fieldsOf(fieldsOf(body).preconditions).uid);
      return { verb: "delete", ...(uid === "" ? {} : { uid }) };
    }
    default: {
      const manager = received.query.get("fieldManager");
      return {
        verb: "patch",
        body,
        type: types[received.contentType ?? ""] ?? "merge",
        ...(manager === null ? {} : { fieldManager: manager }),
        force: received.query.get("force") === "true",
      };
    }
  }
};

class ApiServer {
  readonly store: FakeStore;
  readonly #abilities: Abilities;
  readonly #logs = new Map<string, Log>();

  constructor(store: FakeStore, abilities: Abilities) {
    this.store = store;
    this.#abilities = abilities;
  }

  #log(resource: Resource): Log {
    const key = `${resource.group}/${resource.plural}`;
    const known = this.#logs.get(key);
    if (known !== undefined) return known;
    const log: Log = { changes: [], watchers: new Set() };
    this.store.listen(resource, (stored, before) => {
      const change = { ...stored, before };
      log.changes.push(change);
      for (const watcher of log.watchers) watcher(change);
    });
    this.#logs.set(key, log);
    return log;
  }

  async serve(received: Received): Promise<void> {
    const target = parsePath(received.path);
    this.#log(target.resource);
    if (received.method === "GET" && target.name === undefined) {
      if (received.query.get("watch") === "true") this.#watch(received, target);
      else this.#list(received, target);
      return;
    }
    const body = received.method === "GET" ? "" : await received.body();
    const answer =
      received.method === "GET" ? this.store.read(target) : this.store.write(target, writeOf(received, body));
    if (answer.ok) received.answer(answer.status, answer.body);
    else received.answer(answer.failure.status, statusObject(answer.failure));
  }

  #selected({ query }: Received, { resource, namespace }: Target): readonly Fields[] {
    const selectors = selectorsOf(query);
    return this.store.list(resource, namespace).filter((object) => isSelected(object, selectors));
  }

  #list(received: Received, target: Target): void {
    const limit = Number(received.query.get("limit") ?? 0) || Number.POSITIVE_INFINITY;
    const start = Number(received.query.get("continue") ?? 0);
    const all = this.#selected(received, target);
    const more = start + limit < all.length ? { continue: `${start + limit}` } : {};
    received.answer(200, {
      kind: "List",
      metadata: { resourceVersion: this.store.version, ...more },
      items: all.slice(start, start + limit),
    });
  }

  #watch(received: Received, target: Target): void {
    const { query } = received;
    const isList = query.get("sendInitialEvents") === "true";
    if (isList && this.#abilities.watchList === "refused") {
      const message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch";
      const failure: Failure = { reason: "invalid", status: 422, message, retryAfter: undefined };
      received.answer(422, statusObject(failure));
      return;
    }
    received.begin();
    const selectors = selectorsOf(query);
    const isMeant = (object: Fields | undefined): boolean =>
      object !== undefined &&
      isSelected(object, selectors) &&
      (target.namespace === undefined || fieldsOf(object.metadata).namespace === target.namespace);
    const send = ({ type, object, before }: Change): void => {
      const [was, is] = [isMeant(before), type !== "DELETED" && isMeant(object)];
      if (is) received.line({ type: was ? "MODIFIED" : "ADDED", object });
      else if (was) received.line({ type: "DELETED", object });
    };
    const { changes, watchers } = this.#log(target.resource);
    const version = Number(query.get("resourceVersion") ?? Number.NaN);
    if (Number.isNaN(version)) {
      for (const object of this.#selected(received, target)) received.line({ type: "ADDED", object });
      if (isList && this.#abilities.watchList === "served") received.line(bookmark(this.store.version, true));
    } else for (const change of changes) if (versionOf(change.object) > version) send(change);
    watchers.add(send);
    received.stream.once("close", () => watchers.delete(send));
  }
}

const selectorsOf = (query: URLSearchParams) => ({
  labelSelector: query.get("labelSelector") ?? undefined,
  fieldSelector: query.get("fieldSelector") ?? undefined,
});

/** A bookmark, which ends the list if `endsList`. */
export const bookmark = (version: string, endsList = false) => ({
  type: "BOOKMARK",
  object: {
    kind: "Thing",
    metadata: {
      resourceVersion: version,
      ...(endsList ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
    },
  },
});

/** Starts a server for a store. */
export const startApiServer = async (
  test: Parameters<typeof startServer>[0],
  abilities: Abilities = { watchList: "served" },
  store: FakeStore = new FakeStore(() => "2026-01-01T00:00:00Z"),
): Promise<TestServer & { readonly store: FakeStore; readonly streams: readonly ServerHttp2Stream[] }> => {
  const server = await startServer(test);
  const api = new ApiServer(store, abilities);
  const streams: ServerHttp2Stream[] = [];
  const serve = async (): Promise<void> => {
    for (;;) {
      const received = await server.requests.take();
      streams.push(received.stream);
      await api.serve(received);
    }
  };
  void serve();
  return { ...server, store, streams };
};
