/** Serves a few GET routes on a unix socket of mode 0600, in a directory that is there. */
import { chmod, lstat, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";

/** Answers one request; it ends the response itself. */
export type Route = (url: URL, response: ServerResponse, request: IncomingMessage) => void;

export type AdminServer = { close(): Promise<void> };

/** Why the socket could not be opened, and what to do about it. */
export type AdminError = { readonly message: string };

/** How long a client may take to send its request, in milliseconds. */
const REQUEST_TIMEOUT = 5_000;
/** How long a connection may stand still before it is closed; routes that go on for longer lift it. */
const IDLE_TIMEOUT = 30_000;
/** How long clients may take to hear that it is over, in milliseconds. */
const FAREWELL = 50;
const MAX_CONNECTIONS = 64;
/** What the kernel has room for (unix(7)), without the final zero byte. */
const MAX_PATH_BYTES = 107;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether the path is free, a leftover of a dead process, or why it cannot be had. */
const examine = async (path: string): Promise<"free" | "leftover" | AdminError> => {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return "free";
  if (!there.isSocket()) return { message: `admin socket ${path}: there is a file that is no socket` };
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on("connect", () => {
      probe.destroy();
      const message = `another steelyard answers on ${path}: stop it, or choose another socket with --admin`;
      resolve({ message });
    });
    probe.on("error", (error: NodeJS.ErrnoException) => {
      // Whatever else the kernel says (EAGAIN: its queue is full, EACCES: another user's), somebody may be there.
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve("leftover");
      else resolve({ message: `admin socket ${path}: ${error.message}` });
    });
  });
};

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

/** Opens the socket, taking over a leftover of a dead process but never that of a living one. */
export const openAdminServer = async (
  path: string,
  routes: Readonly<Record<string, Route>>,
): Promise<AdminServer | AdminError> => {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return { message: `admin socket ${path}: a unix socket path has at most ${MAX_PATH_BYTES} bytes` };
  }
  const found = await examine(path);
  if (typeof found === "object") return found;
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
  try {
    if (found === "leftover") await rm(path, { force: true });
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
    return { message: `admin socket ${path}: ${messageOf(error)}` };
  }
  // A connection that cannot be accepted (EMFILE) is the client's bad luck.
  server.on("error", () => {});
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Who follows a page that never ends sees its end, not a broken connection, unless they do not read.
        for (const response of open) response.end();
        setTimeout(() => server.closeAllConnections(), FAREWELL);
      }),
  };
};
