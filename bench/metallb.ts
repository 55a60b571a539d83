/** MetalLB's controller beside ours: the program built from its published Go module, and what it needs to run by itself. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ControlPlane } from "#test/cluster/bed";
import { openServer, type ServerProgram } from "#test/cluster/server-program";

const VERSION = "v0.16.1";
const NAMESPACE = "metallb-system";

/** The program, built once and kept; `undefined` where there is no Go to build it with. */
export const buildMetallb = (say: (line: string) => void): string | undefined => {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "steelyard", "metallb", VERSION);
  const program = join(folder, "controller");
  if (existsSync(program)) return program;
  say(`allocate: building MetalLB ${VERSION}, which takes some minutes`);
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("go", ["install", `go.universe.tf/metallb/controller@${VERSION}`], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
      stdio: ["ignore", "ignore", "inherit"],
    });
    return program;
  } catch {
    say("allocate: MetalLB could not be built here, so it is left out");
    return undefined;
  }
};

/** It wants to find the pod that it runs in; nothing runs in this one. */
const SURROUNDINGS = `apiVersion: v1
kind: Namespace
metadata: { name: ${NAMESPACE} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: default, namespace: ${NAMESPACE} }
---
apiVersion: v1
kind: Pod
metadata: { name: controller, namespace: ${NAMESPACE} }
spec:
  automountServiceAccountToken: false
  containers: [{ name: controller, image: none }]
---
apiVersion: metallb.io/v1beta1
kind: ConfigurationState
metadata: { name: controller, namespace: ${NAMESPACE} }
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: bench, namespace: ${NAMESPACE} }
spec: { addresses: ["10.0.0.0/8"] }
`;

/** Describes MetalLB's controller, which may do everything; it does not run yet. */
export const openMetallb = async (plane: ControlPlane, program: string): Promise<ServerProgram> => {
  await plane.apply(SURROUNDINGS);
  const access = await plane.access({ type: "user", name: "metallb", groups: ["system:masters"] }, []);
  return openServer({
    name: "metallb",
    command: [
      ...["env", `KUBECONFIG=${access.kubeconfig}`, "METALLB_BGP_TYPE=native", program],
      ...[`--namespace=${NAMESPACE}`, "--pod-name=controller", "--webhook-mode=disabled"],
      ...["--disable-cert-rotation=true", "--log-level=warn"],
    ],
    log: join(plane.folder, "metallb.log"),
    isReady: async () => true,
    readyWithinMs: 30_000,
  });
};
