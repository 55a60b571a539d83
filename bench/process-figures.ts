/** What a process costs, as the kernel counts it. */
import { readFileSync } from "node:fs";

/** Processor time so far in seconds; NaN when it does not run. */
export const cpuSeconds = (pid: number | undefined): number => {
  if (pid === undefined) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  // In hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Megabytes (2^20) of resident set size, as for a process that is alone on its machine. */
export const rssMb = (pid: number | undefined): number => {
  if (pid === undefined) return Number.NaN;
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Rss:\s+(\d+) kB/m.exec(rollup)?.[1]) / 1_024;
};

/** The most megabytes (2^20) of resident set size that it ever had. */
export const peakMb = (pid: number | undefined): number => {
  if (pid === undefined) return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
};
