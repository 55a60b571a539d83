/** A small client of the API server for tests: no retries, no mirrors, every answer as it came. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Agent, request } from "node:https";

/** How a caller shows who it is. */
export type Credentials =
  | { readonly type: "certificate"; readonly cert: string; readonly key: string }
  | { readonly type: "token"; readonly token: string }
  | { readonly type: "nobody" };

/** An object of Kubernetes as tests read and write it. */
export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [more: string]: unknown;
  };
  readonly [more: string]: unknown;
};

export type Reply = {
  readonly status: number;
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown;
};

/** As the `content-type` of a patch. */
export type PatchType = "strategic-merge-patch" | "merge-patch" | "json-patch" | "apply-patch";

export type RequestOptions = {
  readonly body?: unknown;
  readonly contentType?: string;
  /** Another form of the answer than plain JSON, as in `application/json;as=Table;v=v1;g=meta.k8s.io`. */
  readonly accept?: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
};

/** A watch that runs; its events are told as they came. */
export type RunningWatch = {
  /** Resolves when the server ends it or the connection breaks, and after `close`. */
  readonly ended: Promise<void>;
  close(): void;
};

export type WatchEvent = { readonly type: string; readonly object: KubeObject };

export type Api = {
  readonly url: string;
  /** Sends one request; an answer of whatever status is a reply, none at all is an error. */
  request(method: string, path: string, options?: RequestOptions): Promise<Reply>;
  /** Reads what is there; fails on any status but 200. */
  get<T = KubeObject>(path: string): Promise<T>;
  /** Creates an object in a collection such as `/api/v1/namespaces/default/services`; fails if it cannot. */
  create<T = KubeObject>(collection: string, object: unknown): Promise<T>;
  patch<T = KubeObject>(path: string, patch: unknown, type?: PatchType): Promise<T>;
  delete(path: string): Promise<void>;
  /** Watches what a path with `watch=true` tells; fails when it is refused. */
  watch(path: string, onEvent: (event: WatchEvent) => void): Promise<RunningWatch>;
  close(): void;
};

const USER_AGENT = "steelyard-cluster-test";

const parseBody = (text: string, type: string | undefined): unknown =>
  type?.startsWith("application/json") === true ? JSON.parse(text) : text;

/** The server's own reason, of a Status object. */
const reasonOf = ({ body }: Reply): string =>
  typeof body === "object" && body !== null && "message" in body ? String(body.message) : String(body);

const headersOf = (credentials: Credentials, contentType: string | undefined): OutgoingHttpHeaders => ({
  accept: "application/json",
  "user-agent": USER_AGENT,
  ...(credentials.type === "token" ? { authorization: `Bearer ${credentials.token}` } : {}),
  ...(contentType === undefined ? {} : { "content-type": contentType }),
});

/** Tells every line of an answer that does not end. */
const follow = (response: IncomingMessage, onEvent: (event: WatchEvent) => void): Promise<void> =>
  new Promise((resolve) => {
    let pending = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      const lines = (pending + text).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) if (line !== "") onEvent(JSON.parse(line));
    });
    response.on("error", () => resolve());
    response.on("close", () => resolve());
  });

/** Opens a client of the server at `url`. */
export const openApi = (options: {
  readonly url: string;
  readonly ca: string;
  readonly credentials: Credentials;
  /** A socket that leads to the server; default: the address in `url`. */
  readonly socketPath?: string | undefined;
}): Api => {
  const { url, ca, credentials } = options;
  const way = options.socketPath === undefined ? {} : { socketPath: options.socketPath };
  const identity = credentials.type === "certificate" ? { cert: credentials.cert, key: credentials.key } : {};
  const agent = new Agent({ keepAlive: true, maxSockets: 16, ca, ...identity });

  const send = (method: string, path: string, options: RequestOptions = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const { body, contentType = body === undefined ? undefined : "application/json", accept } = options;
      const asked = request(
        new URL(path, url),
        {
          ...way,
          ...{ method, agent },
          headers: { ...headersOf(credentials, contentType), ...(accept === undefined ? {} : { accept }) },
          timeout: options.timeoutMs ?? 30_000,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            const type = response.headers["content-type"];
            resolve({ status: response.statusCode ?? 0, body: parseBody(text, type) });
          });
        },
      );
      asked.on("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer in time`)));
      asked.on("error", reject);
      asked.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
    });

  const watch = (path: string, onEvent: (event: WatchEvent) => void): Promise<RunningWatch> =>
    new Promise((resolve, reject) => {
      const headers = headersOf(credentials, undefined);
      const asked = request(new URL(path, url), { ...way, agent, headers }, (response) => {
        if (response.statusCode !== 200) {
          reject(new Error(`GET ${path}: ${response.statusCode}`));
          response.destroy();
          return;
        }
        resolve({ ended: follow(response, onEvent), close: () => response.destroy() });
      });
      asked.on("error", reject);
      asked.end();
    });

  const expect = async (method: string, path: string, options?: RequestOptions): Promise<unknown> => {
    const reply = await send(method, path, options);
    if (reply.status >= 200 && reply.status <= 299) return reply.body;
    throw new Error(`${method} ${path}: ${reply.status} ${reasonOf(reply)}`);
  };

  return {
    url,
    request: send,
    get: async <T>(path: string) => (await expect("GET", path)) as T,
    create: async <T>(collection: string, object: unknown) =>
      (await expect("POST", collection, { body: object })) as T,
    patch: async <T>(path: string, patch: unknown, type: PatchType = "merge-patch") =>
      (await expect("PATCH", path, { body: patch, contentType: patchContentType(type) })) as T,
    delete: async (path) => void (await expect("DELETE", path)),
    watch,
    close: () => agent.destroy(),
  };
};

/** What a patch of this type is called in the request. */
export const patchContentType = (type: PatchType): string =>
  type === "apply-patch" ? "application/apply-patch+yaml" : `application/${type}+json`;
