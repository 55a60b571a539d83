/** kube-apiserver, as one test starts it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Api, openApi } from "./api.ts";
import { AUDIT_POLICY } from "./audit.ts";
import { type Authority, writeSigningKey } from "./certificates.ts";
import { type OpenServer, openServer, type ServerProgram } from "./server-program.ts";

/** Families of the addresses that Services get inside of the cluster; the first is that of single-stack Services. */
export type Families = "ipv4" | "ipv6" | "ipv4+ipv6" | "ipv6+ipv4";

const RANGES: Readonly<Record<Families, string>> = {
  ipv4: "10.96.0.0/16",
  ipv6: "fd00:96::/108",
  "ipv4+ipv6": "10.96.0.0/16,fd00:96::/108",
  "ipv6+ipv4": "fd00:96::/108,10.96.0.0/16",
};

/** What every API server's certificate names besides addresses. */
const CLUSTER_NAMES = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];

const LOOPBACK = "127.0.0.1";

export type ApiServerOptions = {
  readonly program: string;
  readonly folder: string;
  readonly port: number;
  /** Where it finds etcd: `127.0.0.1:2379`. */
  readonly etcd: string;
  readonly families: Families;
  readonly flags: readonly string[];
  readonly authority: Authority;
  readonly environment: Readonly<Record<string, string>>;
  /** The address that it has for others; default: nobody else reaches it. */
  readonly address?: string;
  /** Further addresses at which it serves, on which it then listens whenever they come: its certificate names them, too. */
  readonly furtherAddresses?: readonly string[];
  /** The common name of its certificate; default `kube-apiserver`. */
  readonly name?: string;
  /** The key that signs tokens, which all API servers of a cluster share; default: one of its own. */
  readonly signingKey?: string;
  /** How it is started; default: as a child of this process. */
  readonly open?: OpenServer;
  /** A socket that leads to it; default: none is needed. */
  readonly socketPath?: string;
};

export type ApiServer = ServerProgram & {
  readonly url: string;
  /** A client that may do everything. */
  readonly admin: Api;
  readonly auditLog: string;
};

const isReady = async (admin: Api): Promise<boolean> => {
  try {
    return (await admin.request("GET", "/readyz", { timeoutMs: 2_000 })).status === 200;
  } catch {
    return false;
  }
};

const listeningOn = ({ address = LOOPBACK, furtherAddresses }: ApiServerOptions): string =>
  furtherAddresses === undefined ? address : "::";

const flagsOf = (
  options: ApiServerOptions,
  files: {
    readonly serving: { readonly certFile: string; readonly keyFile: string };
    readonly signingKey: string;
    readonly auditPolicy: string;
    readonly auditLog: string;
  },
): readonly string[] => [
  `--etcd-servers=http://${options.etcd}`,
  ...[`--bind-address=${listeningOn(options)}`, `--secure-port=${options.port}`],
  // Nobody is told of it: without a reconciler the Service `kubernetes` has no endpoints.
  `--advertise-address=${options.families.startsWith("ipv4") ? "192.0.2.1" : "2001:db8::1"}`,
  "--endpoint-reconciler-type=none",
  `--service-cluster-ip-range=${RANGES[options.families]}`,
  ...[`--tls-cert-file=${files.serving.certFile}`, `--tls-private-key-file=${files.serving.keyFile}`],
  `--client-ca-file=${options.authority.caFile}`,
  "--authorization-mode=RBAC",
  "--service-account-issuer=https://kubernetes.default.svc",
  `--service-account-key-file=${files.signingKey}`,
  `--service-account-signing-key-file=${files.signingKey}`,
  // No controller manager makes the accounts that pods would get.
  "--disable-admission-plugins=ServiceAccount",
  ...[`--audit-policy-file=${files.auditPolicy}`, `--audit-log-path=${files.auditLog}`],
  ...["--audit-log-mode=blocking", "--audit-log-maxsize=2000", "--profiling=false", "--v=1"],
  ...options.flags,
];

/** Describes an API server; it does not run yet. */
export const openApiServer = async (options: ApiServerOptions): Promise<ApiServer> => {
  const { folder, authority, address = LOOPBACK, open = openServer, socketPath } = options;
  const { furtherAddresses = [], name = "kube-apiserver" } = options;
  const files = {
    serving: await authority.issue(name, {
      type: "server",
      addresses: [address, ...furtherAddresses],
      names: CLUSTER_NAMES,
      commonName: name,
    }),
    signingKey: options.signingKey ?? writeSigningKey(folder),
    auditPolicy: join(folder, "audit-policy.yaml"),
    auditLog: join(folder, "audit.log"),
  };
  writeFileSync(files.auditPolicy, AUDIT_POLICY);
  const operator = await authority.issue("admin", {
    type: "client",
    user: "admin",
    groups: ["system:masters"],
  });
  const url = `https://${address}:${options.port}`;
  const credentials = { type: "certificate", ...operator } as const;
  const admin = openApi({ url, ca: authority.ca, credentials, socketPath });
  const server = open({
    name: "kube-apiserver",
    command: [options.program, ...flagsOf(options, files)],
    environment: options.environment,
    log: join(folder, "kube-apiserver.log"),
    isReady: () => isReady(admin),
    readyWithinMs: 60_000,
  });
  return { ...server, url, admin, auditLog: files.auditLog };
};
