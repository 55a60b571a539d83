/** Runs the `nft` program. */
import { execFile } from "node:child_process";

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

/** Runs nft once. Its standard input is closed: nft 1.0.6 cannot read a ruleset from the socket Node gives it. */
export const runNft = (nft: string, parameters: readonly string[]): Promise<NftResult> =>
  new Promise((resolve) => {
    const child = execFile(
      nft,
      [...parameters],
      { timeout: TIMEOUT_MILLIS, maxBuffer: LARGEST_OUTPUT, env: { ...process.env, LC_ALL: "C" } },
      (error, stdout, stderr) => {
        if (error === null) resolve({ ok: true, output: stdout });
        else if (error.code === "ENOENT") resolve({ ok: false, code: "not-found", output: error.message });
        else resolve({ ok: false, code: "failed", output: complaint(stderr) || error.message });
      },
    );
    child.stdin?.end();
  });
