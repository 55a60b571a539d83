/** Credentials of a pod's service account, and the choice between them and a kubeconfig. */
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { type ClusterCredentials, type Found, refused, serverProblem } from "./credentials.ts";
import { fileProblem } from "./file-problem.ts";
import { readKubeconfig } from "./kubeconfig.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Kubernetes puts the token, the authority and the namespace. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The service account of the pod that we run in. Its token changes about every hour: it stays a file. */
export const readInCluster = (
  environment: Environment,
  directory: string = SERVICE_ACCOUNT,
): Found<ClusterCredentials> => {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = environment;
  if (host === "" || port === "")
    return refused("this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const problem = serverProblem(server);
  if (problem !== undefined)
    return refused(`KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: ${problem}`);
  const files = { token: join(directory, "token"), authority: join(directory, "ca.crt") };
  for (const path of Object.values(files)) {
    try {
      readFileSync(path);
    } catch (error) {
      return refused(`service account: ${fileProblem(path, error)} (automountServiceAccountToken?)`);
    }
  }
  return {
    ok: true,
    value: {
      server,
      namespace: readNamespace(directory),
      serverName: undefined,
      verify: true,
      authority: { type: "file", path: files.authority },
      certificate: undefined,
      user: { type: "token-file", path: files.token },
    },
  };
};

const readNamespace = (directory: string): string => {
  try {
    const namespace = readFileSync(join(directory, "namespace"), "utf8").trim();
    return namespace === "" ? "default" : namespace;
  } catch {
    return "default";
  }
};

/**
 * The credentials to use: the kubeconfig that was asked for, else that of `KUBECONFIG`, else the pod's service account, else
 * `~/.kube/config`. The first that is there counts, even if something is wrong with it.
 */
export const findCredentials = (
  {
    kubeconfig,
    context,
  }: { readonly kubeconfig?: string | undefined; readonly context?: string | undefined } = {},
  environment: Environment = process.env,
): Found<ClusterCredentials> => {
  if (kubeconfig !== undefined) return readKubeconfig(kubeconfig, { context });
  const fromEnvironment = environment.KUBECONFIG ?? "";
  if (fromEnvironment !== "") return readKubeconfig(fromEnvironment, { context });
  if ((environment.KUBERNETES_SERVICE_HOST ?? "") !== "") return readInCluster(environment);
  return readKubeconfig(join(environment.HOME ?? homedir(), ".kube", "config"), { context });
};
