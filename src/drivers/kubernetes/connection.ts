/**
 * The HTTP/2 connection to an API server: opened when it is needed, one for everything, and found out when it is dead.
 *
 * A network that swallows packets says nothing, so a PING goes out every few seconds. A connection on which the last one was
 * not answered by the time of the next is given up, with every request on it.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { isIP } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { type Duration, formatDuration, seconds } from "#base/time";
import type { Authenticator, TlsMaterial } from "./authenticator.ts";
import type { ClusterCredentials } from "./credentials.ts";
import { explainError } from "./failure.ts";
import type { Time } from "./time.ts";

export type ConnectionTimes = {
  /** How long opening may take, TLS included. */
  readonly connect: Duration;
  /** How often a PING is sent; its answer must be there by the next. */
  readonly ping: Duration;
};

export const CONNECTION_TIMES: ConnectionTimes = { connect: seconds(10), ping: seconds(5) };

/** What one stream may send before we take it; with the parsing paused so much waits in memory. */
const STREAM_WINDOW = 256 * 1_024;
/** The same for all streams together: one that is slowly parsed must not hold up the others. */
const CONNECTION_WINDOW = 4 * 1_024 * 1_024;
const KEEP_ALIVE_MS = 30_000;

export type Opened =
  | { readonly ok: true; readonly session: ClientHttp2Session }
  | { readonly ok: false; readonly message: string };

export type Connection = {
  /** The connection as it is, or a new one. */
  open(): Promise<Opened>;
  /** Lets what runs end, and opens another for what comes: the credentials have changed. */
  renew(): void;
  close(): void;
};

const CLOSED = "the client was closed";

const noTls = (message: string): { readonly ok: false; readonly message: string } => ({ ok: false, message });

const explainTls = (host: string, error: unknown): string => {
  const said = explainError(error);
  const hasNoHttp2 = /ALPN|NO_APPLICATION_PROTOCOL/i.test(said);
  return hasNoHttp2 ? `${host} does not speak HTTP/2` : `${host}: ${said}`;
};

/** Opens TLS and checks that the other side speaks HTTP/2. */
const openTls = (
  { server, serverName, verify }: ClusterCredentials,
  material: TlsMaterial,
  { time, limit, closing }: { readonly time: Time; readonly limit: Duration; readonly closing: AbortSignal },
): Promise<
  { readonly ok: true; readonly socket: TLSSocket } | { readonly ok: false; readonly message: string }
> =>
  new Promise((resolve) => {
    const { hostname, port, host } = new URL(server);
    const address = hostname.replace(/^\[|\]$/g, "");
    const name = serverName ?? address;
    const { authority, certificate } = material;
    let socket: TLSSocket;
    try {
      socket = connectTls({
        host: address,
        port: port === "" ? 443 : Number(port),
        ALPNProtocols: ["h2"],
        rejectUnauthorized: verify,
        // SNI carries names only (RFC 6066 §3); the certificate may be for an address all the same.
        servername: isIP(name) === 0 ? name : "",
        checkServerIdentity: (_, peer) => checkServerIdentity(name, peer),
        ...(authority === undefined ? {} : { ca: authority }),
        ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }),
      });
    } catch (error) {
      // PEM that cannot be used; the library's words name the kind of mistake, not the text.
      resolve(noTls(`the certificate, key or authority for ${host} cannot be used: ${explainError(error)}`));
      return;
    }
    const stop = (): void => fail(CLOSED);
    const hungUp = (): void => fail(`${host}: the connection was closed before it was open`);
    const settle = (): void => {
      cancel();
      socket.off("close", hungUp);
      closing.removeEventListener("abort", stop);
    };
    const fail = (message: string): void => {
      settle();
      socket.destroy();
      resolve(noTls(message));
    };
    const cancel = time.later(limit, () => fail(`${host}: no connection within ${formatDuration(limit)}`));
    closing.addEventListener("abort", stop);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("error", (error) => fail(explainTls(host, error)));
    socket.once("close", hungUp);
    socket.once("secureConnect", () => {
      if (socket.alpnProtocol !== "h2") {
        fail(`${host} does not speak HTTP/2`);
        return;
      }
      settle();
      resolve({ ok: true, socket });
    });
  });

/** Sends PINGs for as long as the session is open. */
const watchOver = (session: ClientHttp2Session, time: Time, interval: Duration): void => {
  let isAnswered = true;
  const giveUp = (): void => {
    if (isAnswered || session.destroyed) return;
    session.destroy(new Error(`the API server has not answered a PING within ${formatDuration(interval)}`));
  };
  const tick = (): void => {
    if (session.destroyed) return;
    cancel = time.later(interval, tick);
    // After a stall of our own the answer may be waiting beside this timer: it is read first.
    if (!isAnswered) {
      setImmediate(giveUp);
      return;
    }
    isAnswered = false;
    const isSent = session.ping((error) => {
      isAnswered = error === null || error === undefined;
    });
    // A session that is closing takes no more of them.
    if (!isSent) isAnswered = true;
  };
  let cancel = time.later(interval, tick);
  session.once("close", () => cancel());
};

/** Never rejects: whoever opens next would be given the same rejection, and not a connection. */
const attempt = async (establish: () => Promise<Opened>, forget: () => void): Promise<Opened> => {
  let opened: Opened;
  try {
    opened = await establish();
  } catch (error) {
    opened = noTls(`no connection: ${explainError(error)}`);
  }
  if (!opened.ok) forget();
  return opened;
};

/** Opens connections to the server of `credentials`. Nothing happens before the first `open`. */
export const createConnection = (
  credentials: ClusterCredentials,
  authenticator: Authenticator,
  { time, times }: { readonly time: Time; readonly times: ConnectionTimes },
): Connection => {
  const { origin } = new URL(credentials.server);
  let current: Promise<Opened> | undefined;
  /** What `current` gave. */
  let live: ClientHttp2Session | undefined;
  const closing = new AbortController();
  const sessions = new Set<ClientHttp2Session>();

  const start = (socket: TLSSocket, forget: () => void): Opened => {
    const session = connectHttp2(origin, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    session.setLocalWindowSize(CONNECTION_WINDOW);
    sessions.add(session);
    live = session;
    // Whoever has a stream open hears of it there.
    session.on("error", forget);
    session.on("goaway", forget);
    session.once("close", () => {
      sessions.delete(session);
      forget();
    });
    watchOver(session, time, times.ping);
    return { ok: true, session };
  };

  const establish = async (forget: () => void): Promise<Opened> => {
    const material = await authenticator.tls();
    if (!material.ok) return noTls(material.problem);
    if (closing.signal.aborted) return noTls(CLOSED);
    const how = { time, limit: times.connect, closing: closing.signal };
    const opened = await openTls(credentials, material.value, how);
    if (!opened.ok) return opened;
    if (closing.signal.aborted) {
      opened.socket.destroy();
      return noTls(CLOSED);
    }
    try {
      return start(opened.socket, forget);
    } catch (error) {
      opened.socket.destroy();
      throw error;
    }
  };

  return {
    open: () => {
      if (closing.signal.aborted) return Promise.resolve(noTls(CLOSED));
      // A session says that it has ended a moment after it has.
      if (live?.destroyed || live?.closed) {
        current = undefined;
        live = undefined;
      }
      if (current !== undefined) return current;
      const forget = (): void => {
        if (current !== opening) return;
        current = undefined;
        live = undefined;
      };
      const opening: Promise<Opened> = attempt(() => establish(forget), forget);
      current = opening;
      return opening;
    },
    renew: () => {
      const before = current;
      current = undefined;
      live = undefined;
      void before?.then((opened) => {
        if (opened.ok) opened.session.close();
      });
    },
    close: () => {
      closing.abort();
      current = undefined;
      for (const session of sessions) session.destroy();
    },
  };
};
