/**
 * The lab's own small programs, and how to start them.
 *
 * From a checkout this file runs as it is; in the bundle the same programs are behind `steelyard lab program NAME`.
 */
import { fileURLToPath } from "node:url";

/** Programs that run inside of a lab. */
export type ProgramName = "holder" | "relay" | "servers" | "http-load" | "udp-probe" | "downloads";

const isSource = import.meta.url.endsWith(".ts");

/** The command line that runs `steelyard` with these arguments: this checkout or this bundle, whichever we are. */
export const steelyardCommand = (...args: readonly string[]): readonly string[] => {
  // In the bundle this module is part of a chunk beside the entry.
  const entry = fileURLToPath(new URL(isSource ? "../main.ts" : "./main.js", import.meta.url));
  return [process.execPath, ...process.execArgv, entry, ...args];
};

/** The command line that runs one of the lab's programs with these arguments. */
export const programCommand = (name: ProgramName, ...args: readonly string[]): readonly string[] =>
  isSource
    ? [process.execPath, fileURLToPath(import.meta.url), name, ...args]
    : steelyardCommand("lab", "program", name, ...args);

/** Runs the program of that name in this process; `false` when there is none. */
export const runProgram = async (name: string, args: readonly string[]): Promise<boolean> => {
  switch (name) {
    case "holder":
      await (await import("./holder.ts")).hold(args);
      return true;
    case "relay":
      await (await import("./relay.ts")).relay(args);
      return true;
    case "servers":
      await (await import("./probe/servers.ts")).serve(args);
      return true;
    case "http-load":
      await (await import("./probe/http-load.ts")).load(args);
      return true;
    case "udp-probe":
      await (await import("./probe/udp-probe.ts")).probe(args);
      return true;
    case "downloads":
      await (await import("./probe/downloads.ts")).download(args);
      return true;
    default:
      return false;
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url) && isSource) {
  const [, , name = "", ...args] = process.argv;
  if (!(await runProgram(name, args))) process.exitCode = 2;
}
