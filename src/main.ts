/** Picks who reads the command line: people's, or one that need not be explained, as an edge's own start waits for it. */
import { plainOptions } from "#roles/edge/arguments";

const [command, ...words] = process.argv.slice(2);
const edge = command === "edge" ? plainOptions(words) : undefined;

if (command === "edge-agent") {
  // Nothing is parsed that was parsed already: the start of an edge waits for its agent.
  const { runAgent } = await import("#roles/edge/agent/run");
  process.exitCode = await runAgent(words[0]);
} else if (command === "speaker-agent") {
  const { parseSpeakerOptions } = await import("#roles/speaker/options");
  const options = parseSpeakerOptions(words[0]);
  if (options === undefined)
    throw new Error("speaker-agent is started by `steelyard speaker`, and by nobody else");
  const { runSpeakerAgent } = await import("#roles/speaker/agent/run");
  process.exitCode = await runSpeakerAgent(options);
} else if (edge !== undefined) {
  const { runWire } = await import("#roles/edge/wire/run");
  process.exitCode = await runWire(edge);
} else {
  await import("./cli.ts");
}
