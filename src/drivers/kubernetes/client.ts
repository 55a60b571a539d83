/** Requests on the connection: one answer each, a stream of lines, and what went wrong in our own words. */
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import { type Duration, formatDuration, seconds } from "#base/time";
import type { Authenticator } from "./authenticator.ts";
import type { Connection } from "./connection.ts";
import { explainError, failureOfAnswer, notUnderstood, unreachable } from "./failure.ts";
import { parseJson } from "./json.ts";
import type { Answer, Failure } from "./port.ts";
import { cancelStream, type Lines, readLines } from "./read-lines.ts";
import type { Time } from "./time.ts";
import type { Turns } from "./turns.ts";

export type Request = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: { readonly contentType: string; readonly text: string };
  /** Asked right before it is sent; see the port's `write`. */
  readonly mayStill?: (() => boolean) | undefined;
};

export type ClientTimes = {
  /** How long the headers of an answer may take, and then its body. */
  readonly answer: Duration;
};

export const CLIENT_TIMES: ClientTimes = { answer: seconds(30) };

/** Most bytes that are read of an answer that is no success. */
const MOST_COMPLAINT = 64 * 1_024;

/** An answer, or none; `isTooLarge` when there was one that has more bytes than are read. */
export type Asked =
  | Extract<Answer, { ok: true }>
  | { readonly ok: false; readonly failure: Failure; readonly isTooLarge?: true };

export type Client = {
  /** One answer, whatever its status. Never rejects. A 401 is tried once more with credentials read again. */
  ask(request: Request): Promise<Asked>;
  /** Opens an endless answer. */
  open(request: Request): Promise<Streaming>;
  /** Secrets must not be seen in what the server says in a stream either. */
  secrets(): readonly string[];
  close(): void;
};

/** An answer whose headers have come and whose body has not. */
export type Streaming =
  | {
      readonly ok: true;
      /** Reads line by line; `onLine` says whether it wants more. */
      read(onLine: (line: string) => boolean, limit: number): Lines;
      cancel(): void;
    }
  | { readonly ok: false; readonly failure: Failure };

type Headers = { readonly status: number; readonly retryAfter: unknown; readonly stream: ClientHttp2Stream };
type Begun =
  | { readonly ok: true; readonly headers: Headers }
  | { readonly ok: false; readonly failure: Failure };

/** Waits for the headers of an answer. */
const untilHeaders = (
  stream: ClientHttp2Stream,
  { time, limit, fail }: { time: Time; limit: Duration; fail: (message: string) => Failure },
): Promise<Begun> =>
  new Promise((resolve) => {
    let isSettled = false;
    const settle = (begun: () => Begun): void => {
      if (isSettled) return;
      isSettled = true;
      cancel();
      resolve(begun());
    };
    // Every stream is closed in the end, and to make a message without any secret in it takes its time.
    const settleFailed = (message: () => string): void =>
      settle(() => ({ ok: false, failure: fail(message()) }));
    const cancel = time.later(limit, () => {
      settleFailed(() => `no answer within ${formatDuration(limit)}`);
      cancelStream(stream);
    });
    stream.on("error", (error) => settleFailed(() => explainError(error)));
    stream.once("close", () => settleFailed(() => "the connection was lost"));
    stream.once("response", (headers) => {
      const status = Number(headers[":status"] ?? 0);
      settle(() => ({ ok: true, headers: { status, retryAfter: headers["retry-after"], stream } }));
    });
  });

type Body =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly isTooLarge?: true };

/** Reads a whole body. */
const readBody = (
  stream: ClientHttp2Stream,
  { time, limit, most }: { time: Time; limit: Duration; most: number },
): Promise<Body> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (body: Body): void => {
      cancel();
      resolve(body);
    };
    const stop = (body: Body): void => {
      chunks.length = 0;
      settle(body);
      cancelStream(stream);
    };
    const cancel = time.later(limit, () =>
      stop({ ok: false, message: `the answer did not end within ${formatDuration(limit)}` }),
    );
    // It may have come to its end since its headers were told of.
    if (stream.destroyed) {
      settle({ ok: false, message: "the connection was lost within the answer" });
      return;
    }
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= most) chunks.push(chunk);
      else stop({ ok: false, message: `the answer has more than ${most} bytes`, isTooLarge: true });
    });
    stream.on("error", (error) => settle({ ok: false, message: explainError(error) }));
    stream.once("close", () => {
      const isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.readableEnded;
      if (isWhole) settle({ ok: true, text: Buffer.concat(chunks).toString("utf8") });
      else settle({ ok: false, message: "the connection was lost within the answer" });
    });
  });

const USER_AGENT = `steelyard (${process.platform}/${process.arch})`;

/** A client on `connection`, whose server's paths all begin with `prefix`. */
export const createClient = ({
  connection,
  authenticator,
  prefix,
  host,
  time,
  times,
  turns,
  mostBytes,
}: {
  readonly connection: Connection;
  readonly authenticator: Authenticator;
  readonly prefix: string;
  /** For messages. */
  readonly host: string;
  readonly time: Time;
  readonly times: ClientTimes;
  readonly turns: Turns;
  /** Most bytes of one answer. */
  readonly mostBytes: number;
}): Client => {
  const fail = (message: string): Failure =>
    unreachable(message.includes(host) ? message : `${host}: ${message}`, authenticator.secrets());
  const failed = (message: string) => ({ ok: false, failure: fail(message) }) as const;

  const begin = async ({ method, path, body, mayStill }: Request): Promise<Begun> => {
    const authorization = await authenticator.authorization();
    if (!authorization.ok) return failed(authorization.problem);
    const opened = await connection.open();
    if (!opened.ok) return failed(opened.message);
    const headers: OutgoingHttpHeaders = {
      ":method": method,
      ":path": `${prefix}${path}`,
      accept: "application/json",
      "user-agent": USER_AGENT,
      ...(authorization.value === undefined ? {} : { authorization: authorization.value }),
      ...(body === undefined ? {} : { "content-type": body.contentType }),
    };
    if (mayStill?.() === false) return failed("not sent: it was no longer allowed when its turn came");
    let stream: ClientHttp2Stream;
    try {
      stream = opened.session.request(headers, { endStream: body === undefined });
    } catch (error) {
      // The session has ended since, or is about to.
      return failed(explainError(error));
    }
    const begun = untilHeaders(stream, { time, limit: times.answer, fail });
    if (body !== undefined) stream.end(body.text);
    return begun;
  };

  /** The failure that an answer without success tells, whose body is read for it. */
  const complaintOf = async ({ status, retryAfter, stream }: Headers): Promise<Failure> => {
    const body = await readBody(stream, { time, limit: times.answer, most: MOST_COMPLAINT });
    const secrets = authenticator.secrets();
    return failureOfAnswer(body.ok ? body.text : "", { status, retryAfter, secrets });
  };

  const beginWithCredentials = async (request: Request): Promise<Begun> => {
    const first = await begin(request);
    if (!first.ok || first.headers.status !== 401) return first;
    await complaintOf(first.headers);
    authenticator.renew();
    connection.renew();
    return begin(request);
  };

  const isSuccess = (status: number): boolean => status >= 200 && status < 300;

  return {
    ask: async (request) => {
      const begun = await beginWithCredentials(request);
      if (!begun.ok) return begun;
      const { status, stream } = begun.headers;
      if (!isSuccess(status)) return { ok: false, failure: await complaintOf(begun.headers) };
      const read = await readBody(stream, { time, limit: times.answer, most: mostBytes });
      if (!read.ok) {
        if (read.isTooLarge !== true) return failed(read.message);
        return { ok: false, failure: notUnderstood(read.message, status), isTooLarge: true };
      }
      const body = read.text === "" ? {} : parseJson(read.text);
      if (body === undefined) return { ok: false, failure: notUnderstood("the answer is not JSON", status) };
      return { ok: true, status, body };
    },
    open: async (request) => {
      const begun = await beginWithCredentials(request);
      if (!begun.ok) return begun;
      const { status, stream } = begun.headers;
      if (!isSuccess(status)) return { ok: false, failure: await complaintOf(begun.headers) };
      return {
        ok: true,
        read: (onLine, limit) => readLines(stream, { limit, turns, onLine, fail }),
        cancel: () => cancelStream(stream),
      };
    },
    secrets: () => authenticator.secrets(),
    close: () => connection.close(),
  };
};
