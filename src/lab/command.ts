/** Runs one command to its end and keeps what it said. */
import { spawn } from "node:child_process";

/** How a command ended and what it said. */
type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs `argv` with `input` on its standard input. A command that cannot be started ends with code 127. */
const runCommand = (argv: readonly string[], input = ""): Promise<CommandResult> =>
  new Promise((resolve) => {
    const [command = "", ...args] = argv;
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      stdout += piece;
    });
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      stderr += piece;
    });
    child.once("error", (error) => resolve({ code: 127, stdout, stderr: error.message }));
    child.once("close", (code) => resolve({ code, stdout, stderr }));
    // A command that ends before it has read its input is no failure of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });

/** Runs `argv` and gives its standard output; throws with all it said unless it ended with code 0. */
export const mustRun = async (argv: readonly string[], input = ""): Promise<string> => {
  const result = await runCommand(argv, input);
  if (result.code === 0) return result.stdout;
  throw new Error(`${argv.join(" ")} ended with code ${result.code}: ${result.stderr.trim()}`);
};
