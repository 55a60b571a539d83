/** How the agent's process is started. */
import { type EdgeOptions, optionsText } from "../options.ts";

/** The program and arguments of the agent that belongs to this process. */
export const agentCommand = (options: EdgeOptions): readonly string[] => {
  const [script = ""] = process.argv.slice(1);
  return [process.execPath, ...process.execArgv, script, "edge-agent", optionsText(options)];
};
