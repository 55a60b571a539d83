/** How long an edge takes from its command until it is ready to serve. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Lab } from "#lab/lab";
import type { BuildCopy } from "./build-copy.ts";
import { echoResource, PAIRS, routerResource } from "./pair.ts";
import type { Start, Starts } from "./start-report.ts";

const READY = fileURLToPath(new URL("./programs/ready.ts", import.meta.url));
const CONFIG = "/run/edge.yaml";
const ADMIN = "/run/steelyard/edge.sock";

/** One router and one virtual server with three checked backends. */
const smallConfig = (): string =>
  PAIRS.slice(0, 1)
    .map((pair) => `${routerResource(pair, "active", { intervalMs: 200 })}---\n${echoResource(pair)}`)
    .join("");

const measure = async (
  lab: Lab,
  { command, env, runs }: { command: readonly string[]; env: Readonly<Record<string, string>>; runs: number },
): Promise<readonly Start[]> => {
  const argv = [process.execPath, READY, String(runs), ADMIN, ...command];
  const said = await lab.host("e1").expect(argv, { env, timeoutMs: 20_000 + runs * 10_000 });
  return JSON.parse(said.trimEnd().split("\n").at(-1) ?? "[]");
};

/** Milliseconds that the copied Node.js takes to start, do nothing and end. */
const measureFloor = (copy: BuildCopy, runs: number): readonly number[] => {
  const [node = ""] = copy.direct();
  return Array.from({ length: runs }, () => {
    const began = performance.now();
    spawnSync(node, ["-e", "0"]);
    return performance.now() - began;
  });
};

/** Starts an edge `runs` times in each way, and Node.js alone for comparison. The first start of each is left out. */
export const measureStart = async (
  lab: Lab,
  { copy, runs }: { copy: BuildCopy; runs: number },
): Promise<{ readonly all: readonly Starts[]; readonly floorMs: readonly number[] }> => {
  await lab.host("e1").write(CONFIG, smallConfig());
  const env = copy.environment;
  const ways = [
    { name: "`bin/steelyard edge`", command: copy.launched("edge", "--config", CONFIG) },
    { name: "`node dist/main.js edge`", command: copy.direct("edge", "--config", CONFIG) },
  ];
  const all: Starts[] = [];
  for (const { name, command } of ways) {
    const starts = await measure(lab, { command, env, runs: runs + 1 });
    all.push({ name, starts: starts.slice(1) });
  }
  return { all, floorMs: measureFloor(copy, runs + 1).slice(1) };
};
