/** What the lab's tests share: who is in a lab, as seen from outside, and whether somebody can be reached. */
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab } from "#lab/lab";

const processNamespace = (pid: number | string): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
};

/** The process namespace of a lab, by its first process. */
export const namespaceOf = (pid: number): string => {
  const namespace = processNamespace(pid);
  if (namespace === undefined) throw new Error(`there is no process ${pid}`);
  return namespace;
};

/** Every process in a process namespace, by the numbers of the outside. */
export const processesOf = (namespace: string): readonly number[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && processNamespace(entry) === namespace)
    .map(Number);

/** Resolves with the time it took until nothing was left in a process namespace; fails after 5 s. */
export const emptied = async (namespace: string): Promise<number> => {
  const began = performance.now();
  for (let left = processesOf(namespace); left.length > 0; left = processesOf(namespace)) {
    if (performance.now() - began > 5_000) throw new Error(`still there: ${left.join(", ")}`);
    await pause(5);
  }
  return performance.now() - began;
};

/** Whether `from` gets a TCP answer, be it a refusal, from an address; only silence counts as none. */
export const reaches = async (lab: Lab, from: string, address: string): Promise<boolean> => {
  const script = `echo >/dev/tcp/${address}/9`;
  const { code } = await lab.host(from).run(["timeout", "0.4", "bash", "-c", script]);
  return code !== 124;
};
