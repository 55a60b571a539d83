/** Runs a program that prints credentials (client.authentication.k8s.io/v1 and v1beta1). */
import { spawn } from "node:child_process";
import { type Duration, seconds } from "#base/time";
import { type ExecPlugin, type Found, refused } from "./credentials.ts";
import { fieldsOf, parseJson, textOf } from "./json.ts";
import type { Time } from "./time.ts";

/** What a plugin gave. */
export type PluginCredentials = {
  readonly token: string | undefined;
  readonly certificate: { readonly chain: string; readonly key: string } | undefined;
  /** When they end, by the wall clock, in milliseconds; `undefined` when they hold until they are refused. */
  readonly expiresAt: number | undefined;
};

/** What a plugin is told of the cluster if it asks for it. */
export type ClusterInfo = {
  readonly server: string;
  readonly serverName: string | undefined;
  readonly verify: boolean;
  readonly authorityPem: string | undefined;
};

const MOST_BYTES = 1_024 * 1_024;
const PATIENCE: Duration = seconds(60);
/** How much of a plugin's complaint is told. */
const MOST_COMPLAINT = 300;

const execInfo = (plugin: ExecPlugin, cluster: ClusterInfo): string =>
  JSON.stringify({
    apiVersion: plugin.apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: false,
      ...(plugin.providesClusterInfo
        ? {
            cluster: {
              server: cluster.server,
              ...(cluster.serverName === undefined ? {} : { "tls-server-name": cluster.serverName }),
              ...(cluster.verify ? {} : { "insecure-skip-tls-verify": true }),
              ...(cluster.authorityPem === undefined
                ? {}
                : { "certificate-authority-data": Buffer.from(cluster.authorityPem).toString("base64") }),
            },
          }
        : {}),
    },
  });

/** Reads what a plugin printed. Its text never goes into a message: it is the secret. */
export const parsePluginOutput = (plugin: ExecPlugin, output: string): Found<PluginCredentials> => {
  const { apiVersion, kind, status } = fieldsOf(parseJson(output));
  if (kind !== "ExecCredential") return refused(`${plugin.command} printed no ExecCredential`);
  if (apiVersion !== plugin.apiVersion)
    return refused(`${plugin.command} printed another version than the ${plugin.apiVersion} asked for`);
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = fieldsOf(status);
  const [chain, key] = [textOf(clientCertificateData), textOf(clientKeyData)];
  if ((chain === "") !== (key === ""))
    return refused(`${plugin.command} printed a client certificate or a client key without the other`);
  if (textOf(token) === "" && chain === "")
    return refused(`${plugin.command} printed neither a token nor a client certificate`);
  const expiresAt = Date.parse(textOf(expirationTimestamp));
  return {
    ok: true,
    value: {
      token: textOf(token) === "" ? undefined : textOf(token),
      certificate: chain === "" ? undefined : { chain, key },
      expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt,
    },
  };
};

const startProblem = (plugin: ExecPlugin, error: NodeJS.ErrnoException): string => {
  const hint = plugin.installHint === "" ? "" : `: ${plugin.installHint}`;
  return error.code === "ENOENT"
    ? `exec plugin ${plugin.command} is not installed${hint}`
    : `exec plugin ${plugin.command} cannot be started (${error.code})`;
};

/** Runs the plugin once. Never rejects. */
export const runPlugin = (
  plugin: ExecPlugin,
  cluster: ClusterInfo,
  time: Time,
): Promise<Found<PluginCredentials>> =>
  new Promise((resolve) => {
    const child = spawn(plugin.command, plugin.args, {
      env: { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: execInfo(plugin, cluster) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: Buffer[] = [];
    let [bytes, complaint] = [0, ""];
    const cancel = time.later(PATIENCE, () => finish(refused(`exec plugin ${plugin.command} does not end`)));
    const finish = (found: Found<PluginCredentials>): void => {
      cancel();
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(found);
    };
    child.on("error", (error) => finish(refused(startProblem(plugin, error))));
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) finish(refused(`exec plugin ${plugin.command} prints too much`));
      else output.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString("utf8")).slice(0, MOST_COMPLAINT);
    });
    child.on("close", (code, signal) => {
      if (code === 0) {
        finish(parsePluginOutput(plugin, Buffer.concat(output).toString("utf8")));
        return;
      }
      const how = signal === null ? `ended with status ${code}` : `was killed by ${signal}`;
      const said = complaint.trim();
      finish(refused(`exec plugin ${plugin.command} ${how}${said === "" ? "" : `: ${said}`}`));
    });
  });
