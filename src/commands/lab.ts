/** `steelyard lab`: a whole network in private namespaces, to play with by hand. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Command, Option } from "commander";
import { parseAddress } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { LabError } from "#lab/connection";
import { FAULT_USAGE, parseFault } from "#lab/faults";
import type { Lab } from "#lab/lab";
import { closeNamedLab, connectNamedLab, createNamedLab, execCommand, listNamedLabs } from "#lab/named";
import { programCommand, runProgram, steelyardCommand } from "#lab/programs";
import { searchPath } from "#lab/requirements";
import { standardTopology } from "#lab/topology";

/** The virtual address that nodes of a lab made by hand accept for direct server return. */
const DIRECT_RETURN = ["10.2.0.100", "fd02::100"].flatMap((text) => parseAddress(text) ?? []);

const withLab = async (name: string, action: (opened: Lab) => Promise<void>): Promise<void> => {
  const opened = await connectNamedLab(name);
  await action(opened).finally(() => opened.close());
};

const logOf = (host: string): string => `/run/lab/logs/${host}.log`;

const startBackends = async (opened: Lab): Promise<void> => {
  // The router too: something an edge can ask whether it is connected at all.
  const serving = opened.topology.hosts.filter(({ role }) => role === "node" || role === "router");
  for (const { name } of serving) {
    await opened.host(name).spawn(programCommand("servers", name), { lasting: true, log: logOf(name) });
  }
  for (const { name } of serving) {
    while (!(await opened.read(logOf(name))).includes("ready")) await pause(20);
  }
};

const startEdges = async (opened: Lab, folder: string): Promise<void> => {
  for (const { name } of opened.topology.hosts.filter((each) => each.role === "edge")) {
    const config = join(folder, `${name}.yaml`);
    if (!existsSync(config))
      throw new LabError(`${config} is missing: --config takes a folder with a file per edge`);
    const argv = steelyardCommand("edge", "--config", config);
    await opened.host(name).spawn(argv, { lasting: true, log: logOf(name) });
  }
};

const up = async (options: { name: string; config?: string; client: string }): Promise<void> => {
  const client = options.client === "lan" ? "lan" : "routed";
  const opened = await createNamedLab(
    options.name,
    standardTopology({ directReturn: DIRECT_RETURN, client }),
  );
  try {
    await startBackends(opened);
    if (options.config !== undefined) await startEdges(opened, resolve(options.config));
  } catch (error) {
    await closeNamedLab(options.name);
    throw error;
  }
  await opened.close();
  console.log(`lab ${options.name} is up. Try: steelyard lab status; steelyard lab exec cl -- ip address`);
};

/** The environment of a command in a host: as here, and `steelyard` is this one wherever it was unpacked. */
const withOwnProgram = (): NodeJS.ProcessEnv => {
  const [, entry = ""] = process.argv;
  const own = join(dirname(dirname(entry)), "bin");
  return { ...process.env, PATH: [own, searchPath()].join(delimiter) };
};

const exec = (name: string, host: string, argv: readonly string[]): Promise<void> =>
  withLab(name, async (opened) => {
    const { hosts } = await opened.status();
    const anchor = hosts.find((each) => each.name === host)?.anchor;
    if (anchor === undefined) {
      throw new LabError(`there is no host ${host}; there are ${hosts.map((each) => each.name).join(", ")}`);
    }
    const [command = "", ...args] = execCommand(opened, { anchor, argv: argv.length > 0 ? argv : ["sh"] });
    process.on("SIGINT", () => {}); // Ctrl-C is for the command; its end is ours.
    const child = spawn(command, args, { stdio: "inherit", env: withOwnProgram() });
    process.exitCode = await new Promise<number>((done) => {
      child.once("exit", (code) => done(code ?? 128));
      child.once("error", () => done(127));
    });
  });

const fault = (name: string, words: readonly string[]): Promise<void> =>
  withLab(name, async (opened) => {
    const parsed = parseFault(words);
    if (parsed === undefined)
      throw new LabError(`no such fault; these exist:\n  ${FAULT_USAGE.join("\n  ")}`);
    await opened.fault(parsed);
  });

const showLab = async (opened: Lab, name: string): Promise<void> => {
  const { hosts, faults } = await opened.status();
  console.log(`lab ${name}, first process ${opened.pid}`);
  for (const { name: host, interfaces, role } of opened.topology.hosts) {
    const addresses = interfaces.flatMap((each) => each.addresses.map(formatInterfaceAddress));
    console.log(`  ${host.padEnd(4)} ${role.padEnd(6)} ${addresses.join(" ")}`);
    for (const line of hosts.find((each) => each.name === host)?.processes ?? [])
      console.log(`         ${line}`);
  }
  for (const host of faults.silent) console.log(`  fault: ${host} is silent`);
  for (const host of faults.unplugged) console.log(`  fault: ${host} is unplugged`);
  for (const { from = "any", to = "any", percent } of faults.losses) {
    console.log(`  fault: ${percent}% of frames from ${from} to ${to} are lost`);
  }
};

const status = async (options: { name: string; json?: boolean }): Promise<void> => {
  const names = listNamedLabs();
  if (options.json !== true) console.log(names.length === 0 ? "no lab is up" : `up: ${names.join(", ")}`);
  if (!names.includes(options.name)) return;
  await withLab(options.name, async (opened) => {
    if (options.json === true) console.log(JSON.stringify(await opened.status(), null, 2));
    else await showLab(opened, options.name);
  });
};

const down = async (name: string): Promise<void> => {
  if (!(await closeNamedLab(name))) throw new LabError(`lab ${name} is not up`);
};

const labProgram = (): Command => {
  // Options after a host's name belong to the command that runs there.
  const program = new Command("steelyard lab")
    .enablePositionalOptions()
    .showHelpAfterError("(--help tells more)")
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  program.description("A whole network in private namespaces: client, router, switch, edges, nodes.");
  const named = (subcommand: string, description: string): Command =>
    program.command(subcommand).description(description).option("--name <name>", "which lab", "lab");
  named("up", "build it and leave it running")
    .option(
      "--config <folder>",
      "start `steelyard edge` in e1 and e2 with e1.yaml and e2.yaml of this folder",
    )
    .addOption(
      new Option("--client <where>", "client behind a router or on the LAN")
        .choices(["routed", "lan"])
        .default("routed"),
    )
    .action((options) => up(options));
  named("exec", "run a command in a host (default: a shell)")
    .argument("<host>")
    .argument("[command...]")
    .passThroughOptions()
    // What follows the host is left as typed, so a separating `--` is still there.
    .action((host, argv, options) => exec(options.name, host, argv[0] === "--" ? argv.slice(1) : argv));
  named("fault", "make something go wrong")
    .argument("<fault...>")
    .addHelpText("after", `\nFaults:\n  ${FAULT_USAGE.join("\n  ")}`)
    .action((words, options) => fault(options.name, words));
  named("status", "what is up, what runs where, which faults are in force")
    .option("--json", "as JSON")
    .action((options) => status(options));
  named("down", "end it and everything in it").action((options) => down(options.name));
  program
    .command("program <name> [args...]", { hidden: true })
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (name, args) => {
      if (!(await runProgram(name, args))) throw new LabError(`no such program: ${name}`);
    });
  return program;
};

/** Runs `steelyard lab ARGS`; gives the exit code: 1 for what the operator can mend, 2 for wrong arguments. */
export const lab = async (args: readonly string[]): Promise<number> => {
  try {
    await labProgram().parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    console.error(`steelyard lab: ${error.message}`);
    return 1;
  }
};
