/** `steelyard tls fix` on a server of k3s or RKE2: the `tls-san` list, then a restart of the service. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { differenceOf } from "#core/api-server/difference";
import { formatName } from "#core/api-server/name";
import { planSans, type SanFile } from "#core/api-server/san-files";
import { backUp, makePrivateDirectory, replaceFile } from "#drivers/files/replace";
import { addToYamlList, readYamlList } from "#drivers/files/yaml-list";
import { type Told, toldByEnvironment } from "./tls-fix-environment.ts";
import {
  at,
  byHand,
  type Ended,
  failed,
  type Host,
  isSameName,
  lookAt,
  textsOf,
  untilServes,
} from "./tls-fix-host.ts";

export type Rancher = {
  readonly name: "k3s" | "rke2";
  readonly service: string;
  readonly config: string;
  readonly kubeconfig: string;
};

export const K3S: Rancher = {
  name: "k3s",
  service: "k3s",
  config: "/etc/rancher/k3s/config.yaml",
  kubeconfig: "/etc/rancher/k3s/k3s.yaml",
};

export const RKE2: Rancher = {
  name: "rke2",
  service: "rke2-server",
  config: "/etc/rancher/rke2/config.yaml",
  kubeconfig: "/etc/rancher/rke2/rke2.yaml",
};

/** The main file, and those of `config.yaml.d` in the order in which they are read. */
const filesOf = (config: string): readonly string[] => {
  const folder = `${config}.d`;
  const more = existsSync(folder) ? readdirSync(folder).filter((name) => /\.ya?ml$/.test(name)) : [];
  return [config, ...more.sort().map((name) => join(folder, name))];
};

type Read = { readonly file: SanFile; readonly text: string };

const readOne = (path: string): Read | { readonly problem: string } => {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code !== "ENOENT") return { problem: `${path} cannot be read (${code}): run this as root` };
  }
  const [replaces, appends] = ["tls-san", "tls-san+"].map((key) => readYamlList(text, { path: [key] }));
  if (replaces?.ok === false) return { problem: `${path}: ${replaces.problem}` };
  if (appends?.ok === false) return { problem: `${path}: ${appends.problem}` };
  return { text, file: { path, replaces: replaces?.values, appends: appends?.values } };
};

/** The command lines that systemd runs the service by, each in one line, and its environment. */
const linesOf = (unit: string): string =>
  unit
    .split("\n")
    .filter((line) => !/^\s*[#;]/.test(line))
    .join("\n")
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => /^\s*(?:ExecStart|Environment)=/.test(line))
    .join("\n");

/** What the unit and its files say that makes the configuration count for nothing, or another one count. */
const unitObjection = (
  text: string,
  told: Told,
  { name, service, config }: Rancher,
  names: readonly string[],
): Ended | undefined => {
  const unit = linesOf(text);
  if (told.type === "unknown") {
    return byHand(
      `Which configuration file ${service} reads is not known: ${told.problem}. Add to the tls-san list of the one that counts:`,
      ...names.map((each) => `  - ${each}`),
      `and restart the service: systemctl restart ${service}`,
    );
  }
  const flags = names.map((each) => `--tls-san ${each}`).join(" ");
  if (/--tls-san\b/.test(unit) || told.type === "names") {
    const where = told.type === "names" ? `in ${told.file}` : "on its command line";
    return byHand(
      `${service} has --tls-san ${where}, beside which the list in ${config} may not count.`,
      "Add the names there, and restart the service, one server after the other:",
      `  ${told.type === "names" ? `editor ${told.file}` : `systemctl edit --full ${service}`}     # add: ${flags}`,
      `  systemctl restart ${service}`,
    );
  }
  if (/(?:^|[\s'"])(?:--config|-c)[\s'"=]|_CONFIG_FILE=/m.test(unit) || told.type === "configuration") {
    return byHand(
      `${service} is told of another configuration file than ${config}. Add to the tls-san list of that one:`,
      ...names.map((each) => `  - ${each}`),
      `and restart the service: systemctl restart ${service}`,
      told.type === "configuration"
        ? `(${told.file} names it)`
        : `(${name} reads its unit's command line: systemctl cat ${service})`,
    );
  }
  return undefined;
};

type Edit = { readonly path: string; readonly before: string; readonly after: string };

/** What is to be written; nothing when every name is in the list that counts. */
const editFor = (
  config: string,
  names: readonly string[],
): Edit | undefined | { readonly problem: string } => {
  const read = filesOf(config).map(readOne);
  const problem = read.find((each) => "problem" in each);
  if (problem !== undefined && "problem" in problem) return problem;
  const [main, ...others] = read.flatMap((each) => ("problem" in each ? [] : [each]));
  if (main === undefined) return undefined;
  const { edit } = planSans([main.file, ...others.map(({ file }) => file)], names, isSameName);
  if (edit === undefined) return undefined;
  const before = [main, ...others].find(({ file }) => file.path === edit.path)?.text ?? "";
  const edited = addToYamlList(before, { path: [edit.key], values: edit.values });
  return edited.ok
    ? { path: edit.path, before, after: edited.text }
    : { problem: `${edit.path}: ${edited.problem}` };
};

const write = (host: Host, { path, before, after }: Edit): string | { readonly copy: string | undefined } => {
  const noDirectory = makePrivateDirectory(join(path, ".."));
  if (noDirectory !== undefined) return noDirectory;
  const copy = before === "" ? undefined : backUp(path, host.stamp);
  if (copy !== undefined && "problem" in copy) return copy.problem;
  const replaced = replaceFile({ path, text: after });
  if (!replaced.ok) return replaced.problem;
  return { copy: copy?.path };
};

/** What is said when the server does not come back: nothing is turned back by itself, since a second restart may be worse. */
const wayBack = (service: string, edit: Edit | undefined, copy: string | undefined): readonly string[] => [
  `See: journalctl -u ${service} -n 50`,
  ...(edit === undefined || copy === undefined
    ? []
    : [`To go back: cp -p ${copy} ${edit.path} && systemctl restart ${service}`]),
];

/** Brings this server's list and certificate to the names. Given again it does what is left to do, or nothing. */
export const fixRancher = async (host: Host, rancher: Rancher): Promise<Ended> => {
  const { say, dryRun, run, wait } = host;
  const { service, config, kubeconfig } = rancher;
  const names = textsOf(host.names);
  const unit = await run("systemctl", ["cat", service], { limit: wait });
  if (unit.type === "failed" || unit.status !== 0) {
    const why = unit.type === "failed" ? unit.problem : `there is no service ${service}`;
    return byHand(
      `${why}. Add to tls-san in ${config}: ${names.join(", ")}; and restart ${rancher.name} server.`,
    );
  }
  const told = toldByEnvironment(unit.stdout, service, host.root);
  const objection = unitObjection(unit.stdout, told, rancher, names);
  const seen = await lookAt(host, at(host, kubeconfig));
  if (seen.lacking.length === 0 && seen.unwell === undefined && objection !== undefined) {
    say(
      `the certificate carries ${names.join(", ")}; ${service} has them from elsewhere than ${config}: nothing to do`,
    );
    return { type: "done" };
  }
  if (objection !== undefined) return objection;
  const edit = editFor(at(host, config), names);
  if (edit !== undefined && "problem" in edit) return failed(`${edit.problem}. Nothing was changed`);
  if (seen.unwell !== undefined) {
    return failed(
      `the API server of this host is not well (${seen.unwell}). Nothing was changed: mend it first`,
    );
  }
  if (edit === undefined && seen.lacking.length === 0) {
    say(`${names.join(", ")}: in the list and in the certificate; nothing to do`);
    return { type: "done" };
  }
  if (edit !== undefined) {
    say(`${edit.path}:`);
    for (const line of differenceOf(edit.before, edit.after)) say(line);
  }
  if (dryRun) {
    say(seen.lacking.length === 0 ? "would not restart anything" : `would restart ${service}`);
    return { type: "done" };
  }
  const written = edit === undefined ? { copy: undefined } : write(host, edit);
  if (typeof written === "string") return failed(`${written}. Nothing was changed`);
  if (written.copy !== undefined) say(`the file as it was: ${written.copy}`);
  if (seen.lacking.length === 0) {
    say("the certificate carries the names already: no restart is needed");
    return { type: "done" };
  }
  return restart(host, rancher, wayBack(service, edit, written.copy));
};

const restart = async (
  host: Host,
  { service, kubeconfig }: Rancher,
  back: readonly string[],
): Promise<Ended> => {
  const { say, run, wait } = host;
  say(`restarts ${service}`);
  const ran = await run("systemctl", ["restart", service], { limit: wait });
  if (ran.type === "failed") return failed(ran.problem, ...back);
  if (ran.status !== 0)
    return failed(`systemctl restart ${service} ended with status ${ran.status}`, ...back);
  const missing = await untilServes(host, at(host, kubeconfig), wait);
  if (missing !== undefined) return failed(missing, ...back);
  say(`${service} is ready, and its certificate carries ${host.names.map(formatName).join(", ")}`);
  return { type: "done" };
};
