/** On what a figure was measured. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { VERSION } from "#base/version";

const keepalivedVersion = (): string => {
  try {
    // It says its version on its error output, so that is joined to the other.
    const said = execFileSync("sh", ["-c", "keepalived --version 2>&1"], { encoding: "utf8" });
    return /Keepalived v([\d.]+)/.exec(said)?.[1] ?? "of unknown version";
  } catch {
    return "not installed";
  }
};

/** One paragraph: the machine, the versions, and how busy it was when the benches began. */
export const machineText = (): string => {
  const processors = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  const date = new Date().toISOString().slice(0, 10);
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return (
    `Measured on ${date} with ${processors.length} x ${processors[0]?.model.trim() ?? "CPU"}, ${memory}, ` +
    `Linux ${release()}, Node.js ${process.version}, steelyard ${VERSION}, keepalived ${keepalivedVersion()}; ` +
    `load average when it began: ${load}.`
  );
};
