/** The ClusterConfiguration of kubeadm, from a file or from the cluster: reading it, and writing it with more names. */
import { readFileSync } from "node:fs";
import { fieldsOf, textOf } from "#core/kubernetes/read";
import { backUp, replaceFile } from "#drivers/files/replace";
import { addToYamlList, readYamlList } from "#drivers/files/yaml-list";
import { openCluster } from "#drivers/kubernetes/cluster";
import type { ClusterPort, Target } from "#drivers/kubernetes/port";
import { credentialsHere, type Host, isSameName } from "./tls-fix-host.ts";

const KIND = "ClusterConfiguration";
const LIST = ["apiServer", "certSANs"] as const;
const KEY = "ClusterConfiguration";
const CONFIG_MAP: Target = {
  resource: { group: "", version: "v1", plural: "configmaps", namespaced: true },
  ...{ namespace: "kube-system", name: "kubeadm-config" },
};

/** The configuration as it is and as it is to be. */
export type Configuration = {
  /** As it is told to the operator. */
  readonly origin: string;
  readonly before: string;
  /** The same text when every name is in it. */
  readonly after: string;
  /** What the certificate is for by the list, before the change. */
  readonly names: readonly string[];
  /** Writes `after`; gives where the old text went, or why it could not. */
  save(
    stamp: string,
    keep: (text: string) => string | { readonly problem: string },
  ): Promise<{ readonly copy: string } | { readonly problem: string }>;
};

type Found =
  | { readonly ok: true; readonly value: Configuration }
  | { readonly ok: false; readonly problem: string };

const no = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

/** Adds what is not in the list yet. */
const edit = (
  text: string,
  names: readonly string[],
):
  | { readonly ok: true; readonly after: string; readonly names: readonly string[] }
  | { readonly ok: false; readonly problem: string } => {
  const read = readYamlList(text, { kind: KIND, path: LIST });
  if (!read.ok) return read;
  const now = read.values ?? [];
  const values = names.filter((name) => !now.some((each) => isSameName(each, name)));
  if (values.length === 0) return { ok: true, after: text, names: now };
  const edited = addToYamlList(text, { kind: KIND, path: LIST, values });
  return edited.ok ? { ok: true, after: edited.text, names: now } : edited;
};

/** The configuration in a file, which may hold other kinds as well. */
export const configurationInFile = (path: string, names: readonly string[]): Found => {
  let before: string;
  try {
    before = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return no(`${path} cannot be read (${code})`);
  }
  const edited = edit(before, names);
  if (!edited.ok) return no(`${path}: ${edited.problem}`);
  const { after } = edited;
  return {
    ok: true,
    value: {
      ...{ origin: path, before, after, names: edited.names },
      save: async (stamp) => {
        const copy = backUp(path, stamp);
        if ("problem" in copy) return copy;
        const replaced = replaceFile({ path, text: after });
        return replaced.ok ? { copy: copy.path } : { problem: replaced.problem };
      },
    },
  };
};

const saveInCluster = async (
  cluster: ClusterPort,
  { version, text }: { readonly version: string; readonly text: string },
): Promise<string | undefined> => {
  // Under the version that was read: whoever changed it since is not overwritten.
  const body = { metadata: { resourceVersion: version }, data: { [KEY]: text } };
  const answer = await cluster.write(CONFIG_MAP, { verb: "patch", type: "merge", body });
  if (answer.ok) return undefined;
  return answer.failure.reason === "conflict"
    ? "somebody has changed it just now: give the command again"
    : answer.failure.message;
};

/** The configuration that kubeadm keeps in the cluster, asked of this host's own server. */
export const configurationInCluster = async (
  host: Host,
  kubeconfig: string,
  names: readonly string[],
): Promise<Found> => {
  const origin = "ConfigMap kube-system/kubeadm-config";
  const credentials = await credentialsHere(host, kubeconfig);
  if (!credentials.ok) return no(credentials.problem);
  const cluster = openCluster(credentials.value);
  try {
    const answer = await cluster.read(CONFIG_MAP);
    if (!answer.ok) return no(`${origin}: ${answer.failure.message}`);
    const { data, metadata } = fieldsOf(answer.body);
    const before = textOf(fieldsOf(data)[KEY]);
    if (before === "") return no(`${origin} holds no ${KEY}: give one by --kubeadm-config`);
    const edited = edit(before, names);
    if (!edited.ok) return no(`${origin}: ${edited.problem}`);
    const version = textOf(fieldsOf(metadata).resourceVersion);
    return {
      ok: true,
      value: {
        ...{ origin, before, after: edited.after, names: edited.names },
        save: async (_, keep) => {
          const copy = keep(before);
          if (typeof copy !== "string") return copy;
          const again = openCluster(credentials.value);
          try {
            const problem = await saveInCluster(again, { version, text: edited.after });
            return problem === undefined ? { copy } : { problem: `${origin}: ${problem}` };
          } finally {
            again.close();
          }
        },
      },
    };
  } finally {
    cluster.close();
  }
};
