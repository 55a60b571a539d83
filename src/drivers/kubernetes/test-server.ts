/** An API server that misbehaves as a test says, over real TLS and HTTP/2 on 127.0.0.1; and time that the test moves. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { after, type Duration, seconds, type WallTime, wallTime } from "#base/time";
import { Clock } from "#testing/clock";
import type { ClusterCredentials } from "./credentials.ts";
import type { Failure, Sink } from "./port.ts";
import type { Time } from "./time.ts";

const read = (name: string): string => readFileSync(new URL(`testdata/${name}.pem`, import.meta.url), "utf8");

/** PEM texts: the authority, and what it has signed. */
export const PKI = {
  authority: read("authority"),
  server: read("server"),
  serverKey: read("server-key"),
  client: read("client"),
  clientKey: read("client-key"),
};

/** Time that stands still until it is told to go on. */
export class ManualTime implements Time {
  readonly clock = new Clock();
  /** What `random` gives. */
  dice = 0;
  /** The wall clock when time began. */
  wallStart: WallTime = wallTime(Date.UTC(2026, 0, 1));

  now = () => this.clock.now;
  wall = () => wallTime(this.wallStart + this.clock.now / 1_000);
  random = () => this.dice;
  later = (delay: Duration, action: () => void) => this.clock.schedule(after(this.clock.now, delay), action);

  pass(duration: Duration): void {
    this.clock.advanceTo(after(this.clock.now, duration));
  }
}

/** A queue that a test waits on. */
export class Mailbox<Value> {
  readonly #values: Value[] = [];
  readonly #waiting: ((value: Value) => void)[] = [];

  put(value: Value): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#values.push(value);
    else waiter(value);
  }

  /** The next value; waits for it. */
  take(): Promise<Value> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }
}

/** A request that waits for its answer. */
export class Received {
  readonly stream: ServerHttp2Stream;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;

  constructor(stream: ServerHttp2Stream, headers: Readonly<Record<string, string | string[] | undefined>>) {
    this.stream = stream;
    stream.on("error", () => undefined);
    const url = new URL(String(headers[":path"]), "https://host");
    this.method = String(headers[":method"]);
    this.path = url.pathname;
    this.query = url.searchParams;
    this.authorization = headers.authorization?.toString();
    this.contentType = headers["content-type"]?.toString();
  }

  async body(): Promise<string> {
    let text = "";
    for await (const chunk of this.stream.setEncoding("utf8")) text += chunk;
    return text;
  }

  /** Sends the headers of an endless answer. */
  begin(): this {
    this.stream.respond({ ":status": 200, "content-type": "application/json" });
    return this;
  }

  line(...events: readonly unknown[]): this {
    for (const event of events) this.stream.write(`${JSON.stringify(event)}\n`);
    return this;
  }

  raw(text: string): this {
    this.stream.write(text);
    return this;
  }

  end(): void {
    this.stream.end();
  }

  /** A whole answer. */
  answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.stream.respond({ ":status": status, ...headers });
    this.stream.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  /** Ends the connection as if the machine were gone: with a reset. */
  reset(): void {
    const { session } = this.stream;
    assert.ok(session);
    session.socket.destroy();
  }
}

type Undo = { after(undo: () => void | Promise<void>): void };

export type TestServer = {
  readonly credentials: ClusterCredentials;
  readonly requests: Mailbox<Received>;
  readonly sessions: readonly ServerHttp2Session[];
  /** The next request, which must be a watch or list; fails the test if it is another kind. */
  next(expected?: { readonly watch?: boolean; readonly version?: string }): Promise<Received>;
};

const listening = async (server: { listen(port: number, host: string): unknown; address(): unknown }) => {
  server.listen(0, "127.0.0.1");
  await once(server as Http2SecureServer, "listening");
  return (server.address() as AddressInfo).port;
};

/** Credentials for a server on a port of 127.0.0.1. */
export const credentialsFor = (
  port: number,
  changes: Partial<ClusterCredentials> = {},
): ClusterCredentials => ({
  server: `https://127.0.0.1:${port}`,
  namespace: "default",
  serverName: undefined,
  verify: true,
  authority: { type: "inline", pem: PKI.authority },
  certificate: undefined,
  user: { type: "token", token: "very-secret-token" },
  ...changes,
});

/** Starts a server that puts every request into `requests`. */
export const startServer = async (
  test: Undo,
  options: { readonly requestCert?: boolean } = {},
): Promise<TestServer> => {
  const server = createSecureServer({
    key: PKI.serverKey,
    cert: PKI.server,
    ca: PKI.authority,
    requestCert: options.requestCert === true,
    rejectUnauthorized: false,
    // In MB: an API server does not refuse other requests while a large list waits to be taken.
    maxSessionMemory: 100,
  });
  const requests = new Mailbox<Received>();
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => undefined);
  });
  server.on("stream", (stream, headers) => requests.put(new Received(stream, headers)));
  server.on("sessionError", () => undefined);
  const port = await listening(server);
  test.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return {
    credentials: credentialsFor(port),
    requests,
    sessions,
    next: async ({ watch, version } = {}) => {
      const received = await requests.take();
      if (watch !== undefined) assert.equal(received.query.get("watch") === "true", watch, received.path);
      if (version !== undefined) assert.equal(received.query.get("resourceVersion"), version);
      return received;
    },
  };
};

/** Lets a connection through until it is told to swallow everything. */
export const startProxy = async (test: Undo, target: number) => {
  const sockets: Socket[] = [];
  let isFrozen = false;
  const clients: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.push(client);
    const upstream = connectTcp(target, "127.0.0.1");
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.push(from);
      from.on("error", () => undefined);
      from.on("data", (chunk) => isFrozen || to.write(chunk));
      from.on("end", () => isFrozen || to.end());
    }
  });
  const port = await listening(server);
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port,
    /** Swallows everything from now on, without a word. */
    freeze: () => {
      isFrozen = true;
    },
    /** Says to the clients that nothing more will come. */
    halfClose: () => {
      for (const client of clients) client.end();
    },
  };
};

/** What a watch told, one call after the other. */
export type Told<Item> =
  | { readonly call: "changed"; readonly item: Item; readonly before: Item | undefined }
  | { readonly call: "removed"; readonly before: Item }
  | { readonly call: "synced" }
  | { readonly call: "trouble"; readonly failure: Failure; readonly again: number }
  | { readonly call: "fine" };

/** A sink that keeps what it is told. */
export const recordingSink = <Item>(): { readonly sink: Sink<Item>; readonly told: Mailbox<Told<Item>> } => {
  const told = new Mailbox<Told<Item>>();
  return {
    told,
    sink: {
      changed: (item, before) => told.put({ call: "changed", item, before }),
      removed: (before) => told.put({ call: "removed", before }),
      synced: () => told.put({ call: "synced" }),
      trouble: (trouble) =>
        told.put(trouble === undefined ? { call: "fine" } : { call: "trouble", ...trouble }),
    },
  };
};

/** Long enough for a connection that pings every five seconds to be found dead. */
export const TWO_PINGS = seconds(5);

/** The code with which a server refuses a stream that it has not looked at. */
export const REFUSED_STREAM = constants.NGHTTP2_REFUSED_STREAM;
