/** A server of a few GET routes, wherever it listens: bounded in time, size and number of clients. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** Answers one request; it ends the response itself. */
export type Route = (url: URL, response: ServerResponse, request: IncomingMessage) => void;

/** How long a client may take to send its request, in milliseconds. */
const REQUEST_TIMEOUT = 5_000;
/** How long a connection may stand still before it is closed; routes that go on for longer lift it. */
const IDLE_TIMEOUT = 30_000;
/** How long clients may take to hear that it is over, in milliseconds. */
const FAREWELL = 50;
const MAX_CONNECTIONS = 64;

const answer = (
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const url = URL.parse(request.url ?? "/", "http://admin");
  if (url === null) {
    response.writeHead(400).end("not a path\n");
    return;
  }
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (request.method !== "GET") response.writeHead(405, { allow: "GET" }).end("only GET\n");
  else if (route === undefined)
    response.writeHead(404).end(`no such page; there is ${Object.keys(routes).join(" ")}\n`);
  else route(url, response, request);
};

/** What was not answered in full, by server. */
const openByServer = new WeakMap<Server, Set<ServerResponse>>();

/** A server that does not listen yet. */
export const createRouteServer = (routes: Readonly<Record<string, Route>>): Server => {
  const open = new Set<ServerResponse>();
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT, headersTimeout: REQUEST_TIMEOUT },
    (request, response) => {
      open.add(response);
      response.once("close", () => open.delete(response));
      answer(routes, request, response);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_TIMEOUT;
  openByServer.set(server, open);
  return server;
};

/** Lets clients hear that it is over. Who follows a page that never ends sees its end, unless they do not read. */
export const closeRouteServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    for (const response of openByServer.get(server) ?? []) response.end();
    setTimeout(() => server.closeAllConnections(), FAREWELL);
  });
