/** How the agent's process is started. */
import { type SpeakerOptions, speakerOptionsText } from "../options.ts";

/** The program and arguments of the agent that belongs to this process. */
export const agentCommand = (options: SpeakerOptions): readonly string[] => {
  const [script = ""] = process.argv.slice(1);
  return [process.execPath, ...process.execArgv, script, "speaker-agent", speakerOptionsText(options)];
};
