/** `steelyard controller` in the host of the control plane. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { NAMESPACE } from "../controller.ts";
import type { ServerProgram } from "../server-program.ts";
import type { LabCluster } from "./bed.ts";
import { openLabServer } from "./program.ts";

const MAIN = join(import.meta.dirname, "../../../dist/main.js");

/** Starts the built program under these rights; resolves when it answers that it is ready. */
export const startLabController = async (
  { control: cp, plane: { folder } }: Pick<LabCluster, "control" | "plane">,
  { kubeconfig, args = [] }: { readonly kubeconfig: string; readonly args?: readonly string[] },
): Promise<ServerProgram> => {
  if (!existsSync(MAIN)) throw new Error('run "npm run build" first');
  const ready = "http://127.0.0.1:7480/readyz";
  const asking = `fetch("${ready}").then(({ status }) => process.exit(status === 200 ? 0 : 1), () => process.exit(1))`;
  const server = openLabServer(cp, {
    name: "controller",
    command: [
      ...[process.execPath, "--max-semi-space-size=1", MAIN, "controller"],
      ...[`--kubeconfig=${kubeconfig}`, `--namespace=${NAMESPACE}`, "--webhook-mode=disabled"],
      ...["--listen=127.0.0.1:7480", `--admin=${join(folder, "controller.sock")}`, ...args],
    ],
    log: join(folder, "controller.log"),
    isReady: async () => (await cp.run([process.execPath, "-e", asking])).code === 0,
    readyWithinMs: 30_000,
  });
  await server.start();
  return server;
};
