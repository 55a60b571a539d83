/** Serves reviews over HTTPS. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { reply } from "./answer.ts";
import { readBody } from "./body.ts";
import { type Budget, openBudget } from "./budget.ts";
import { type Connections, openConnections } from "./connections.ts";
import { sortFailure, statusFor } from "./failure.ts";
import {
  DEFAULT_LIMITS,
  type ServerIdentity,
  type Trouble,
  type TroubleReason,
  type WebhookError,
  type WebhookLimits,
  type WebhookOptions,
  type WebhookServer,
} from "./port.ts";

const MAX_HEADER_BYTES = 16_384;
const MAX_DETAIL = 300;

type Context = {
  readonly options: WebhookOptions;
  readonly limits: WebhookLimits;
  readonly budget: Budget;
  readonly connections: Connections;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const contextOptions = ({ certificate, key }: ServerIdentity): SecureContextOptions => ({
  cert: certificate,
  key,
  minVersion: "TLSv1.2",
});

const tell = (
  { options }: Context,
  socket: Partial<Pick<Socket, "remoteAddress">>,
  reason: TroubleReason,
  detail: string,
): void => {
  const trouble: Trouble = { reason, detail: detail.slice(0, MAX_DETAIL), from: socket.remoteAddress ?? "" };
  options.onTrouble(trouble);
};

/** Says no, and that the connection ends here: what is left of the request is not read. */
const reject = (
  response: ServerResponse,
  status: number,
  { text, headers = {} }: { readonly text: string; readonly headers?: Readonly<Record<string, string>> },
): void => {
  if (response.headersSent || response.destroyed) return;
  const type = "text/plain; charset=utf-8";
  response
    .writeHead(status, { "content-type": type, connection: "close", ...headers })
    .end(`${text.slice(0, MAX_DETAIL)}\n`);
};

const BODY_REFUSALS = {
  "too-large": { status: 413, text: "the request is too large" },
  crowded: { status: 503, text: "too many requests at once" },
} as const;

/** Why a request is refused by its head alone. */
const refusal = (
  request: IncomingMessage,
):
  | { readonly status: number; readonly text: string; readonly headers?: Record<string, string> }
  | undefined => {
  if (request.method !== "POST") return { status: 405, text: "only POST", headers: { allow: "POST" } };
  const type = request.headers["content-type"] ?? "";
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (!/^application\/json\s*(;|$)/i.test(type) || encoding.toLowerCase() !== "identity") {
    return { status: 415, text: "only application/json, not compressed" };
  }
  return undefined;
};

const respond = async (
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { options, limits, budget, connections } = context;
  const { socket } = request;
  const refused = refusal(request);
  if (refused !== undefined) return reject(response, refused.status, refused);
  const body = await readBody(request, { max: limits.bodyBytes, budget });
  if (!body.ok) {
    if (body.reason === "gone") return;
    const { status, text } = BODY_REFUSALS[body.reason];
    tell(context, socket, body.reason, text);
    return reject(response, status, { text });
  }
  if (response.destroyed) return budget.give(body.held);
  connections.works(socket);
  response.once("close", () => {
    budget.give(body.held);
    connections.waits(socket);
  });
  const path = URL.parse(request.url ?? "/", "https://webhook")?.pathname ?? "/";
  const { status, text, trouble } = reply(options.answer, path, body.bytes);
  if (trouble !== undefined) tell(context, socket, trouble.reason, trouble.detail);
  if (status !== 200) return reject(response, status, { text });
  const length = String(Buffer.byteLength(text));
  response.writeHead(200, { "content-type": "application/json", "content-length": length }).end(text);
};

const exchange = (context: Context, request: IncomingMessage, response: ServerResponse): void => {
  const { socket } = request;
  const deadline = setTimeout(() => {
    tell(context, socket, "slow", "the answer was not read");
    socket.destroy();
  }, context.limits.exchangeTime);
  response.on("error", () => socket.destroy());
  response.once("close", () => clearTimeout(deadline));
  respond(context, request, response).catch((error: unknown) => {
    tell(context, socket, "answer-failed", messageOf(error));
    socket.destroy();
  });
};

const admit = (context: Context, socket: Socket): void => {
  const { connections } = context;
  const loser = connections.enter(socket);
  socket.once("close", () => connections.leave(socket));
  if (loser === undefined) return;
  const detail = loser === socket ? "no room for it" : "it waited longest when another one came";
  tell(context, loser, "crowded", detail);
  loser.destroy();
};

const connectionFailed = (context: Context, error: NodeJS.ErrnoException, socket: Socket): void => {
  const failure = sortFailure(error);
  if (failure !== undefined) tell(context, socket, failure.reason, failure.detail);
  const status = statusFor(error);
  if (status === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  socket.destroySoon();
};

const buildServer = (context: Context): Server => {
  const { options, limits } = context;
  const server = createServer(
    {
      ...contextOptions(options.identity),
      handshakeTimeout: limits.handshakeTime,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.requestTime,
      requestTimeout: limits.requestTime,
      connectionsCheckingInterval: Math.ceil(Math.min(1_000, limits.requestTime / 4)),
      keepAliveTimeout: limits.idleTime,
    },
    (request, response) => exchange(context, request, response),
  );
  server.on("connection", (socket: Socket) => admit(context, socket));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    connectionFailed(context, error, socket as Socket);
  });
  return server;
};

const listen = (server: Server, { host, port }: WebhookOptions["address"]): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });

const close = (server: Server, context: Context): Promise<void> =>
  new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of context.connections.all()) socket.destroy();
    }, context.limits.farewell);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });

/** Opens the server; gives the reason if the address or the certificate cannot be used. */
export const openWebhookServer = async (options: WebhookOptions): Promise<WebhookServer | WebhookError> => {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const context: Context = {
    options,
    limits,
    budget: openBudget(limits.heldBytes),
    connections: openConnections(limits.connections),
  };
  let server: Server;
  try {
    server = buildServer(context);
    await listen(server, options.address);
  } catch (error) {
    const { host, port } = options.address;
    return { message: `webhook server at ${host} port ${port}: ${messageOf(error)}` };
  }
  // A connection that could not be accepted (EMFILE); the next one may be.
  server.on("error", (error) => tell(context, {}, "crowded", messageOf(error)));
  let closing: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    replaceIdentity: (identity) => {
      try {
        server.setSecureContext(contextOptions(identity));
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
    close: () => {
      closing ??= close(server, context);
      return closing;
    },
  };
};
