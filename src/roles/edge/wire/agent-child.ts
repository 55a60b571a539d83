/** Starts the agent's process. It needs next to nothing, so that the agent can start while the wire process loads. */
import { type ChildProcess, spawn } from "node:child_process";
import { type EdgeOptions, optionsText } from "../options.ts";

/** The program and arguments of the agent that belongs to this process. */
export const agentCommand = (options: EdgeOptions): readonly string[] => {
  const [script = ""] = process.argv.slice(1);
  return [process.execPath, ...process.execArgv, script, "edge-agent", optionsText(options)];
};

/** Starts it with the socket to us as descriptor 3. Failures come as `error` and `exit` events of the child. */
export const spawnAgent = ([program = process.execPath, ...args]: readonly string[]): ChildProcess =>
  spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
