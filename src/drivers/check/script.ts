/**
 * Script checks: a program and its arguments, without a shell; exit status 0 is the answer.
 *
 * It runs in a process group of its own, with next to no environment, and the whole group is killed at the deadline.
 * What it printed last goes into the failure's detail.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { IpAddress } from "#base/address";
import type { Answer, Start } from "./attempt.ts";
import { answerFromError } from "./failure.ts";

const MAX_OUTPUT_BYTES = 4_096;
/** How long after its exit a failed script's last output may take to arrive when something else keeps the pipe open. */
const OUTPUT_GRACE_MS = 50;

type Target = { readonly address: IpAddress; readonly port: number };
type Script = ChildProcessByStdio<null, Readable, Readable>;

const environment = (target: Target | undefined): Record<string, string> => ({
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  ...(target === undefined ? {} : { STEELYARD_ADDRESS: target.address, STEELYARD_PORT: String(target.port) }),
});

/** Keeps the last bytes of everything that the streams carry. */
const collectTail = (...streams: readonly Readable[]): (() => string) => {
  let tail = Buffer.alloc(0);
  for (const stream of streams) {
    stream.on("data", (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk.subarray(-MAX_OUTPUT_BYTES)]).subarray(-MAX_OUTPUT_BYTES);
    });
    stream.on("error", () => undefined);
  }
  return () => tail.toString("utf8").trim();
};

/** Kills the script and whatever it started, unless it has set itself apart with a process group of its own. */
const killGroup = (script: Script): void => {
  if (script.pid === undefined || script.exitCode !== null || script.signalCode !== null) return;
  try {
    process.kill(-script.pid, "SIGKILL");
  } catch {
    // The group is gone already: the exit is on its way to us.
  }
};

const exitAnswer = (code: number | null, signal: string | null, output: string): Answer => {
  if (code === 0) return { ok: true };
  const how = signal === null ? `exit status ${code}` : `killed by ${signal}`;
  return { ok: false, reason: "exit", detail: output === "" ? how : `${how}: ${output}` };
};

const startError = (command: string, error: Error): Answer => {
  const answer = answerFromError(error);
  if (answer.ok || answer.reason === "overloaded") return answer;
  return { ok: false, reason: "not-started", detail: `${command}: ${error.message}` };
};

/** Runs `command`; a script that belongs to a backend finds it in STEELYARD_ADDRESS and STEELYARD_PORT. */
export const startScript =
  (command: readonly string[], target: Target | undefined): Start =>
  ({ answer, gone }) => {
    const [program = "", ...rest] = command;
    const script = spawn(program, rest, {
      cwd: "/",
      detached: true,
      env: environment(target),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = collectTail(script.stdout, script.stderr);
    const drop = (): void => {
      script.stdout.destroy();
      script.stderr.destroy();
    };
    script.once("error", (error) => {
      answer(startError(program, error));
      if (script.pid === undefined) gone();
    });
    const finish = (): void => {
      if (script.exitCode === null && script.signalCode === null) return;
      answer(exitAnswer(script.exitCode, script.signalCode, output()));
      drop();
    };
    script.once("exit", (code) => {
      gone();
      if (code === 0) return finish();
      const grace = setTimeout(finish, OUTPUT_GRACE_MS);
      script.once("close", () => {
        clearTimeout(grace);
        finish();
      });
    });
    return {
      abandon() {
        finish();
        killGroup(script);
        drop();
        const said = output();
        return said === "" ? "the end of the script" : `the end of the script (last output: ${said})`;
      },
    };
  };
