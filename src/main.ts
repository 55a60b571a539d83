/** Picks who reads the command line: people's, or the one that an edge writes for its own second process. */

if (process.argv[2] === "edge-agent") {
  // Nothing is parsed that was parsed already: the start of an edge waits for its agent.
  const { runAgent } = await import("#roles/edge/agent/run");
  process.exitCode = await runAgent(process.argv[3]);
} else {
  await import("./cli.ts");
}
