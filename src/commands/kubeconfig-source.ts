/** Where `steelyard kubeconfig` gets credentials from: files of k3s, RKE2 and kubeadm, a pipe, another host, or its own output. */
import { existsSync, readFileSync } from "node:fs";
import { seconds } from "#base/time";
import type { RunProgram } from "#drivers/host/program";
import type { ClusterCredentials, Found } from "#drivers/kubernetes/credentials";
import { parseKubeconfig } from "#drivers/kubernetes/kubeconfig";
import { printable } from "./table.ts";

/** Where the distributions put the administrator's kubeconfig. */
export const ADMIN_FILES: readonly string[] = [
  "/etc/rancher/k3s/k3s.yaml",
  "/etc/rancher/rke2/rke2.yaml",
  "/etc/kubernetes/admin.conf",
];

/** Credentials, and from where. */
export type Source = {
  /** As it is told to the operator. */
  readonly origin: string;
  /** The host that `127.0.0.1` in it means; `undefined` when it means this one, `""` when nobody knows. */
  readonly host: string | undefined;
  /** The context that was taken. */
  readonly context: string;
  readonly credentials: ClusterCredentials;
};

export type SourceOptions = {
  /** A file, or `-`; `undefined` looks where the distributions put theirs. */
  readonly from: string | undefined;
  /** `user@host`. */
  readonly ssh: string | undefined;
  /** With `ssh`: read as root. */
  readonly sudo: boolean;
  /** Of the source; `undefined` takes its current one. */
  readonly sourceContext: string | undefined;
  /** The file that is written, and the context in it, which serve as a source too once they are there. */
  readonly output: string;
  readonly context: string | undefined;
  readonly adminFiles: readonly string[];
  readonly run: RunProgram;
  /** Reads standard input. */
  readonly readInput: () => string;
};

const MOST_CHARACTERS = 4 * 1_024 * 1_024;
const SSH_LIMIT = seconds(60);
/** What the remote shell ends with when there is none of the files. */
const NONE_THERE = 66;

const no = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

/** A target that ssh takes for a host and not for an option. */
export const isSshTarget = (text: string): boolean => /^(?!-)[\w.@:%[\]-]{1,255}$/.test(text);

/** Files elsewhere and programs that run here are not taken from a file that came from there. */
const elsewhereProblem = ({ authority, certificate, user }: ClusterCredentials): string | undefined => {
  const materials = [authority, certificate?.chain, certificate?.key];
  const file = materials.find((material) => material?.type === "file");
  if (file?.type === "file")
    return `it names the file ${file.path}, which is on another host: use one with everything in it`;
  if (user.type === "token-file") return `it names the file ${user.path}, which is on another host`;
  return user.type === "exec"
    ? "it has programs run here (exec): give it as a file with --from if that is meant"
    : undefined;
};

const sourceOf = (
  text: string,
  { origin, host, context }: { origin: string; host: string | undefined; context: string | undefined },
): Found<Source> => {
  if (text.length > MOST_CHARACTERS) return no(`${origin}: is too large to be a kubeconfig`);
  const parsed = parseKubeconfig(text, origin, { context });
  if (!parsed.ok) return parsed;
  const { credentials } = parsed.value;
  const problem = host === undefined ? undefined : elsewhereProblem(credentials);
  if (problem !== undefined) return no(`${origin}: ${problem}`);
  if (!credentials.verify) {
    return no(
      `${origin}: it says insecure-skip-tls-verify: without an authority nobody can be told from an impostor`,
    );
  }
  return { ok: true, value: { origin, host, context: parsed.value.context, credentials } };
};

const fromFile = (path: string, context: string | undefined): Found<Source> => {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const words: Readonly<Record<string, string>> = {
      EACCES: "may not be read by this user (sudo?)",
      ENOENT: "does not exist",
    };
    return no(`${path} ${words[code] ?? `cannot be read (${code})`}`);
  }
  return sourceOf(text, { origin: path, host: undefined, context });
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const fromSsh = async (target: string, options: SourceOptions): Promise<Found<Source>> => {
  if (!isSshTarget(target)) return no(`--ssh ${target}: is no USER@HOST`);
  const { from, adminFiles, sudo, run, sourceContext } = options;
  const files = from === undefined ? adminFiles : [from];
  const tests = files.map((file) => `if test -e ${quoted(file)}; then exec cat -- ${quoted(file)}; fi`);
  const script = `${tests.join("; ")}; exit ${NONE_THERE}`;
  const command = `${sudo ? "sudo -n " : ""}sh -c ${quoted(script)}`;
  const ssh = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "--", target, command];
  const ran = await run("ssh", ssh, { limit: SSH_LIMIT });
  if (ran.type === "failed") return no(`--ssh ${target}: ${ran.problem}`);
  if (ran.status === NONE_THERE) return no(`--ssh ${target}: there is none of ${files.join(", ")}`);
  if (ran.status !== 0) {
    // What ssh, sudo and cat say on standard error; the file itself comes on the other one.
    const said = printable(ran.stderr.trim().split("\n").at(-1) ?? "").slice(0, 300);
    return no(
      `--ssh ${target}: status ${ran.status}${said === "" ? "" : `: ${said}`} (--sudo reads it as root)`,
    );
  }
  const host = target.split("@").at(-1) ?? "";
  return sourceOf(ran.stdout, { origin: `${target}:${files.join("|")}`, host, context: sourceContext });
};

/** The file that is written, if the context is in it: on a laptop it is all there is, and enough. */
const fromOutput = ({ output, context }: SourceOptions): Found<Source> | undefined => {
  if (context === undefined || !existsSync(output)) return undefined;
  const found = fromFile(output, context);
  return found.ok ? found : undefined;
};

/** The credentials to go by, and what has to be said when they are not where they were looked for first. */
export const readSource = async (
  options: SourceOptions,
): Promise<Found<Source & { readonly note?: string }>> => {
  const { from, ssh, sourceContext, adminFiles } = options;
  const first = async (): Promise<Found<Source>> => {
    if (ssh !== undefined) return fromSsh(ssh, options);
    if (from === "-") {
      return sourceOf(options.readInput(), { origin: "standard input", host: "", context: sourceContext });
    }
    if (from !== undefined) return fromFile(from, sourceContext);
    const there = adminFiles.find((path) => existsSync(path));
    return there === undefined
      ? no(
          `there is none of ${adminFiles.join(", ")}: name the administrator's kubeconfig with --from or --ssh`,
        )
      : fromFile(there, sourceContext);
  };
  const found = await first();
  if (found.ok) return found;
  const own = fromOutput(options);
  if (own?.ok !== true) return found;
  return { ok: true, value: { ...own.value, note: `${found.problem}; goes by ${own.value.origin} itself` } };
};
