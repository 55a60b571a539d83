/**
 * Secrets in files: lines of which nobody but the owner and group of the file may know.
 *
 * What is read stays here: others get a function that signs with it.
 */
import { createHmac } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";

/** In bytes; fewer can be guessed. */
const SHORTEST = 16;
const LONGEST = 1_024;
/** Read or written by everybody else (inode(7)). */
const OTHERS = 0o006;

/** What is said with a secret. */
export type Secret = {
  /** HMAC-SHA-256 (RFC 2104), 32 bytes. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  /** Which state of the file it is: another one when the file has changed. */
  readonly version: string;
};

const hmac = (key: Uint8Array, bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac("sha256", key).update(bytes).digest());

const versionOf = ({ mtimeMs, size, ino }: Stats): string => `${mtimeMs}/${size}/${ino}`;

/** Why this file is not used. */
const objectionTo = (stats: Stats): string | undefined => {
  if (!stats.isFile()) return "is no regular file";
  if ((stats.mode & OTHERS) !== 0) return "is open to everybody: chmod o-rw it";
  return stats.size > LONGEST ? `has more than ${LONGEST} bytes` : undefined;
};

/** The line without its end. */
const lineIn = (bytes: Uint8Array): Uint8Array => {
  const isEnd = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;
  let length = bytes.length;
  while (length > 0 && isEnd(bytes[length - 1])) length -= 1;
  return bytes.subarray(0, length);
};

const explain = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return "does not exist";
  return code === "EACCES" || code === "EPERM"
    ? "may not be read"
    : `cannot be read: ${String(code ?? cause)}`;
};

/** What is made of the contents of a file, which are forgotten afterwards; or why there are none. */
const readWith = <Result>(
  path: string,
  use: (contents: Uint8Array, stats: Stats) => Result | string,
): Result | string => {
  let descriptor: number | undefined;
  try {
    // A pipe would keep us waiting for who writes to it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    const objection = objectionTo(stats);
    if (objection !== undefined) return objection;
    const buffer = new Uint8Array(LONGEST);
    const result = use(buffer.subarray(0, readSync(descriptor, buffer, 0, LONGEST, 0)), stats);
    buffer.fill(0);
    return result;
  } catch (cause) {
    return explain(cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
};

const secretOf = (
  secret: Uint8Array,
  { purpose, stats }: { readonly purpose: string; readonly stats: Stats },
): Secret => {
  const key = hmac(secret, new TextEncoder().encode(purpose));
  return { sign: (bytes) => hmac(key, bytes), version: versionOf(stats) };
};

/**
 * The secret in a file, for one purpose: what is signed for one says nothing to another. Gives why there is none, as
 * the end of a sentence about the file.
 */
export const readSecret = (path: string, purpose: string): Secret | string =>
  readWith(path, (contents, stats) => {
    const secret = lineIn(contents);
    if (secret.length < SHORTEST) return `holds less than ${SHORTEST} bytes`;
    return secretOf(secret, { purpose, stats });
  });

/** The lines of a file that are not empty. */
const linesIn = (bytes: Uint8Array): readonly Uint8Array[] => {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    lines.push(lineIn(bytes.subarray(start, end < 0 ? bytes.length : end)));
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines.filter((line) => line.length > 0);
};

/**
 * The same for a file with a secret in each line, one or more: the first is what others are shown, all are accepted from them, so
 * that a secret can be replaced while it is in use.
 */
export const readSecrets = (path: string, purpose: string): readonly [Secret, ...Secret[]] | string =>
  readWith(path, (contents, stats) => {
    const lines = linesIn(contents);
    if (lines.some((line) => line.length < SHORTEST)) return `has a line of less than ${SHORTEST} bytes`;
    const [first, ...rest] = lines.map((line) => secretOf(line, { purpose, stats }));
    return first === undefined ? "is empty" : ([first, ...rest] as const);
  });
