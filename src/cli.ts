/** The command line for people. Each command is loaded only when asked for, so that a daemon does not carry the others along. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { Argument, Command, Option } from "commander";
import { VERSION } from "#base/version";
import { addController } from "#commands/controller";
import { addEdge, adminOption, collect, runtimeOption } from "#commands/edge";
import { addKubeconfig } from "#commands/kubeconfig-options";
import { addPlanning } from "#commands/planning";
import { addRouterConfig } from "#commands/routing";
import { addSpeaker } from "#commands/speaker";
import { addTls } from "#commands/tls";
import { addVip } from "#commands/vip";
import { addVipTools } from "#commands/vip-tools";
import { VIP_ADMIN, VIP_RUNTIME_DIRECTORY } from "#roles/edge/options";
import { DEFAULT_SPEAKER_ADMIN } from "#roles/speaker/options";

const CHECK_HELP = `
Everything named is one configuration, as for \`edge\`: check the files of each box by themselves.

Exit status: 0 when valid, 2 when not.`;

const IMPORT_HELP = `
What could not be carried is listed with file and line on standard error, with the reason.

Exit status: 0 when nothing is lost, 1 when the resources are written but some lines could not be carried, 2 when nothing
is written: the files cannot be read, hold nothing of use, or the output cannot be written.`;

const ASK_HELP = `
Exit status: 0 when a running edge answered, 1 when none did.`;

const CLEAN_HELP = `
Needed only where no edge is to run again: one that starts takes over what it finds, and removes it when it is stopped.

Exit status: 0 when nothing is left, 1 when something is or an edge runs, 2 when the configuration is wrong.`;

const DOCTOR_HELP = `
Changes nothing. What it can find, and what mends it: docs/reference/doctor.md.

Exit status: 0 when nothing is the matter or only warnings were found, 1 when an error was, 2 when the command line is wrong.`;

const INSTALL_HELP = `
Given again it does nothing more. Exit status: 0 when done, 1 when not, with the reason.`;

/** What a command printed last may have gone to a reader that has seen enough (`steelyard events | head`). */
const endWithReader = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
};

/** The process ends by itself when nothing is left to do; output to a pipe is complete only then. */
const finish = (status: number): void => {
  process.exitCode = status;
};

const program = new Command("steelyard")
  .description("Addresses that fail over between boxes, and what arrives for them balanced over backends.")
  .version(VERSION)
  .enablePositionalOptions()
  .showHelpAfterError("(--help tells more)")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

addEdge(program, async (options) => {
  const { runWire } = await import("#roles/edge/wire/run");
  finish(await runWire(options));
});

addVip(program, async (options) => {
  const { runWire } = await import("#roles/edge/wire/run");
  finish(await runWire(options));
});

addController(program, finish);
addSpeaker(program, {
  finish,
  run: async (options) => {
    const { runSpeaker } = await import("#roles/speaker/wire/run");
    return await runSpeaker(options);
  },
});

program
  .command("check <path...>")
  .description("validate configuration files and directories")
  .option("--json", "print JSON")
  .addHelpText("after", CHECK_HELP)
  .action(async (paths: string[], flags: { json?: boolean }) => {
    endWithReader();
    const { check } = await import("#commands/check");
    finish(await check({ paths, json: flags.json === true }));
  });

const importCommand = program
  .command("import")
  .description("turn what a machine or a cluster runs today into resources")
  .addHelpText("after", "\nExit status: 2 without a format; see the format's own --help.")
  .showHelpAfterError("(--help tells more)");

const withOutputOptions = (command: Command): Command =>
  command
    .option("-o, --output <file>", "where the resources go", "-")
    .option("--force", "replace the output file if there is one");

withOutputOptions(
  importCommand
    .command("keepalived <file...>")
    .description("read keepalived.conf, print resources, and list what could not be carried"),
)
  .option("-i, --config-id <name>", "which lines that start with @NAME hold", hostname().split(".")[0] ?? "")
  .addHelpText("after", IMPORT_HELP)
  .action(async (paths: string[], flags: { output: string; force?: boolean; configId: string }) => {
    endWithReader();
    const { importKeepalived } = await import("#commands/import");
    finish(importKeepalived({ paths, ...flags, force: flags.force === true }));
  });

const CLUSTER_FORMATS = [
  ["metallb", "read MetalLB's ConfigMap (up to 0.12) or its resources"],
  ["kube-vip", "read the ConfigMap of kube-vip's cloud provider, and annotated Services"],
  ["cilium", "read Cilium's pools, announcement policies and BGP resources, and annotated Services"],
] as const;

for (const [format, description] of CLUSTER_FORMATS) {
  withOutputOptions(importCommand.command(`${format} <file...>`).description(description))
    .option("-n, --namespace <name>", "where the resources are to lie")
    .addHelpText("after", IMPORT_HELP)
    .action(async (paths: string[], flags: { output: string; force?: boolean; namespace?: string }) => {
      endWithReader();
      const { importResources } = await import("#commands/import-metallb");
      const { output, force = false, namespace } = flags;
      finish(importResources({ format, paths, output, force, namespace }));
    });
}

addVipTools(program, { finish, endWithReader });
addPlanning(program, { finish, endWithReader });
addRouterConfig(program, { finish, endWithReader });
addTls(program, { finish, endWithReader });
addKubeconfig(program, { finish, endWithReader });

/** The admin socket that was named; where none was and no edge has the usual one, that of `steelyard vip` if there is one. */
const adminOf = (command: Command): string => {
  const said = String(command.getOptionValue("admin"));
  const isUnsaid = command.getOptionValueSource("admin") === "default";
  return isUnsaid && !existsSync(said) && existsSync(VIP_ADMIN) ? VIP_ADMIN : said;
};

type StatusFlags = { readonly admin: string; readonly json?: boolean; readonly watch?: boolean };

program
  .command("status")
  .description("show what a running edge, vip, controller or speaker holds and how it is")
  .addArgument(
    new Argument("[part]", "only this part, in full: the BGP sessions of a speaker or an edge").choices([
      "bgp",
    ]),
  )
  .addOption(adminOption())
  .option("--json", "print JSON")
  .option("-w, --watch", "show again every second")
  .addHelpText("after", ASK_HELP)
  .action(async (part: "bgp" | undefined, flags: StatusFlags, command: Command) => {
    endWithReader();
    const { status } = await import("#commands/status");
    // Of those that have BGP sessions a node of a cluster has a speaker.
    const isUnsaid = part === "bgp" && command.getOptionValueSource("admin") === "default";
    const isSpeaker = isUnsaid && existsSync(DEFAULT_SPEAKER_ADMIN);
    const admin = isSpeaker ? DEFAULT_SPEAKER_ADMIN : adminOf(command);
    finish(
      await status({
        ...{ admin, json: flags.json === true, watch: flags.watch === true },
        ...(part === undefined ? {} : { part }),
      }),
    );
  });

program
  .command("events")
  .description("show every transition with its cause")
  .addOption(adminOption())
  .option("--json", "print JSON lines")
  .option("-f, --follow", "go on with what happens from now on")
  .addHelpText("after", ASK_HELP)
  .action(async (flags: { admin: string; json?: boolean; follow?: boolean }, command: Command) => {
    endWithReader();
    const { events } = await import("#commands/events");
    finish(
      await events({ admin: adminOf(command), json: flags.json === true, follow: flags.follow === true }),
    );
  });

program
  .command("doctor")
  .description("find what keeps announced addresses from working on this node")
  .option("--node <name>", "name of this node in what is printed", process.env.NODE_NAME ?? hostname())
  .option("--kubeconfig <path>", "credentials of the cluster (default: as kubectl, or the pod's)")
  .option(
    "--namespace <name>",
    "where the pools lie in the cluster",
    process.env.POD_NAMESPACE ?? "steelyard-system",
  )
  .option("--admin <path>", `where the speaker of this node answers (default: ${DEFAULT_SPEAKER_ADMIN})`)
  .option("--bound", "the speaker binds addresses to interfaces", false)
  .option("--json", "print JSON", false)
  .addHelpText("after", DOCTOR_HELP)
  .action(
    async (flags: {
      node: string;
      kubeconfig?: string;
      namespace: string;
      admin?: string;
      bound: boolean;
      json: boolean;
    }) => {
      endWithReader();
      const { doctor } = await import("#commands/doctor");
      const { node, kubeconfig, namespace, admin, bound, json } = flags;
      finish(await doctor({ node, kubeconfig, namespace, admin, bindsAddresses: bound, json }));
    },
  );

program
  .command("clean")
  .description(
    "remove what an edge, `steelyard vip`, or a speaker (on interfaces, in FRR) that was killed left behind",
  )
  .addOption(adminOption())
  .addOption(runtimeOption())
  .option(
    "-c, --config <path>",
    "remove the virtual addresses named there, even unmarked (Linux before 5.18)",
    collect,
  )
  .option("--frr", "remove what a speaker with --bgp-engine frr left in the FRR of this machine, too")
  .option("--frr-sockets <directory>", "where FRR has its sockets (default: where vtysh looks for them)")
  .option("--dry-run", "only say what is there")
  .addHelpText("after", CLEAN_HELP)
  .action(
    async (
      flags: {
        admin: string;
        runtimeDir: string;
        config?: string[];
        frr?: boolean;
        frrSockets?: string;
        dryRun?: boolean;
      },
      command: Command,
    ) => {
      endWithReader();
      const { clean } = await import("#commands/clean");
      const { runtimeDir, config = [], frrSockets: sockets } = flags;
      const admin = adminOf(command);
      // A program that was killed has left its socket there.
      const isVip = admin === VIP_ADMIN && command.getOptionValueSource("runtimeDir") === "default";
      const runtimeDirectory = isVip ? VIP_RUNTIME_DIRECTORY : runtimeDir;
      const frr = flags.frr === true ? { sockets } : undefined;
      finish(await clean({ admin, runtimeDirectory, config, frr, dryRun: flags.dryRun === true }));
    },
  );

const roleOption = (): Option =>
  new Option("--role <role>", "what this machine is to be").choices(["edge", "vip"]).default("edge");

type Installation = { role: "edge" | "vip"; root: string; dryRun?: boolean };

const rootOption = (): Option =>
  new Option("--root <directory>", "another system's root, such as an image's").default("/");

program
  .command("install")
  .description("make this checkout a service of the machine (the Debian package needs no such thing)")
  .addOption(roleOption())
  .addOption(rootOption())
  .option("--dry-run", "only say what would be written")
  .addHelpText("after", INSTALL_HELP)
  .action(async (flags: Installation) => {
    const { install } = await import("#commands/install");
    const { role, root, dryRun = false } = flags;
    finish(install({ role, root, dryRun }));
  });

program
  .command("uninstall")
  .description("remove what `install` wrote")
  .addOption(roleOption())
  .addOption(rootOption())
  .option("--purge", "the configuration too")
  .option("--dry-run", "only say what would be removed")
  .addHelpText("after", INSTALL_HELP)
  .action(async (flags: Installation & { purge?: boolean }) => {
    const { uninstall } = await import("#commands/uninstall");
    const { role, root, purge = false, dryRun = false } = flags;
    finish(uninstall({ role, root, purge, dryRun }));
  });

program
  .command("demo")
  .description("two real edges in private namespaces: what clients see when the active one goes")
  .option("--json", "print JSON")
  .action(async (flags: { json?: boolean }) => {
    const { demo } = await import("#commands/demo");
    finish(await demo({ json: flags.json === true }));
  });

// The lab reads its own arguments: what follows a host's name belongs to the command that runs there.
program
  .command("lab [arguments...]")
  .description("a whole network in private namespaces, to play with by hand")
  .helpOption(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (args: string[]) => {
    const { lab } = await import("#commands/lab");
    finish(await lab(args));
  });

await program.parseAsync();
