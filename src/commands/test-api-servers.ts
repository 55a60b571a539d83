/** API servers for tests of commands: real TLS and HTTP/2 on loopback, with certificates made on the spot; and what is none. */
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { wallTime } from "#base/time";
import { newAuthority, newServing } from "#drivers/certificate/issue";

const DAY = 86_400_000;

type Undo = { after(undo: () => void): void };
type Pair = { readonly certificate: string; readonly key: string };

/** An authority like those that clusters have. */
export const openAuthority = (): Pair => newAuthority(wallTime(Date.now()));

export type TestApiServer = {
  readonly port: number;
  /** `host:port`. */
  readonly at: string;
  /** What was asked of it: method and path. */
  readonly asked: string[];
  /** What it answers to `/readyz`; 401 for whoever shows no token of its. */
  ready: number;
  /** From now on it presents another certificate. */
  present(names: readonly string[]): void;
  close(): void;
};

/** The token that it takes. */
export const TOKEN = "letmein-0123456789";

export type TestApiServerOptions = {
  readonly authority: Pair;
  readonly names: readonly string[];
  /** Days since the certificate was made; it lives 365. */
  readonly age?: number;
  readonly host?: string;
  readonly port?: number;
  /** Answers to paths other than `/readyz`, as JSON. */
  readonly objects?: Readonly<Record<string, unknown>>;
};

/** Starts one; it ends with the test. */
export const startApiServer = async (test: Undo, options: TestApiServerOptions): Promise<TestApiServer> => {
  const { authority, names, age = 0, host = "127.0.0.1", objects = {} } = options;
  const identity = (wanted: readonly string[]) => {
    const { certificate, key } = newServing({
      authority,
      names: wanted,
      time: wallTime(Date.now() - age * DAY),
    });
    return { cert: certificate, key };
  };
  const server = createSecureServer(identity(names));
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session) => session.on("error", () => undefined));
  server.on("sessionError", () => undefined);
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const state: TestApiServer = {
    port: 0,
    at: "",
    asked: [],
    ready: 200,
    present: (wanted) => server.setSecureContext(identity(wanted)),
    close,
  };
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    const path = String(headers[":path"]).split("?")[0] ?? "";
    state.asked.push(`${headers[":method"]} ${path}`);
    const object = path === "/readyz" ? "ok" : objects[path];
    const known =
      headers.authorization === `Bearer ${TOKEN}` ? (path === "/readyz" ? state.ready : 200) : 401;
    const status = object === undefined && known === 200 ? 404 : known;
    stream.respond({ ":status": status });
    stream.end(status === 200 ? (path === "/readyz" ? "ok" : JSON.stringify(object)) : "no");
  });
  server.listen(options.port ?? 0, host);
  await once(server, "listening");
  test.after(close);
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, { port, at: `${host.includes(":") ? `[${host}]` : host}:${port}` });
};

/** Something that takes TCP connections and is no API server: it says a line of its own, or nothing at all. */
export const startImpostor = async (test: Undo, line: string | undefined): Promise<string> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    if (line !== undefined) socket.write(line);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** A port on which nobody listens. */
export const closedPort = async (): Promise<string> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
};

/** A kubeconfig for such a server, as an administrator has it. */
export const adminKubeconfig = ({
  server,
  authority,
  context = "default",
  token = TOKEN,
}: {
  readonly server: string;
  readonly authority: Pair;
  readonly context?: string;
  readonly token?: string;
}): string => `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${Buffer.from(authority.certificate).toString("base64")}
    server: ${server}
  name: ${context}
contexts:
- context:
    cluster: ${context}
    user: ${context}
  name: ${context}
current-context: ${context}
kind: Config
preferences: {}
users:
- name: ${context}
  user:
    token: ${token}
`;
