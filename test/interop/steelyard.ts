/** The program under test: the built `steelyard edge` on `e1`. */
import { join } from "node:path";
import type { Status } from "#api/status";
import type { LabProcess } from "#lab/index";
import type { Bed } from "./bed.ts";
import { edgeAddress, type Variant, VRID, virtualAddresses } from "./variant.ts";

/** What one test wants of one of the edge's virtual routers besides the variant. */
export type EdgeOptions = {
  readonly priority: number;
  /** Default: `VRID`. */
  readonly vrid?: number;
  /** Addresses with prefix lengths; `undefined` means the variant's. */
  readonly addresses?: readonly string[];
  /** Lines for `spec`, such as `preempt: false`. */
  readonly more?: readonly string[];
};

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const ADMIN = "/run/steelyard/edge.sock";

/** One document of the edge's configuration file. */
const routerDocument = (variant: Variant, options: EdgeOptions): string => {
  const { version, transport, password, intervalMs } = variant;
  const { priority, vrid = VRID, addresses = virtualAddresses(variant), more = [] } = options;
  return [
    "apiVersion: steelyard.dev/v1alpha1",
    "kind: VirtualRouter",
    `metadata: { name: v${vrid} }`,
    "spec:",
    "  interface: eth0",
    `  vrid: ${vrid}`,
    `  version: ${version}`,
    `  priority: ${priority}`,
    `  advertisementInterval: ${intervalMs}ms`,
    ...(transport === "unicast"
      ? [
          `  sourceAddress: ${edgeAddress(variant, "e1")}`,
          `  unicast: { peers: ["${edgeAddress(variant, "e2")}"] }`,
        ]
      : []),
    ...(password === undefined ? [] : [`  authentication: { simplePassword: ${password} }`]),
    ...more.map((line) => `  ${line}`),
    "  addresses:",
    ...addresses.map((address) => `    - "${address}"`),
    "",
  ].join("\n");
};

const command = (...args: readonly string[]): readonly string[] => [process.execPath, MAIN, ...args];

let starts = 0;

/** Asks the running edge how it is; `undefined` while it does not answer. */
export const statusOf = async (bed: Bed): Promise<Status | undefined> => {
  const asked = await bed.lab.host("e1").run(command("status", "--admin", ADMIN, "--json"));
  return asked.code === 0 ? JSON.parse(asked.stdout) : undefined;
};

/** Starts the edge with these virtual routers and resolves when the first takes part. */
export const startEdge = async (
  bed: Bed,
  variant: Variant,
  ...routers: readonly EdgeOptions[]
): Promise<LabProcess> => {
  starts += 1;
  const host = bed.lab.host("e1");
  const config = `/run/edge-${starts}.yaml`;
  const documents = routers.map((options) => routerDocument(variant, options));
  await host.write(config, documents.join("---\n"));
  const program = await host.spawn(command("edge", "--config", config, "--admin", ADMIN));
  bed.remember(`steelyard ${starts}`, program);
  const limit = performance.now() + 5_000;
  let ended = false;
  void program.exited.then(() => {
    ended = true;
  });
  for (;;) {
    const state = (await statusOf(bed))?.routers[0]?.state;
    if (state === "backup" || state === "active") return program;
    if (ended) throw new Error("steelyard ended as soon as it was started");
    if (performance.now() > limit) throw new Error(`steelyard is ${state ?? "silent"} after 5 s`);
  }
};
