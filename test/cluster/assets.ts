/** The real programs of Kubernetes that tests run. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder that holds these programs; builds what there is not yet, which takes minutes. */
export const findAssets = (programs: readonly string[]): string => {
  const given = process.env.KUBEBUILDER_ASSETS;
  // Of what `npm run test:cluster` runs, nothing is missing.
  if (given !== undefined && programs.every((program) => existsSync(join(given, program)))) return given;
  const script = join(import.meta.dirname, "../../scripts/kubernetes.ts");
  const { status, stdout } = spawnSync(process.execPath, [script, ...programs], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error("there is no Kubernetes to test with");
  return stdout.trim();
};
