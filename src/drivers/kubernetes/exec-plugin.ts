/** Runs a program that prints credentials (client.authentication.k8s.io/v1 and v1beta1). */
import { type ChildProcess, spawn } from "node:child_process";
import { type Duration, seconds } from "#base/time";
import { type ExecPlugin, type Found, refused } from "./credentials.ts";
import { fieldsOf, parseJson, textOf } from "./json.ts";
import { hideSecrets } from "./secrets.ts";
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
/** How much of it is kept: more, so that what is cut off is never a part of a secret that is not recognised any more. */
const MOST_KEPT = 64 * 1_024;

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

/** Node.js's own message may quote arguments and environment: only the code is told. */
const startProblem = ({ command, installHint }: ExecPlugin, error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "no reason given";
  const hint = installHint === "" ? "" : `: ${installHint}`;
  return code === "ENOENT"
    ? `exec plugin ${command} is not installed${hint}`
    : `exec plugin ${command} cannot be started (${code})`;
};

const start = (plugin: ExecPlugin, cluster: ClusterInfo): ChildProcess =>
  spawn(plugin.command, plugin.args, {
    env: { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: execInfo(plugin, cluster) },
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Runs the plugin once. Never rejects. `secrets` are hidden in what it complains of. */
export const runPlugin = (
  plugin: ExecPlugin,
  cluster: ClusterInfo,
  { time, secrets }: { readonly time: Time; readonly secrets: readonly string[] },
): Promise<Found<PluginCredentials>> =>
  new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = start(plugin, cluster);
    } catch (error) {
      // Some mistakes are thrown and not told as an event: a NUL in an argument, more arguments than the kernel takes.
      resolve(refused(startProblem(plugin, error)));
      return;
    }
    // Without file descriptors to spare there are no pipes either.
    const { stdout, stderr } = child;
    const output: Buffer[] = [];
    let [bytes, complaint] = [0, ""];
    const cancel = time.later(PATIENCE, () => finish(refused(`exec plugin ${plugin.command} does not end`)));
    const finish = (found: Found<PluginCredentials>): void => {
      cancel();
      child.kill("SIGKILL");
      stdout?.destroy();
      stderr?.destroy();
      resolve(found);
    };
    child.on("error", (error) => finish(refused(startProblem(plugin, error))));
    stdout?.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) finish(refused(`exec plugin ${plugin.command} prints too much`));
      else output.push(chunk);
    });
    stderr?.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString("utf8")).slice(0, MOST_KEPT);
    });
    child.on("close", (code, signal) => {
      if (code === 0) {
        finish(parsePluginOutput(plugin, Buffer.concat(output).toString("utf8")));
        return;
      }
      const how = signal === null ? `ended with status ${code}` : `was killed by ${signal}`;
      const said = hideSecrets(complaint.trim(), secrets).slice(0, MOST_COMPLAINT);
      finish(refused(`exec plugin ${plugin.command} ${how}${said === "" ? "" : `: ${said}`}`));
    });
  });
