/** A control group's CPU quota, which would make advertisements late. */

/** The share of one CPU (1 = a whole one) that a cgroup v2 `cpu.max` allows; `undefined` when there is no limit. */
export const cpuLimit = (cpuMax: string): number | undefined => {
  const match = /^(\d+) (\d+)\s*$/.exec(cpuMax);
  if (match === null) return undefined;
  const share = Number(match[1]) / Number(match[2]);
  return Number.isFinite(share) ? share : undefined;
};
