/** Whether something keeps this machine's clock right. */
import { execFile } from "node:child_process";
import type { Facts } from "#core/preflight/facts";

const PATIENCE_MS = 2_000;

const output = (program: string, args: readonly string[]): Promise<string | undefined> =>
  new Promise((resolve) => {
    const options = { timeout: PATIENCE_MS, killSignal: "SIGKILL", maxBuffer: 65_536 } as const;
    execFile(program, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });

/**
 * Asks timedated, which asks the kernel (adjtimex(2)); where it does not run, chronyd. `undefined` where neither answers.
 * Both programs can be other ones in tests.
 */
export const readClock = async (
  timedatectl = "timedatectl",
  chronyc = "chronyc",
): Promise<Facts["clock"]> => {
  const property = await output(timedatectl, ["show", "--property=NTPSynchronized", "--value"]);
  const said = property?.trim();
  if (said === "yes") return "synchronized";
  if (said === "no") return "unsynchronized";
  const tracking = await output(chronyc, ["-c", "tracking"]);
  // Fields with commas between them; the last one says whether a second is to be put in, or that nothing is known.
  const leap = tracking?.trim().split(",").at(-1);
  if (leap === undefined || leap === "") return undefined;
  return leap === "Not synchronised" ? "unsynchronized" : "synchronized";
};
