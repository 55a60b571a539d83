/** How BFD packets between speakers are signed: with what is in the secret file, one secret a line. */
import { type Duration, seconds, toMillis } from "#base/time";
import type { Authentication, AuthenticationKey } from "#core/bfd/authentication";
import { authenticationProblems } from "#core/bfd/authentication";
import { readSecrets, type Secret } from "#drivers/files/secret";

/** Of SHA1 keys (RFC 5880 §4.4). */
const KEY_LENGTH = 20;

const words = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The same on all nodes: a packet names its key by a number that follows from the secret. */
const keyOf = ({ sign }: Secret): AuthenticationKey => ({
  id: sign(words("id"))[0] ?? 0,
  secret: sign(words("key")).slice(0, KEY_LENGTH),
});

/** Reads the file; gives why it cannot be used, as the end of a sentence about it. */
export const readAuthentication = (path: string): Authentication | string => {
  const secrets = readSecrets(path, "steelyard speakers");
  if (typeof secrets === "string") return secrets;
  const [first, ...rest] = secrets;
  const authentication: Authentication = {
    type: "meticulous-keyed-sha1",
    keys: [keyOf(first), ...rest.map(keyOf)],
  };
  const [problem] = authenticationProblems(authentication);
  if (problem === undefined) return authentication;
  return "has two lines that are the same, or that packets could not tell apart: take another secret for one of them";
};

type WatchTiming = {
  /** Between two looks. */
  readonly pause: Duration;
  /** How long a file must stay as it is to be believed: whoever writes it in place takes a moment. */
  readonly settle: Duration;
};

const TIMING: WatchTiming = { pause: seconds(5), settle: seconds(1) };

/** Another text when the file is another, whether or not it can be used. */
const versionIn = (path: string): string => {
  const secrets = readSecrets(path, "version");
  return typeof secrets === "string" ? secrets : secrets[0].version;
};

/**
 * Calls back each time the file has changed, with what is in it now; gives a function that stops it.
 *
 * It looks now and then, and is not woken: its directory may be one in which others write all day, and this thread has better
 * things to do than to hear of that.
 */
export const watchAuthentication = (
  path: string,
  onChange: (authentication: Authentication | string) => void,
  { pause, settle }: WatchTiming = TIMING,
): (() => void) => {
  let known = versionIn(path);
  let seen = known;
  const look = (): void => {
    const version = versionIn(path);
    const isSettled = version === seen;
    seen = version;
    if (isSettled && version !== known) {
      known = version;
      onChange(readAuthentication(path));
    }
    timer = setTimeout(look, toMillis(isSettled ? pause : settle));
  };
  let timer = setTimeout(look, toMillis(pause));
  return () => clearTimeout(timer);
};
