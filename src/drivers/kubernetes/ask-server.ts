/** Tries one API server as a client would: reach it, verify its certificate, show credentials, hear that it is ready. */
import { type Duration, seconds } from "#base/time";
import type { Outcome } from "#core/api-server/choose";
import { createAuthenticator } from "./authenticator.ts";
import { type Asked, createClient, type Streaming } from "./client.ts";
import { CONNECTION_TIMES, createConnection } from "./connection.ts";
import type { ClusterCredentials } from "./credentials.ts";
import type { Failure } from "./port.ts";
import { systemTime } from "./time.ts";
import { createTurns } from "./turns.ts";

/** An answer that tells which checks fail is short. */
const MOST_BYTES = 64 * 1_024;
const LONGEST_DETAIL = 200;

/** Codes of OpenSSL's verdicts on a chain all begin with one of these. */
const UNTRUSTED =
  /\b(CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_PURPOSE|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH)/;

const shorten = (text: string): string => {
  const line = text.split("\n")[0] ?? "";
  return line.length <= LONGEST_DETAIL ? line : `${line.slice(0, LONGEST_DETAIL - 1)}…`;
};

/** What no connection means. */
const outcomeOfConnection = (message: string, host: string): Outcome => {
  const detail = shorten(message.replace(`${host}: `, ""));
  if (message.includes("ERR_TLS_CERT_ALTNAME_INVALID")) return { type: "wrong-name", detail: "" };
  if (UNTRUSTED.test(message)) return { type: "untrusted", detail };
  if (message.includes("does not speak HTTP/2")) return { type: "no-api", detail };
  // An alert (RFC 8446 §6) is TLS, whoever sends it.
  if (/ERR_SSL_|EPROTO/.test(message) && !/ALERT/i.test(message)) return { type: "no-tls", detail: "" };
  return { type: "no-answer", detail };
};

const outcomeOfFailure = ({ reason, status, message }: Failure): Outcome => {
  const detail = shorten(message);
  if (reason === "unauthorized") return { type: "refused", detail: "" };
  // Who may not ask for this is known to the server all the same.
  if (reason === "forbidden") return { type: "good" };
  if (status >= 500 || reason === "throttled") return { type: "not-ready", detail: `status ${status}` };
  return status === 0 ? { type: "no-answer", detail } : { type: "no-api", detail: `status ${status}` };
};

const outcomeOf = (answer: Streaming | Asked): Outcome => {
  if (!answer.ok) return outcomeOfFailure(answer.failure);
  if ("cancel" in answer) answer.cancel();
  return { type: "good" };
};

/** Tries the server of these credentials once; each step may take `limit`. Never rejects. */
export const askServer = async (
  credentials: ClusterCredentials,
  limit: Duration = seconds(5),
): Promise<Outcome> => {
  const time = systemTime;
  const authenticator = createAuthenticator(credentials, time);
  const times = { ...CONNECTION_TIMES, connect: limit };
  const connection = createConnection(credentials, authenticator, { time, times });
  const { pathname, host } = new URL(credentials.server);
  const client = createClient({
    ...{ connection, authenticator, host, time, turns: createTurns(), mostBytes: MOST_BYTES },
    prefix: pathname.replace(/\/+$/, ""),
    times: { answer: limit },
  });
  try {
    const opened = await connection.open();
    if (!opened.ok) return outcomeOfConnection(opened.message, host);
    return outcomeOf(await client.open({ method: "GET", path: "/readyz" }));
  } finally {
    client.close();
  }
};
