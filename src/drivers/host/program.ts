/** Runs a program of the machine to its end, within bounds. */
import { spawn } from "node:child_process";
import { type Duration, formatDuration, toMillis } from "#base/time";

export type Ran =
  | { readonly type: "ended"; readonly status: number; readonly stdout: string; readonly stderr: string }
  /** It could not be started, was killed, took too long or printed too much. */
  | { readonly type: "failed"; readonly problem: string };

export type RunOptions = {
  readonly limit: Duration;
  /** Called with each whole line of its output as it comes. */
  readonly onLine?: (line: string) => void;
};

/** Runs `command` with arguments, without a shell and without input. Never rejects. */
export type RunProgram = (command: string, args: readonly string[], options: RunOptions) => Promise<Ran>;

const MOST_BYTES = 4 * 1_024 * 1_024;

/** Collects what comes on a stream, and tells it line by line. */
const collector = (onLine: ((line: string) => void) | undefined, onTooMuch: () => void) => {
  const chunks: Buffer[] = [];
  let [bytes, pending] = [0, ""];
  return {
    take: (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) {
        onTooMuch();
        return;
      }
      chunks.push(chunk);
      if (onLine === undefined) return;
      const lines = (pending + chunk.toString("utf8")).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    },
    text: (): string => Buffer.concat(chunks).toString("utf8"),
    end: (): void => {
      if (pending !== "") onLine?.(pending);
    },
  };
};

/** The real thing. */
export const runProgram: RunProgram = (command, args, { limit, onLine }) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const fail = (problem: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ type: "failed", problem: `${command} ${problem}` });
    };
    const timer = setTimeout(() => fail(`did not end within ${formatDuration(limit)}`), toMillis(limit));
    const tooMuch = (): void => fail("prints too much");
    const [stdout, stderr] = [collector(onLine, tooMuch), collector(onLine, tooMuch)];
    child.stdout.on("data", stdout.take);
    child.stderr.on("data", stderr.take);
    child.on("error", (error) => {
      const code = "code" in error ? String(error.code) : error.message;
      fail(code === "ENOENT" ? "is not installed" : `cannot be started (${code})`);
    });
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      stdout.end();
      stderr.end();
      if (status === null) fail(`was killed by ${signal}`);
      else resolve({ type: "ended", status, stdout: stdout.text(), stderr: stderr.text() });
    });
  });
