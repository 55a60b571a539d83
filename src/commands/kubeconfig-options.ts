/** `steelyard kubeconfig` on the command line: its options, and what they mean. */
import type { Command } from "commander";
import type { Ending } from "./planning.ts";

const HELP = `
Tries the virtual address as kubectl would: reach it, verify its certificate against the authority in the kubeconfig, have
the API accept the credentials. Where that fails, the first node with which it works is named instead. One line for each
try says what came of it: docs/api-server-access.md.

Exit status: 0 when the file names the virtual address, 3 when it names a node, 1 when no server is good (the file stays as it
is), 2 when the command line or a file is wrong. With --watch 0 when told to end.`;

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

type Flags = {
  readonly address?: string[];
  readonly server?: string[];
  readonly from?: string;
  readonly ssh?: string;
  readonly sudo?: boolean;
  readonly sourceContext?: string;
  readonly context?: string;
  readonly output?: string;
  readonly port?: string;
  readonly setCurrent?: boolean;
  readonly replace?: boolean;
  readonly print?: boolean;
  readonly watch?: boolean;
  readonly interval: string;
  readonly timeout: string;
};

/** Ends when the service manager or the terminal says so. */
const untilTold = (): AbortSignal => {
  const controller = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.once(signal, () => controller.abort());
  return controller.signal;
};

/** Adds the command to the program. */
export const addKubeconfig = (program: Command, { finish, endWithReader }: Ending): void => {
  program
    .command("kubeconfig")
    .description("write a kubeconfig that names the virtual address if that works, else a node that does")
    .option(
      "--address <address>",
      "the virtual address, or its name; several times if there are several",
      collect,
    )
    .option("--port <number>", "the API server's port there (default: as in the kubeconfig that is read)")
    .option(
      "--server <host[:port]>",
      "a node to fall back to; several times (default: those that the cluster names)",
      collect,
    )
    .option(
      "--from <file>",
      "the administrator's kubeconfig, or - (default: that of k3s, RKE2 or kubeadm on this host)",
    )
    .option("--ssh <user@host>", "read it there, by ssh")
    .option("--sudo", "with --ssh: read it as root")
    .option("--source-context <name>", "which context of it to take (default: its current one)")
    .option("--context <name>", "what to call it in the file (default: as in the kubeconfig that is read)")
    .option("-o, --output <file>", "the file to merge it into (default: ~/.kube/config)")
    .option("--set-current", "make it the current context (it becomes that anyway where there is none)")
    .option("--replace", "take over a context of that name that leads to another cluster")
    .option("--print", "print the kubeconfig, and write no file")
    .option("-w, --watch", "go on, and keep the file right")
    .option("--interval <seconds>", "with --watch: how often to look while all is well", "10")
    .option("--timeout <seconds>", "how long each step of a try may take", "5")
    .addHelpText("after", HELP)
    .action(async (flags: Flags) => {
      endWithReader();
      const { kubeconfig } = await import("./kubeconfig.ts");
      const {
        address = [],
        server = [],
        from,
        ssh,
        sudo = false,
        sourceContext,
        context,
        output,
        port,
      } = flags;
      const { setCurrent = false, replace = false, print = false, watch = false, interval, timeout } = flags;
      finish(
        await kubeconfig({
          ...{ address, server, from, ssh, sudo, sourceContext, context, output, port },
          ...{ makeCurrent: setCurrent, replace, toOutput: print, watch, interval, timeout },
          ...(watch ? { signal: untilTold() } : {}),
        }),
      );
    });
};
