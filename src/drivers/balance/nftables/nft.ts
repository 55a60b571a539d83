/** Runs the `nft` program. */
import { execFile } from "node:child_process";
import { pipeline, Readable } from "node:stream";

export type NftResult =
  | { readonly ok: true; readonly output: string }
  /** `not-found`: there is no such program; `failed`: it ran and refused, or did not end in time. */
  | { readonly ok: false; readonly code: "not-found" | "failed"; readonly output: string };

const TIMEOUT_MILLIS = 60_000;
const LARGEST_OUTPUT = 256 * 1_048_576;
const MOST_LINES = 6;

/** The first lines of what nft complained about, without the line and caret that quote our file back. */
const complaint = (output: string): string =>
  output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*[\^~]+\s*$/.test(line))
    .slice(0, MOST_LINES)
    .join("\n");

type Ending = (error: (Error & { readonly code?: unknown }) | null, stdout: string, stderr: string) => void;

const OPTIONS = { timeout: TIMEOUT_MILLIS, maxBuffer: LARGEST_OUTPUT };

const ending =
  (resolve: (result: NftResult) => void): Ending =>
  (error, stdout, stderr) => {
    if (error === null) resolve({ ok: true, output: stdout });
    else if (error.code === "ENOENT") resolve({ ok: false, code: "not-found", output: error.message });
    else resolve({ ok: false, code: "failed", output: complaint(stderr) || error.message });
  };

/**
 * Has nft read a ruleset without a file, for when none can be written. `cat` stands between, since what Node.js gives a
 * program to read from is a socket, and nft 1.0.6 opens its standard input by name, which a socket has not.
 */
export const feedNft = (nft: string, text: Iterable<string>): Promise<NftResult> =>
  new Promise((resolve) => {
    const script = 'cat | exec "$0" --file /dev/stdin';
    const environment = { ...process.env, LC_ALL: "C" };
    const child = execFile("sh", ["-c", script, nft], { ...OPTIONS, env: environment }, ending(resolve));
    // When nft gives up early its own words say why.
    if (child.stdin !== null) pipeline(Readable.from(text), child.stdin, () => undefined);
  });

/** Runs nft once. Its standard input is closed: nft 1.0.6 cannot read a ruleset from the socket Node gives it. */
export const runNft = (nft: string, parameters: readonly string[]): Promise<NftResult> =>
  new Promise((resolve) => {
    const environment = { ...process.env, LC_ALL: "C" };
    const child = execFile(nft, [...parameters], { ...OPTIONS, env: environment }, ending(resolve));
    child.stdin?.end();
  });
