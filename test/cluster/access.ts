/** Users of the API server with exactly the rights that a test gives them, and the kubeconfig with which a program is one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Api, type Credentials, openApi } from "./api.ts";
import type { Authority } from "./certificates.ts";

/** A rule of a Role (rbac.authorization.k8s.io/v1 PolicyRule). */
export type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
};

/** Rules in one namespace, or in all of them. */
export type Grant = { readonly namespace?: string; readonly rules: readonly Rule[] };

/** Who somebody is: a user by a client certificate, or a service account by a token. */
export type Identity =
  | { readonly type: "user"; readonly name: string; readonly groups?: readonly string[] }
  | { readonly type: "service-account"; readonly namespace: string; readonly name: string };

export type Access = {
  /** As the audit log names them. */
  readonly user: string;
  readonly api: Api;
  /** A file. */
  readonly kubeconfig: string;
};

export type AccessContext = {
  readonly folder: string;
  readonly url: string;
  readonly authority: Authority;
  readonly admin: Api;
  /** A socket that leads to the server at `url`; default: none is needed. */
  readonly socketPath?: string | undefined;
};

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const kubeconfigUser = (credentials: Credentials): Readonly<Record<string, string>> => {
  switch (credentials.type) {
    case "certificate":
      return {
        "client-certificate-data": base64(credentials.cert),
        "client-key-data": base64(credentials.key),
      };
    case "token":
      return { token: credentials.token };
    default:
      return {};
  }
};

/** The text of a kubeconfig with one context. */
const renderKubeconfig = (options: {
  readonly url: string;
  readonly ca: string;
  readonly credentials: Credentials;
}): string =>
  stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: { server: options.url, "certificate-authority-data": base64(options.ca) },
      },
    ],
    users: [{ name: "test", user: kubeconfigUser(options.credentials) }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  });

const createOnce = async (api: Api, collection: string, object: unknown): Promise<void> => {
  const { status, body } = await api.request("POST", collection, { body: object });
  if (status !== 201 && status !== 409)
    throw new Error(`POST ${collection}: ${status} ${JSON.stringify(body)}`);
};

/** Makes sure that a namespace is there. */
export const createNamespace = (admin: Api, name: string): Promise<void> =>
  createOnce(admin, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });

/** A token of a service account that is made if there is none, good for an hour. */
const issueToken = async (admin: Api, namespace: string, name: string): Promise<string> => {
  await createNamespace(admin, namespace);
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await createOnce(admin, accounts, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } });
  const { status } = await admin.create<{ status: { token: string } }>(`${accounts}/${name}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3600 },
  });
  return status.token;
};

const fileName = (user: string): string => user.replaceAll(/[^a-z0-9.-]/gi, "_");

const userName = (identity: Identity): string =>
  identity.type === "user" ? identity.name : `system:serviceaccount:${identity.namespace}:${identity.name}`;

const subjectOf = (identity: Identity): Readonly<Record<string, string>> =>
  identity.type === "user"
    ? { kind: "User", name: identity.name, apiGroup: "rbac.authorization.k8s.io" }
    : { kind: "ServiceAccount", name: identity.name, namespace: identity.namespace };

const grant = async (admin: Api, identity: Identity, grants: readonly Grant[]): Promise<void> => {
  const apiVersion = "rbac.authorization.k8s.io/v1";
  for (const [index, { namespace, rules }] of grants.entries()) {
    const [role, place] =
      namespace === undefined ? ["ClusterRole", ""] : ["Role", `/namespaces/${namespace}`];
    if (namespace !== undefined) await createNamespace(admin, namespace);
    const metadata = { name: `${fileName(userName(identity))}-${index}` };
    const collection = `/apis/${apiVersion}${place}/${role.toLowerCase()}`;
    await admin.create(`${collection}s`, { apiVersion, kind: role, metadata, rules });
    await admin.create(`${collection}bindings`, {
      apiVersion,
      kind: `${role}Binding`,
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: role, name: metadata.name },
      subjects: [subjectOf(identity)],
    });
  }
};

/** Makes a user with these rights and no others. */
export const openAccess = async (
  context: AccessContext,
  identity: Identity,
  grants: readonly Grant[],
): Promise<Access> => {
  const { folder, url, authority, admin } = context;
  const user = userName(identity);
  const credentials: Credentials =
    identity.type === "user"
      ? {
          type: "certificate",
          ...(await authority.issue(fileName(user), {
            type: "client",
            user,
            groups: identity.groups ?? [],
          })),
        }
      : { type: "token", token: await issueToken(admin, identity.namespace, identity.name) };
  await grant(admin, identity, grants);
  const kubeconfig = join(folder, `${fileName(user)}.kubeconfig`);
  const options = { url, ca: authority.ca, credentials };
  writeFileSync(kubeconfig, renderKubeconfig(options), { mode: 0o600 });
  return { user, api: openApi({ ...options, socketPath: context.socketPath }), kubeconfig };
};
