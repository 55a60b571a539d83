/** `steelyard tls fix`: gets the virtual address into the certificates of API servers, on this host or on several by ssh. */
import { existsSync } from "node:fs";
import { micros, seconds } from "#base/time";
import { parseEndpoint } from "#core/api-server/name";
import { type RunProgram, runProgram } from "#drivers/host/program";
import { API_PORT, namesGiven, numberGiven, problemsIn } from "./api-servers.ts";
import { printable } from "./table.ts";
import { at, type Ended, type Host, textsOf } from "./tls-fix-host.ts";
import { fixKubeadm, KUBEADM } from "./tls-fix-kubeadm.ts";
import { fixRancher, K3S, RKE2 } from "./tls-fix-rancher.ts";
import { fixRemotely } from "./tls-fix-remote.ts";

export type TlsFixOptions = {
  readonly address: readonly string[];
  /** `undefined`: the one that is found on this host. */
  readonly distribution: string | undefined;
  /** `user@host,...`; none: this host. */
  readonly ssh: readonly string[];
  readonly remoteCommand: string;
  /** The file with kubeadm's ClusterConfiguration; `undefined` takes the cluster's ConfigMap. */
  readonly kubeadmConfig: string | undefined;
  readonly apiServer: string;
  readonly dryRun: boolean;
  /** Seconds. */
  readonly wait: string;
  readonly root?: string;
  readonly run?: RunProgram;
  readonly print?: (line: string) => void;
  readonly complain?: (line: string) => void;
  readonly now?: () => Date;
};

const DONE = 0;
const FAILED = 1;
const WRONG = 2;

const DISTRIBUTIONS = ["k3s", "rke2", "kubeadm"] as const;
type Distribution = (typeof DISTRIBUTIONS)[number];

/** What is there on a host that runs an API server of each. */
const MARKS: Readonly<Record<Distribution, string>> = {
  k3s: "/var/lib/rancher/k3s/server",
  rke2: "/var/lib/rancher/rke2/server",
  kubeadm: KUBEADM.manifest,
};

const distributionOf = (
  host: Host,
  given: string | undefined,
): Distribution | { readonly problem: string } => {
  const named = DISTRIBUTIONS.find((each) => each === given);
  if (named !== undefined) return named;
  const found = DISTRIBUTIONS.filter((each) => existsSync(at(host, MARKS[each])));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const seen =
    first === undefined
      ? "No API server of k3s, RKE2 or kubeadm is found here"
      : `${found.join(" and ")} are found here`;
  return { problem: `${seen}: name it with --distribution, or the hosts with --ssh.` };
};

const stampOf = (now: Date): string => `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;

const remoteArguments = (host: Host, options: TlsFixOptions): readonly string[] => [
  ...["tls", "fix", "--wait", options.wait, "--api-server", options.apiServer],
  ...textsOf(host.names).flatMap((name) => ["--address", name]),
  ...(options.distribution === undefined ? [] : ["--distribution", options.distribution]),
  ...(options.kubeadmConfig === undefined ? [] : ["--kubeadm-config", options.kubeadmConfig]),
];

/** Everything but the first and the last step, on this host. */
const fixHere = async (host: Host, options: TlsFixOptions): Promise<Ended | { readonly problem: string }> => {
  const distribution = distributionOf(host, options.distribution);
  if (typeof distribution !== "string") return distribution;
  if (distribution === "kubeadm") return fixKubeadm(host, options.kubeadmConfig);
  return fixRancher(host, distribution === "k3s" ? K3S : RKE2);
};

/** Mends; gives the exit status: 0 done or nothing to do, 1 stopped because something failed, 2 to be done by hand or a wrong command line. */
export const tlsFix = async (options: TlsFixOptions): Promise<number> => {
  const { print = console.log, complain = console.error, run = runProgram, root = "/" } = options;
  const { now = () => new Date() } = options;
  const say = (line: string): void => print(printable(line));
  const object = (line: string): void => complain(printable(line));
  const names = namesGiven(options.address);
  const apiServer = parseEndpoint(options.apiServer, { port: API_PORT });
  const wait = numberGiven("--wait", options.wait, 3_600);
  const problems = [
    ...problemsIn([names, wait]),
    ...(apiServer === undefined ? [`--api-server ${options.apiServer}: is no HOST or HOST:PORT.`] : []),
  ];
  if (!names.ok || !wait.ok || apiServer === undefined) {
    for (const problem of problems) object(problem);
    return WRONG;
  }
  const { dryRun } = options;
  const host: Host = {
    ...{ root, run, names: names.value, apiServer, dryRun },
    ...{ wait: seconds(wait.value), stamp: stampOf(now()), say },
  };
  if (options.ssh.length > 0) {
    const command = [...options.remoteCommand.split(" "), ...remoteArguments(host, options)];
    // Twice the wait, for a restart that is waited for on top of a reload; and what kubeadm takes.
    const limit = micros(2 * host.wait + seconds(600));
    return fixRemotely({ targets: options.ssh, command, dryRun, limit, run, say: print, complain });
  }
  const ended = await fixHere(host, options);
  if ("problem" in ended) {
    object(ended.problem);
    return WRONG;
  }
  if (ended.type === "done") return DONE;
  for (const line of ended.lines) object(line);
  return ended.type === "by-hand" ? WRONG : FAILED;
};
