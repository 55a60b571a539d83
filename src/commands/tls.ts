/** `steelyard tls` on the command line: its subcommands, their options, and what they mean. */
import { type Command, Option } from "commander";
import type { Ending } from "./planning.ts";

const CHECK_HELP = `
Asks every API server for its certificate and sends it nothing else: docs/api-server-access.md.

Exit status: 0 when all is well, 1 when a certificate lacks the address, has expired or soon will, comes from another
authority, or there is no TLS, 2 when that is not known of every server, or the command line is wrong.`;

const FIX_HELP = `
k3s and RKE2: adds the names to tls-san and restarts the service. kubeadm: adds them to apiServer.certSANs and has kubeadm
make a new serving certificate, which kube-apiserver takes up by itself. Copies of what was there are kept; what is right
already is not touched, and the command can be given again at any time. docs/api-server-access.md.

Exit status: 0 when done or nothing is to be done, 1 when something failed (what was done is said), 2 when it has to be done
by hand, with the commands for it, or the command line is wrong.`;

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

type CheckFlags = {
  readonly address?: string[];
  readonly server?: string[];
  readonly kubeconfig?: string;
  readonly ca?: string;
  readonly soon: string;
  readonly timeout: string;
  readonly output: string;
};

const addCheck = (tls: Command, { finish, endWithReader }: Ending): void => {
  tls
    .command("check")
    .description("ask every API server for its certificate, and list what is wrong with it")
    .option(
      "--address <address>",
      "the virtual address, or name, that clients use; several times if there are several",
      collect,
    )
    .option(
      "--server <host[:port]>",
      "an API server; several times (default: those that the cluster names)",
      collect,
    )
    .option("--kubeconfig <path>", "credentials of the cluster, and its authority (default: as kubectl)")
    .option("--ca <file>", "certificates of the cluster's authority (default: the kubeconfig's)")
    .option("--soon <days>", "tell of certificates that end within so many days", "30")
    .option("--timeout <seconds>", "how long a server may take", "5")
    .addOption(new Option("-o, --output <form>", "how to print").choices(["table", "json"]).default("table"))
    .addHelpText("after", CHECK_HELP)
    .action(async (flags: CheckFlags) => {
      endWithReader();
      const { tlsCheck } = await import("./tls-check.ts");
      const { address = [], server = [], kubeconfig, ca, soon, timeout, output } = flags;
      finish(await tlsCheck({ address, server, kubeconfig, ca, soon, timeout, output }));
    });
};

type FixFlags = {
  readonly address?: string[];
  readonly distribution?: string;
  readonly ssh?: string[];
  readonly remoteCommand: string;
  readonly kubeadmConfig?: string;
  readonly apiServer: string;
  readonly dryRun?: boolean;
  readonly wait: string;
};

const collectList = (value: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  ...value.split(",").filter((each) => each !== ""),
];

const addFix = (tls: Command, { finish, endWithReader }: Ending): void => {
  tls
    .command("fix")
    .description(
      "get the virtual address into the certificate of this host's API server, or of several hosts'",
    )
    .option(
      "--address <address>",
      "the virtual address, or name; several times if there are several",
      collect,
    )
    .addOption(
      new Option("--distribution <name>", "what runs the API server (default: what is found)").choices([
        ...["k3s", "rke2", "kubeadm"],
      ]),
    )
    .option(
      "--ssh <user@host,...>",
      "do it there, one host after the other; steelyard is installed there",
      collectList,
    )
    .option("--remote-command <words>", "with --ssh: how steelyard is called there", "sudo -n steelyard")
    .option("--kubeadm-config <file>", "a file with the ClusterConfiguration (default: the cluster's own)")
    .option("--api-server <host[:port]>", "where this host's API server listens", "127.0.0.1:6443")
    .option("--dry-run", "only say what would be changed")
    .option("--wait <seconds>", "how long an API server may take to be ready again", "300")
    .addHelpText("after", FIX_HELP)
    .action(async (flags: FixFlags) => {
      endWithReader();
      const { tlsFix } = await import("./tls-fix.ts");
      const { address = [], distribution, ssh = [], remoteCommand, kubeadmConfig, apiServer, wait } = flags;
      const { dryRun = false } = flags;
      finish(
        await tlsFix({ address, distribution, ssh, remoteCommand, kubeadmConfig, apiServer, dryRun, wait }),
      );
    });
};

/** Adds the command to the program. */
export const addTls = (program: Command, ending: Ending): void => {
  const tls = program
    .command("tls")
    .description("whether the certificates of API servers carry the virtual address, and mending it")
    .addHelpText("after", "\nExit status: 2 without a subcommand; see its own --help.")
    .showHelpAfterError("(--help tells more)");
  addCheck(tls, ending);
  addFix(tls, ending);
};
