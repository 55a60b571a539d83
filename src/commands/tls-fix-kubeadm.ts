/**
 * `steelyard tls fix` on a node of a kubeadm cluster: the names into the ClusterConfiguration, then a new serving certificate for
 * this node's API server, and nothing else.
 *
 * kubeadm makes the certificate in a directory of its own, beside links to the cluster's authority, and only what carries all
 * names of the old one is moved into place: at no moment is there no certificate. kube-apiserver reads the files
 * again by itself (since 1.17, at the latest after a minute), so nothing is restarted where that works.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Duration, micros, seconds } from "#base/time";
import { differenceOf } from "#core/api-server/difference";
import { nodeNameIn, renderInitConfiguration, serverFlagsIn } from "#core/api-server/kubeadm";
import { carries, formatName, parseName } from "#core/api-server/name";
import { isSignedByDirectory, readServingPair, type ServingPair } from "#drivers/api-server/serving-pair";
import { replaceFile, writeProblem } from "#drivers/files/replace";
import { readYamlList, setYamlText } from "#drivers/files/yaml-list";
import { at, byHand, type Ended, failed, type Host, lookAt, textsOf, untilServes } from "./tls-fix-host.ts";
import { type Configuration, configurationInCluster, configurationInFile } from "./tls-fix-kubeadm-config.ts";

export const KUBEADM = {
  folder: "/etc/kubernetes",
  manifest: "/etc/kubernetes/manifests/kube-apiserver.yaml",
  pki: "/etc/kubernetes/pki",
  kubeconfig: "/etc/kubernetes/admin.conf",
} as const;

/** kube-apiserver looks at its files once a minute. */
const RELOAD: Duration = seconds(90);
const KUBEADM_LIMIT: Duration = seconds(120);
const CRICTL_LIMIT: Duration = seconds(90);

const readManifest = (host: Host): string => {
  try {
    return readFileSync(at(host, KUBEADM.manifest), "utf8");
  } catch {
    return "";
  }
};

/** What kubeadm reads: this node's part, and the cluster's, with another place for certificates. */
const inputFor = (
  host: Host,
  configuration: Configuration,
  { old, folder }: { old: ServingPair | undefined; folder: string },
) => {
  const moved = setYamlText(configuration.after, {
    kind: "ClusterConfiguration",
    key: "certificatesDir",
    value: folder,
  });
  if (!moved.ok) return moved;
  const version = readYamlList(moved.text, { path: ["apiVersion"] });
  const apiVersion = version.ok ? (version.values?.[0] ?? "") : "";
  const endpoint = readYamlList(moved.text, { path: ["controlPlaneEndpoint"] });
  const [host_] = (endpoint.ok ? (endpoint.values?.[0] ?? "") : "").split(":");
  const explained = [...configuration.names, ...textsOf(host.names), host_ ?? ""];
  const nodeName = nodeNameIn(old?.names ?? [], { explained });
  const init = renderInitConfiguration({ apiVersion, flags: serverFlagsIn(readManifest(host)), nodeName });
  return { ok: true, text: `${init}---\n${moved.text}` } as const;
};

/** What is wrong with a certificate that kubeadm made; nothing that a client relies on may be missing from it. */
const objectionTo = (
  host: Host,
  fresh: ServingPair | undefined,
  old: ServingPair | undefined,
): string | undefined => {
  if (fresh === undefined || !fresh.isPair) return "kubeadm made no certificate that can be read";
  if (!isSignedByDirectory(at(host, KUBEADM.pki), fresh.certificate))
    return "it is not signed by the cluster's authority";
  const wanted = [...host.names, ...(old?.names ?? []).flatMap((name) => parseName(name) ?? [])];
  const lacking = wanted.filter((name) => !carries(fresh.names, name));
  return lacking.length === 0
    ? undefined
    : `it lacks ${lacking.map(formatName).join(", ")}, which the old one carries or which was asked for`;
};

/** A directory in which kubeadm finds the authority, and nothing of what is in force. */
const openWorkshop = (host: Host): { readonly folder: string } | { readonly problem: string } => {
  const place = at(host, KUBEADM.folder);
  try {
    const folder = mkdtempSync(join(place, ".steelyard-"));
    for (const name of ["ca.crt", "ca.key"])
      symlinkSync(join(at(host, KUBEADM.pki), name), join(folder, name));
    return { folder };
  } catch (error) {
    return { problem: writeProblem(place, error) };
  }
};

/** Has kubeadm make a certificate aside; gives it, or how that ended. */
const makeCertificate = async (
  host: Host,
  configuration: Configuration,
  old: ServingPair | undefined,
): Promise<ServingPair | Ended> => {
  const opened = openWorkshop(host);
  if ("problem" in opened) return failed(`${opened.problem}. The certificate is as it was`);
  const { folder } = opened;
  try {
    const input = inputFor(host, configuration, { old, folder });
    if (!input.ok) return failed(`${configuration.origin}: ${input.problem}`);
    const file = join(folder, "kubeadm.yaml");
    const written = replaceFile({ path: file, text: input.text });
    if (!written.ok) return failed(`${written.problem}. The certificate is as it was`);
    const args = ["init", "phase", "certs", "apiserver", "--config", file];
    const ran = await host.run("kubeadm", args, { limit: KUBEADM_LIMIT });
    if (ran.type === "failed") return byHand(ran.problem, ...manual(host));
    if (ran.status !== 0) {
      const said = ran.stderr.trim().split("\n").slice(-5);
      return failed(`kubeadm ended with status ${ran.status}; the certificate is as it was`, ...said);
    }
    const fresh = readServingPair(folder);
    const objection = objectionTo(host, fresh, old);
    if (fresh === undefined || objection !== undefined) {
      return failed(
        `the new certificate is not used: ${objection}. The old one is in force`,
        ...manual(host),
      );
    }
    return fresh;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** What to do on a node by hand. */
const manual = ({ names }: Host): readonly string[] => [
  "By hand, on one node after the other:",
  `  kubectl -n kube-system edit configmap kubeadm-config   # apiServer.certSANs: ${textsOf(names).join(", ")}`,
  "  kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{.data.ClusterConfiguration}' >/root/kubeadm.yaml",
  "  mkdir -m 700 /root/apiserver-old && mv /etc/kubernetes/pki/apiserver.* /root/apiserver-old/",
  "  kubeadm init phase certs apiserver --config /root/kubeadm.yaml",
  "  steelyard tls check --address ADDRESS --server THIS-NODE        # a minute later",
];

const backUpDirectory = (host: Host): string =>
  at(host, join(KUBEADM.folder, `steelyard-backup-${host.stamp}`));

/** Keeps a text where only root looks. */
const keep = (host: Host, name: string, text: string): string | { readonly problem: string } => {
  const path = join(backUpDirectory(host), name);
  try {
    mkdirSync(backUpDirectory(host), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600, flag: "wx", flush: true });
    return path;
  } catch (error) {
    return { problem: writeProblem(path, error) };
  }
};

/** Puts the new pair in the place of the old, of which copies are kept. The key first: a new run finds a pair that is none, and mends it. */
const install = (host: Host, fresh: ServingPair, old: ServingPair | undefined): string | undefined => {
  const parts = [
    { name: "apiserver.key", text: fresh.key, before: old?.key },
    { name: "apiserver.crt", text: fresh.certificate, before: old?.certificate },
  ];
  for (const { name, before } of parts) {
    const kept = before === undefined ? "" : keep(host, name, before);
    if (typeof kept !== "string") return kept.problem;
  }
  for (const { name, text } of parts) {
    const replaced = replaceFile({ path: join(at(host, KUBEADM.pki), name), text });
    if (!replaced.ok) return replaced.problem;
  }
  return undefined;
};

/** Stops the container: kubelet starts it again at once, and nothing is lost if this process ends in between. */
const restartContainer = async ({ run, say }: Host): Promise<string | undefined> => {
  const list = await run("crictl", ["ps", "--name", "^kube-apiserver$", "--quiet"], { limit: CRICTL_LIMIT });
  if (list.type === "failed") return list.problem;
  const ids = list.stdout.split("\n").filter((id) => /^[0-9a-f]{8,64}$/.test(id));
  if (list.status !== 0 || ids.length === 0) return "crictl finds no container of kube-apiserver";
  say("restarts the container of kube-apiserver");
  const stopped = await run("crictl", ["stop", "--timeout", "60", ...ids], { limit: CRICTL_LIMIT });
  if (stopped.type === "failed") return stopped.problem;
  return stopped.status === 0 ? undefined : `crictl stop ended with status ${stopped.status}`;
};

/** Waits until the certificate is served: first by itself, then with the container restarted. */
const untilInForce = async (host: Host): Promise<Ended> => {
  const kubeconfig = at(host, KUBEADM.kubeconfig);
  const short = micros(Math.min(RELOAD, host.wait));
  if ((await untilServes(host, kubeconfig, short)) === undefined) return { type: "done" };
  const problem = await restartContainer(host);
  const hint =
    "Move /etc/kubernetes/manifests/kube-apiserver.yaml away, wait until its container is gone, and move it back.";
  if (problem !== undefined)
    return failed(`the certificate is there, and not in force yet; ${problem}.`, hint);
  const missing = await untilServes(host, kubeconfig, host.wait);
  const back = `To go back: cp -p ${backUpDirectory(host)}/apiserver.* ${at(host, KUBEADM.pki)}/`;
  return missing === undefined ? { type: "done" } : failed(missing, back);
};

/** Brings the configuration and this node's certificate to the names. Given again it does what is left to do, or nothing. */
export const fixKubeadm = async (host: Host, file: string | undefined): Promise<Ended> => {
  const { say, dryRun } = host;
  const names = textsOf(host.names);
  const kubeconfig = at(host, KUBEADM.kubeconfig);
  const found =
    file === undefined
      ? await configurationInCluster(host, kubeconfig, names)
      : configurationInFile(file, names);
  if (!found.ok) return failed(`${found.problem}. Nothing was changed`);
  const configuration = found.value;
  const pki = at(host, KUBEADM.pki);
  const { certificateFile } = serverFlagsIn(readManifest(host));
  if (certificateFile !== undefined && certificateFile !== join(KUBEADM.pki, "apiserver.crt")) {
    return byHand(
      `the API server of this host serves ${certificateFile}, which is not kubeadm's: whoever makes that one adds`,
      `  ${names.join(", ")}`,
    );
  }
  const old = readServingPair(pki);
  const isListed = configuration.after === configuration.before;
  const isMade = old?.isPair === true && host.names.every((name) => carries(old.names, name));
  const seen = await lookAt(host, kubeconfig);
  if (seen.unwell !== undefined) {
    return failed(
      `the API server of this host is not well (${seen.unwell}). Nothing was changed: mend it first`,
    );
  }
  if (isListed && isMade && seen.lacking.length === 0) {
    say(`${names.join(", ")}: in the configuration and in the certificate; nothing to do`);
    return { type: "done" };
  }
  if (!isListed) {
    say(`${configuration.origin}:`);
    for (const line of differenceOf(configuration.before, configuration.after)) say(line);
  }
  if (dryRun) {
    say(
      isMade
        ? "would wait for the certificate to be in force"
        : `would make a new ${join(pki, "apiserver.crt")}`,
    );
    return { type: "done" };
  }
  if (!isListed) {
    const saved = await configuration.save(host.stamp, (text) =>
      keep(host, "ClusterConfiguration.yaml", text),
    );
    if ("problem" in saved) return failed(`${saved.problem}. Nothing was changed`);
    say(`the configuration as it was: ${saved.copy}`);
    if (file !== undefined) {
      say(`the cluster's own copy stays: kubeadm init phase upload-config kubeadm --config ${file}`);
    }
  }
  if (!isMade) {
    if (!existsSync(join(pki, "ca.key"))) {
      return byHand(
        `${join(pki, "ca.key")} is not on this host: whoever has the authority's key makes the certificate, for`,
        `  ${[...(old?.names ?? []), ...names].join(", ")}`,
        `and puts it, with its key, to ${join(pki, "apiserver.crt")} and apiserver.key: it is in force a minute later`,
      );
    }
    const fresh = await makeCertificate(host, configuration, old);
    if ("type" in fresh) return fresh;
    const problem = install(host, fresh, old);
    if (problem !== undefined) return failed(`${problem}. Give the command again when there is room`);
    say(`a new ${join(pki, "apiserver.crt")}; the old one: ${backUpDirectory(host)}`);
  }
  const ended = await untilInForce(host);
  if (ended.type === "done") say(`the API server is ready, and its certificate carries ${names.join(", ")}`);
  return ended;
};
