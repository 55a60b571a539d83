/** From what an API server or a socket says to a reason of our closed list. */
import { fieldsOf, parseJson, textOf } from "./json.ts";
import type { Failure } from "./port.ts";
import { hideSecrets } from "./secrets.ts";

const LONGEST_MESSAGE = 1_024;
const LONGEST_WAIT_MS = 3_600_000;

/** The reason for an HTTP status that is no success. */
const reasonOfStatus = (status: number): Failure["reason"] => {
  switch (status) {
    case 400:
    case 422:
      return "invalid";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 409:
      return "conflict";
    case 410:
      return "gone";
    case 429:
      return "throttled";
    default:
      return "server-error";
  }
};

/** A message that is short enough and without any of the secrets, even if the server repeats them. */
const cleanMessage = (message: string, secrets: readonly string[]): string => {
  const clean = hideSecrets(message, secrets);
  return clean.length <= LONGEST_MESSAGE ? clean : `${clean.slice(0, LONGEST_MESSAGE - 1)}…`;
};

const waitOf = (seconds: unknown): number | undefined => {
  const wait = typeof seconds === "string" && /^\d{1,9}$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof wait !== "number" || !Number.isFinite(wait) || wait < 0) return undefined;
  return Math.min(wait * 1_000, LONGEST_WAIT_MS);
};

/** The failure that a Status object tells, of an answer or of an ERROR event. */
export const failureOfStatus = (
  object: unknown,
  { status, retryAfter, secrets }: { status: number; retryAfter?: unknown; secrets: readonly string[] },
): Failure => {
  const { message, details } = fieldsOf(object);
  const said = textOf(message);
  const wait = waitOf(retryAfter) ?? waitOf(fieldsOf(details).retryAfterSeconds);
  return {
    reason: reasonOfStatus(status),
    status,
    message: cleanMessage(said === "" ? `the API server answered with status ${status}` : said, secrets),
    // A wait of 0 is how the server says that none is needed.
    retryAfter: wait === 0 ? undefined : wait,
  };
};

/** The failure that an answer tells by its status and body, which is a Status object, plain text or nothing. */
export const failureOfAnswer = (
  body: string,
  answer: { status: number; retryAfter?: unknown; secrets: readonly string[] },
): Failure => {
  const parsed = parseJson(body);
  return failureOfStatus(parsed ?? { message: body.trim() }, answer);
};

/** Nothing came back. */
export const unreachable = (message: string, secrets: readonly string[] = []): Failure => ({
  reason: "unreachable",
  status: 0,
  message: cleanMessage(message, secrets),
  retryAfter: undefined,
});

/** Something came back that cannot be understood. */
export const notUnderstood = (message: string, status = 0): Failure => ({
  reason: "server-error",
  status,
  message: cleanMessage(message, []),
  retryAfter: undefined,
});

/** The words for an error of a socket, of TLS or of HTTP/2. */
export const explainError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  // Several addresses of one name were tried, each in vain.
  if (error instanceof AggregateError && error.errors.length > 0) return explainError(error.errors[0]);
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
};
