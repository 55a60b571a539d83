/**
 * An API server at which nothing ever changes: lists and watches of what it was given, on port 8001 of this host's loopback interface.
 * A real kube-proxy reads Services, their endpoints and its node from it.
 *
 * Usage: `node still-api-server.ts FILE`, a JSON object with a list of objects for each path of a collection.
 */
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";

type Item = {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string };
};

const PORT = 8001;
const VERSION = "1";

const collections: Readonly<Record<string, readonly Item[]>> = JSON.parse(
  readFileSync(process.argv[2] ?? "", "utf8"),
);

const versionOf = (path: string): string => path.replace(/^\/apis?\//, "").replace(/\/[^/]*$/, "");

const complete = (path: string, item: Item): Item => ({
  ...{ apiVersion: versionOf(path), ...item },
  metadata: { uid: item.metadata.name, resourceVersion: VERSION, ...item.metadata },
});

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};

/** Everything is told at once if that is asked for, and then nothing any more. */
const watch = (response: ServerResponse, items: readonly Item[], wish: URLSearchParams): void => {
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  const [sample] = items;
  if (wish.get("sendInitialEvents") !== "true" || sample === undefined) return;
  for (const object of items) response.write(`${JSON.stringify({ type: "ADDED", object })}\n`);
  const metadata = { resourceVersion: VERSION, annotations: { "k8s.io/initial-events-end": "true" } };
  response.write(`${JSON.stringify({ type: "BOOKMARK", object: { ...sample, metadata } })}\n`);
};

const answer = (url: URL, response: ServerResponse): void => {
  const { pathname, searchParams } = url;
  const items = collections[pathname]?.map((item) => complete(pathname, item));
  const [, parent = "", name = ""] = /^(.*)\/([^/]+)$/.exec(pathname) ?? [];
  const found = collections[parent]?.find(({ metadata }) => metadata.name === name);
  if (items !== undefined && ["true", "1"].includes(searchParams.get("watch") ?? "")) {
    watch(response, items, searchParams);
  } else if (items !== undefined) {
    const metadata = { resourceVersion: VERSION };
    send(response, 200, { apiVersion: versionOf(pathname), kind: "List", metadata, items });
  } else if (found !== undefined) {
    send(response, 200, complete(parent, found));
  } else {
    const status = { apiVersion: "v1", kind: "Status", status: "Failure", reason: "NotFound" };
    send(response, 404, { ...status, code: 404 });
  }
};

createServer((request, response) => {
  // Events, which nobody reads.
  if (request.method !== "GET") send(response, 201, {});
  else answer(new URL(request.url ?? "/", "http://localhost"), response);
}).listen(PORT, "127.0.0.1", () => console.log("serves"));
