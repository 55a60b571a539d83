/**
 * Credentials from kubeconfig files, as kubectl reads them.
 *
 * Several files (`KUBECONFIG` is a list) are one: what is named twice counts where it is named first. Paths in a file
 * are relative to that file.
 */
import { readFileSync } from "node:fs";
import { delimiter, dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import {
  type ClusterCredentials,
  type ExecPlugin,
  type Found,
  type Material,
  refused,
  serverProblem,
  type User,
} from "./credentials.ts";
import { fileProblem } from "./file-problem.ts";
import { type Fields, fieldsOf, isFields, textOf } from "./json.ts";

/** Larger files are not kubeconfigs. */
const MOST_BYTES = 4 * 1_024 * 1_024;
const MOST_ALIASES = 100;

/** An entry of `clusters`, `users` or `contexts`, and the directory that its paths are relative to. */
type Entry = { readonly fields: Fields; readonly directory: string };

/** All files together. */
type Merged = {
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
  readonly contexts: ReadonlyMap<string, Entry>;
};

/** The fields of a text. The library's own messages quote it, and it holds secrets: only the line is told. */
const parseText = (text: string, path: string): Found<Fields> => {
  if (text.length > MOST_BYTES) return refused(`${path} is too large to be a kubeconfig`);
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: "error" });
    const [first] = document.errors;
    if (first !== undefined) {
      const line = text.slice(0, first.pos[0]).split("\n").length;
      return refused(`${path}:${line}: is not YAML (${first.code})`);
    }
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    return isFields(value) ? { ok: true, value } : refused(`${path} is not a kubeconfig`);
  } catch {
    return refused(`${path} is not YAML that can be read`);
  }
};

const parseFile = (path: string): Found<Fields> => {
  try {
    return parseText(readFileSync(path, "utf8"), path);
  } catch (error) {
    return refused(fileProblem(path, error));
  }
};

const collect = (
  into: Map<string, Entry>,
  list: unknown,
  { key, path }: { readonly key: string; readonly path: string },
): void => {
  for (const each of Array.isArray(list) ? list : []) {
    const fields = fieldsOf(each);
    const name = textOf(fields.name);
    if (!into.has(name)) into.set(name, { fields: fieldsOf(fields[key]), directory: dirname(resolve(path)) });
  }
};

const merge = (files: readonly { readonly path: string; readonly value: Fields }[]): Merged => {
  let currentContext = "";
  const clusters = new Map<string, Entry>();
  const users = new Map<string, Entry>();
  const contexts = new Map<string, Entry>();
  for (const { path, value } of files) {
    if (currentContext === "") currentContext = textOf(value["current-context"]);
    collect(clusters, value.clusters, { key: "cluster", path });
    collect(users, value.users, { key: "user", path });
    collect(contexts, value.contexts, { key: "context", path });
  }
  return { currentContext, clusters, users, contexts };
};

const mergeFiles = (
  paths: readonly string[],
  { mayBeAbsent }: { readonly mayBeAbsent: boolean },
): Found<Merged> => {
  const files: { readonly path: string; readonly value: Fields }[] = [];
  for (const path of paths) {
    const parsed = parseFile(path);
    if (parsed.ok) files.push({ path, value: parsed.value });
    else if (!mayBeAbsent || !parsed.problem.endsWith("does not exist")) return parsed;
  }
  return { ok: true, value: merge(files) };
};

/** A certificate or key that stands in the file in base64 or is named by it; inline wins, as with kubectl. */
const materialOf = ({ fields, directory }: Entry, key: string): Material | undefined => {
  const data = textOf(fields[`${key}-data`]);
  if (data !== "") return { type: "inline", pem: Buffer.from(data, "base64").toString("utf8") };
  const path = textOf(fields[key]);
  return path === "" ? undefined : { type: "file", path: resolve(directory, path) };
};

const AUTHORITY_FIELDS = ["certificate-authority", "certificate-authority-data"] as const;

/** What is not text must not count as absent: without an authority everybody's are trusted. */
const authorityProblemOf = ({ fields }: Entry): string | undefined => {
  const wrong = AUTHORITY_FIELDS.find(
    (key) => !["string", "undefined"].includes(typeof (fields[key] ?? undefined)),
  );
  return wrong === undefined ? undefined : `${wrong} is not text`;
};

const EXEC_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;

const execOf = ({ directory }: Entry, exec: Fields): Found<ExecPlugin> => {
  const apiVersion = EXEC_VERSIONS.find((each) => each === exec.apiVersion);
  const command = textOf(exec.command);
  if (command === "") return refused("the exec plugin names no command");
  if (apiVersion === undefined)
    return refused(`the exec plugin ${command} speaks another version than ${EXEC_VERSIONS.join(" or ")}`);
  if (exec.interactiveMode === "Always")
    return refused(`the exec plugin ${command} asks questions at a terminal, which a program has not`);
  const env = Object.fromEntries(
    (Array.isArray(exec.env) ? exec.env : [])
      .map((each: unknown) => fieldsOf(each))
      .map(({ name, value }) => [textOf(name), textOf(value)] as const)
      .filter(([name]) => name !== ""),
  );
  const args = (Array.isArray(exec.args) ? exec.args : []).map((each: unknown) => String(each));
  return {
    ok: true,
    value: {
      apiVersion,
      command: command.includes("/") ? resolve(directory, command) : command,
      args,
      env,
      installHint: textOf(exec.installHint).trim(),
      providesClusterInfo: exec.provideClusterInfo === true,
    },
  };
};

const UNSUPPORTED_USER_FIELDS = ["auth-provider", "as", "as-uid", "as-groups", "as-user-extra"] as const;

const userOf = (entry: Entry): Found<User> => {
  const { fields, directory } = entry;
  for (const key of UNSUPPORTED_USER_FIELDS)
    if (fields[key] !== undefined && fields[key] !== "") return refused(`${key} is not supported`);
  // The order in which kubectl prefers them.
  if (isFields(fields.exec)) {
    const plugin = execOf(entry, fields.exec);
    return plugin.ok ? { ok: true, value: { type: "exec", plugin: plugin.value } } : plugin;
  }
  const tokenFile = textOf(fields.tokenFile);
  if (tokenFile !== "")
    return { ok: true, value: { type: "token-file", path: resolve(directory, tokenFile) } };
  const token = textOf(fields.token);
  if (token !== "") return { ok: true, value: { type: "token", token } };
  const username = textOf(fields.username);
  if (username === "") return { ok: true, value: { type: "certificate-only" } };
  return { ok: true, value: { type: "basic", username, password: textOf(fields.password) } };
};

const certificateOf = (entry: Entry): Found<ClusterCredentials["certificate"]> => {
  const chain = materialOf(entry, "client-certificate");
  const key = materialOf(entry, "client-key");
  if (chain === undefined && key === undefined) return { ok: true, value: undefined };
  if (chain === undefined) return refused("there is a client key without a client certificate");
  if (key === undefined) return refused("there is a client certificate without a client key");
  return { ok: true, value: { chain, key } };
};

const known = (entries: ReadonlyMap<string, Entry>): string =>
  entries.size === 0 ? "there is none" : `there is ${[...entries.keys()].slice(0, 10).join(", ")}`;

const credentialsOf = (merged: Merged, wanted: string | undefined): Found<ClusterCredentials> => {
  const name = wanted ?? merged.currentContext;
  if (name === "") return refused(`no current-context is set; ${known(merged.contexts)}`);
  const context = merged.contexts.get(name);
  if (context === undefined) return refused(`no context is named ${name}; ${known(merged.contexts)}`);
  const clusterName = textOf(context.fields.cluster);
  const cluster = merged.clusters.get(clusterName);
  if (cluster === undefined)
    return refused(`context ${name}: no cluster is named ${clusterName}; ${known(merged.clusters)}`);
  const userName = textOf(context.fields.user);
  const entry = merged.users.get(userName);
  if (entry === undefined && userName !== "")
    return refused(`context ${name}: no user is named ${userName}; ${known(merged.users)}`);
  const server = textOf(cluster.fields.server);
  const problem = serverProblem(server) ?? authorityProblemOf(cluster);
  if (problem !== undefined) return refused(`cluster ${clusterName}: ${problem}`);
  if (textOf(cluster.fields["proxy-url"]) !== "")
    return refused(
      `cluster ${clusterName}: proxy-url is not supported: the API server must be reached directly`,
    );
  const anonymous: Entry = { fields: {}, directory: context.directory };
  const user = userOf(entry ?? anonymous);
  if (!user.ok) return refused(`user ${userName}: ${user.problem}`);
  const certificate = certificateOf(entry ?? anonymous);
  if (!certificate.ok) return refused(`user ${userName}: ${certificate.problem}`);
  const serverName = textOf(cluster.fields["tls-server-name"]);
  const namespace = textOf(context.fields.namespace);
  return {
    ok: true,
    value: {
      server,
      namespace: namespace === "" ? "default" : namespace,
      serverName: serverName === "" ? undefined : serverName,
      verify: cluster.fields["insecure-skip-tls-verify"] !== true,
      authority: materialOf(cluster, "certificate-authority"),
      certificate: certificate.value,
      user: user.value,
    },
  };
};

/** Reads one kubeconfig file, or a list of them separated by colons, of which those that do not exist are passed over. */
export const readKubeconfig = (
  paths: string,
  { context }: { readonly context?: string | undefined } = {},
): Found<ClusterCredentials> => {
  const list = paths.split(delimiter).filter((path) => path !== "");
  const merged = mergeFiles(list, { mayBeAbsent: list.length > 1 });
  if (!merged.ok) return refused(`kubeconfig: ${merged.problem}`);
  const credentials = credentialsOf(merged.value, context);
  return credentials.ok ? credentials : refused(`kubeconfig ${paths}: ${credentials.problem}`);
};

/** What a kubeconfig's text leads to, and by which context. `origin` stands for its path in messages, and relative paths are relative to it. */
export const parseKubeconfig = (
  text: string,
  origin: string,
  { context }: { readonly context?: string | undefined } = {},
): Found<{ readonly context: string; readonly credentials: ClusterCredentials }> => {
  const parsed = parseText(text, origin);
  if (!parsed.ok) return refused(`kubeconfig: ${parsed.problem}`);
  const merged = merge([{ path: origin, value: parsed.value }]);
  const credentials = credentialsOf(merged, context);
  if (!credentials.ok) return refused(`kubeconfig ${origin}: ${credentials.problem}`);
  return { ok: true, value: { context: context ?? merged.currentContext, credentials: credentials.value } };
};
