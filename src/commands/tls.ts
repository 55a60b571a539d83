/** `steelyard tls` on the command line: its subcommands, their options, and what they mean. */
import { type Command, Option } from "commander";
import type { Ending } from "./planning.ts";

const CHECK_HELP = `
Asks every API server for its certificate and sends it nothing else: docs/api-server-access.md.

Exit status: 0 when all is well, 1 when a certificate lacks the address, has expired or soon will, comes from another
authority, or there is no TLS, 2 when that is not known of every server, or the command line is wrong.`;

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

/** Adds the command to the program. */
export const addTls = (program: Command, ending: Ending): void => {
  const tls = program
    .command("tls")
    .description("whether the certificates of API servers carry the virtual address, and mending it")
    .addHelpText("after", "\nExit status: 2 without a subcommand; see its own --help.")
    .showHelpAfterError("(--help tells more)");
  addCheck(tls, ending);
};
