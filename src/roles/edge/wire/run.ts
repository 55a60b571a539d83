/** Starts the wire process: the agent first, so that the two load side by side. */
import { readSupervisor, SUPERVISOR_VARIABLES } from "#core/supervision/environment";
import { readMissingCapabilities } from "#drivers/host/linux";
import { takeLock } from "#drivers/host/lock";
import { collectAlone } from "#drivers/host/memory";
import { spawnChild } from "#drivers/ipc/spawn";
import { complaint, EDGE_LOCK, type EdgeOptions, EXIT } from "../options.ts";
import { agentCommand } from "./agent-child.ts";

/** Runs until it is told to stop or cannot go on; gives the exit status. */
export const runWire = async (options: EdgeOptions): Promise<number> => {
  // A log on a full disk takes nothing, which is no reason to end.
  process.stderr.on("error", () => undefined);
  const missing = readMissingCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW"]);
  if (missing.length > 0) {
    const names = missing.join(" and ");
    process.stderr.write(
      complaint(options, `${names} missing: run it as root, or give it these capabilities`),
    );
    return EXIT.environment;
  }
  const lock = takeLock(EDGE_LOCK);
  if (!lock.taken) {
    process.stderr.write(complaint(options, `${lock.detail}: of two, each would undo what the other does`));
    return EXIT.environment;
  }
  if (lock.detail !== undefined) process.stderr.write(complaint(options, lock.detail));
  collectAlone();
  const supervisor = readSupervisor(process.env, process.pid);
  // Neither the agent nor a script of the operator may speak for us.
  for (const name of SUPERVISOR_VARIABLES) delete process.env[name];
  const agent = spawnChild(agentCommand(options));
  const { serve } = await import("./serve.ts");
  return serve(options, agent, supervisor);
};
