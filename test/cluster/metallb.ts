/** MetalLB's own controller in a control plane of a test: the program and the definitions of its published release. */
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { request } from "node:https";
import { dirname, join } from "node:path";
import { findAssets } from "./assets.ts";
import { type ControlPlane, freePort } from "./bed.ts";
import { NAMESPACE } from "./controller.ts";
import { openServer, type ServerProgram } from "./server-program.ts";

const PROGRAM = "metallb-controller";

/** The program, built at most once for each release. */
export const findMetallb = (): string => realpathSync(join(findAssets([PROGRAM]), PROGRAM));

/** The definitions of its resources, word for word, each a text of YAML. */
export const metallbDefinitions = (): readonly string[] => {
  const folder = join(dirname(findMetallb()), "definitions");
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
};

/** It wants to find the pod that it runs in; nothing runs in this one. */
const surroundings = (namespace: string): string => `apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: default, namespace: ${namespace} }
---
apiVersion: v1
kind: Pod
metadata: { name: controller, namespace: ${namespace} }
spec:
  automountServiceAccountToken: false
  containers: [{ name: controller, image: none }]
---
apiVersion: metallb.io/v1beta1
kind: ConfigurationState
metadata: { name: controller, namespace: ${namespace} }
`;

export type Metallb = ServerProgram & {
  /** The text of its `/metrics`. */
  metrics(): Promise<string>;
};

const READER = "metrics-reader";

/** Whom it lets read its metrics: it asks the API server. */
const reader = (namespace: string): string => `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${READER}, namespace: ${namespace} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${READER} }
rules: [{ nonResourceURLs: [/metrics], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ${READER} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${READER} }
subjects: [{ kind: ServiceAccount, name: ${READER}, namespace: ${namespace} }]
`;

/** A page that it serves with a certificate that it made for itself. */
const readPage = (port: number, token: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const where = { host: "127.0.0.1", port, path: "/metrics", headers, rejectUnauthorized: false };
    const asked = request(where, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`MetalLB's metrics: ${response.statusCode} ${text}`));
      });
    });
    asked.setTimeout(5_000, () => asked.destroy(new Error("MetalLB's metrics: no answer in time")));
    asked.once("error", reject);
    asked.end();
  });

const metricsOf = async ({ admin, apply }: ControlPlane, port: number): Promise<string> => {
  await apply(reader(NAMESPACE));
  const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${READER}/token`;
  const { status } = await admin.create<{ status: { token: string } }>(path, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3600 },
  });
  return readPage(port, status.token);
};

/** Describes MetalLB's controller, which may do everything, in our namespace; it does not run yet. Needs its definitions. */
export const openMetallb = async (
  plane: ControlPlane,
  { logLevel = "info" }: { readonly logLevel?: "info" | "warn" } = {},
): Promise<Metallb> => {
  await plane.apply(surroundings(NAMESPACE));
  const access = await plane.access({ type: "user", name: "metallb", groups: ["system:masters"] }, []);
  access.api.close();
  const [metrics, health] = [await freePort(), await freePort()];
  const server = openServer({
    name: "metallb",
    command: [
      ...[findMetallb(), `--namespace=${NAMESPACE}`, "--pod-name=controller", "--webhook-mode=disabled"],
      ...["--disable-cert-rotation=true", `--log-level=${logLevel}`],
      ...[`--port=${metrics}`, `--health-probe-port=${health}`],
    ],
    environment: { KUBECONFIG: access.kubeconfig, METALLB_BGP_TYPE: "native" },
    log: join(plane.folder, "metallb.log"),
    isReady: async () => true,
    readyWithinMs: 30_000,
  });
  plane.own(server);
  return { ...server, metrics: () => metricsOf(plane, metrics) };
};
