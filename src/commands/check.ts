/** `steelyard check`: says whether configuration files are valid, and what they would mean. */
import { formatDuration, toMillis } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import type { TrackedCheck } from "#core/config/desired";
import { formatWorstCase, worstCase } from "#core/health/worst-case";
import { UNKNOWN_PRIORITY } from "#core/vip/ranks";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { openFiles } from "#drivers/files/linux";
import { formatProblem, type Loaded, type LocatedProblem, loadConfiguration } from "#drivers/files/load";
import type { FilesPort } from "#drivers/files/port";

export type CheckOptions = {
  /** Files and directories to check together, as `steelyard edge` would run them. */
  readonly paths: readonly string[];
  /** One JSON object instead of text. */
  readonly json: boolean;
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
};

const VALID = 0;
const INVALID = 2;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const healthLine = ({ name, health }: VirtualServer): string =>
  health === undefined
    ? `  ${name}: no health check, a dead backend is never removed`
    : `  ${name}: a dead backend is removed after ${formatWorstCase(health)}`;

const problemCounts = (problems: readonly LocatedProblem[]): string => {
  const warnings = problems.filter(({ severity }) => severity === "warning").length;
  return `${counted(problems.length - warnings, "error")}, ${counted(warnings, "warning")}`;
};

/** An endpoint without a priority has another one on each host, and this may be read on none of them. */
const priorityText = ({ priority, track }: VirtualRouterConfig, own: readonly TrackedCheck[]): string => {
  const isEndpoint = track.some(
    ({ subject }) => subject.kind === "check" && own.some(({ name }) => name === subject.name),
  );
  return isEndpoint && priority === UNKNOWN_PRIORITY
    ? "priority by each host's address"
    : `priority ${priority}`;
};

const textOf = (loaded: Loaded): readonly string[] => {
  if (!loaded.ok)
    return [...loaded.problems.map(formatProblem), `not valid: ${problemCounts(loaded.problems)}`];
  const { routers, servers, checks } = loaded.desired;
  const counts = [
    counted(routers.length, "virtual router"),
    counted(servers.length, "virtual server"),
    counted(
      servers.reduce((sum, { backends }) => sum + backends.length, 0),
      "backend",
    ),
    counted(checks.length, "tracked check"),
  ];
  // Of endpoints: each host asks its own API server.
  const own = checks.filter(({ isOfThisBox }) => isOfThisBox === true);
  return [
    ...loaded.warnings.map(formatProblem),
    `valid: ${counts.join(", ")} in ${counted(loaded.files.length, "file")}`,
    ...routers.map((router) => {
      const { name, advertisementInterval, interface: device, vrid } = router;
      const interval = formatDuration(advertisementInterval);
      return `  ${name}: vrid ${vrid} on ${device}, ${priorityText(router, own)}, advertises every ${interval}`;
    }),
    ...own.map(({ name, health }) => `  ${name}: a failure is noticed after ${formatWorstCase(health)}`),
    ...servers.map(healthLine),
  ];
};

const jsonOf = (loaded: Loaded): unknown => {
  if (!loaded.ok) return { valid: false, problems: loaded.problems };
  const { routers, servers, checks } = loaded.desired;
  return {
    valid: true,
    problems: loaded.warnings,
    files: loaded.files,
    virtualRouters: routers.map(({ name }) => name),
    virtualServers: servers.map(({ name, backends, health }) => ({
      name,
      backends: backends.map((backend) => backend.name),
      ...(health === undefined ? {} : { worstCaseRemovalMilliseconds: toMillis(worstCase(health).removal) }),
    })),
    trackedChecks: checks.map(({ name }) => name),
  };
};

/** Prints what is wrong, or what the configuration holds. Gives the exit status: 0 when it is valid, 2 when not. */
export const check = ({ paths, json, files = openFiles(), print = console.log }: CheckOptions): number => {
  const loaded = loadConfiguration(files, paths);
  if (json) print(JSON.stringify(jsonOf(loaded), null, 2));
  else for (const line of textOf(loaded)) print(line);
  return loaded.ok ? VALID : INVALID;
};
