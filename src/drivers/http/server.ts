/** Serves a few GET routes on a unix socket, mode 0600 in a directory of mode 0700. */
import { chmod, mkdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";

/** Answers one request; it ends the response itself. */
export type Route = (url: URL, response: ServerResponse, request: IncomingMessage) => void;

export type AdminServer = { close(): Promise<void> };

/** Why the socket could not be opened, and what to do about it. */
export type AdminError = { readonly message: string };

/** How long a client may take to send its request, in milliseconds. */
const REQUEST_TIMEOUT = 5_000;

/** Whether anybody answers on the socket: a refused or missing one is a leftover. */
const isAlive = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.on("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });

const answer = (
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const url = new URL(request.url ?? "/", "http://admin");
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (request.method !== "GET") response.writeHead(405, { allow: "GET" }).end("only GET\n");
  else if (route === undefined)
    response.writeHead(404).end(`no such page; there is ${Object.keys(routes).join(" ")}\n`);
  else route(url, response, request);
};

/** Opens the socket, taking over a leftover of a dead process but never that of a living one. */
export const openAdminServer = async (
  path: string,
  routes: Readonly<Record<string, Route>>,
): Promise<AdminServer | AdminError> => {
  if (Buffer.byteLength(path) > 107)
    return { message: `admin socket ${path}: a unix socket path has at most 107 bytes` };
  if (await isAlive(path)) {
    return {
      message: `another steelyard answers on ${path}: stop it, or choose another socket with --admin`,
    };
  }
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT, headersTimeout: REQUEST_TIMEOUT },
    (request, response) => answer(routes, request, response),
  );
  server.maxConnections = 64;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
    await chmod(path, 0o600);
  } catch (error) {
    server.close();
    return { message: `admin socket ${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
