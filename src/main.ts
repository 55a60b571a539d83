/** Picks who reads the command line: people's, or one that need not be explained, as an edge's own start waits for it. */
import { plainOptions } from "#roles/edge/arguments";

const [command, ...words] = process.argv.slice(2);
const edge = command === "edge" ? plainOptions(words) : undefined;

if (command === "edge-agent") {
  // Nothing is parsed that was parsed already: the start of an edge waits for its agent.
  const { runAgent } = await import("#roles/edge/agent/run");
  process.exitCode = await runAgent(words[0]);
} else if (edge !== undefined) {
  const { runWire } = await import("#roles/edge/wire/run");
  process.exitCode = await runWire(edge);
} else {
  await import("./cli.ts");
}
