/** `steelyard vip` on the command line: the address of a cluster's API servers, by flags or by files. */
import { Command, Option } from "commander";
import { endpointDocument, type VipFlags } from "#core/vip/flags";
import { EDGE_DEFAULTS, edgeOptions } from "#roles/edge/arguments";
import { type EdgeOptions, VIP_ADMIN, VIP_RUNTIME_DIRECTORY } from "#roles/edge/options";
import { adminOption, collect, runtimeOption, withRunning } from "./edge.ts";

const HELP = `
The same line, or file, does on every control-plane host: --peers may list all of them. docs/vip.md tells what happens when.

SIGHUP reads files again, as does a change of them. SIGTERM and SIGINT let another host take the address, and end.

Exit status: 0 when told to end, 1 when this machine lacks something, 2 when the configuration or the command line is wrong.`;

/** What the command line says besides the endpoint itself. */
type Flags = VipFlags & {
  readonly config?: string[];
  readonly admin: string;
  readonly runtimeDir: string;
  readonly logFormat: EdgeOptions["logFormat"];
  readonly logLevel: EdgeOptions["logLevel"];
  readonly realtime?: boolean;
};

/** Adds the flags that say what an endpoint is. */
export const withEndpoint = (command: Command): Command =>
  command
    .option(
      "--address <address>",
      "address to hold, with or without length; several times, or with commas",
      collect,
    )
    .option("--interface <name>", "interface that carries it")
    .option(
      "--peers <addresses>",
      "all control-plane hosts, this one included; none: they meet by multicast",
      collect,
    )
    .option("--vrid <number>", "1..255, the same on all hosts, unique on the network (default: 53)")
    .option("--ca <file>", "the cluster's authority; without it no certificate is verified")
    .option("--port <port>", "port of the API servers (default: 6443)")
    .option("--check <kind>", "how the API server of this host is asked: https or tcp (default: https)")
    .option("--path <path>", "what https asks for (default: /livez)")
    .option("--server-name <name>", "name in the certificate (default: kubernetes.default.svc)")
    .option("--api-server <address>", "where this host's API server is asked (default: 127.0.0.1)")
    .option("--check-interval <duration>", "from one question to the next (default: 1s)")
    .option("--check-timeout <duration>", "how late an answer may be (default: 2s)")
    .option("--rise <number>", "good answers in a row until it is well again (default: 2)")
    .option("--fall <number>", "questions in a row without one until it is dead (default: 3)")
    .option("--advertisement-interval <duration>", "pause between VRRP advertisements (default: 200ms)")
    .option("--priority <number>", "1..254 (default: by the order of the hosts' addresses)")
    .option("--preempt", "take the address from a host with a lower priority that is well")
    .option("--balance", "spread connections over the API servers of all hosts")
    .option("--name <name>", "what it is called in status, events and metrics", "api");

/** Files instead of flags. */
export const configOption = (): Option =>
  new Option(
    "-c, --config <path>",
    "file or directory with a ControlPlaneEndpoint, instead of flags",
  ).argParser(collect);

const withRuntime = (command: Command): Command =>
  withRunning(
    command
      .addOption(configOption())
      .addOption(adminOption(VIP_ADMIN))
      .addOption(runtimeOption(VIP_RUNTIME_DIRECTORY)),
  );

/** What the flags come to. */
const vipOptions = (flags: Flags): EdgeOptions => ({
  ...edgeOptions({ ...EDGE_DEFAULTS, ...flags, config: flags.config ?? [] }),
  program: "vip",
  ...(flags.config === undefined ? { endpoint: endpointDocument(flags) } : {}),
});

/** What only the endpoint's flags can say; a file says it itself. */
const ENDPOINT_FLAGS: ReadonlySet<string> = new Set(
  withEndpoint(new Command()).options.map((option) => option.attributeName()),
);

const conflicting = (command: Command): readonly string[] => {
  return command.options
    .filter((option) => ENDPOINT_FLAGS.has(option.attributeName()))
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long ?? "");
};

/** Ends with an error unless the command line says, by flags or by files and not by both, what the endpoint is. */
export const requireEndpoint = (
  flags: { readonly config?: readonly string[] } & Pick<VipFlags, "address" | "interface">,
  command: Command,
): void => {
  const both = flags.config === undefined ? [] : conflicting(command);
  if (both.length > 0) command.error(`error: ${both.join(", ")} and --config: write it into the file`);
  if (flags.config === undefined && (flags.address === undefined || flags.interface === undefined))
    command.error("error: --address and --interface are needed, or --config");
};

/** Adds the command; `run` is called with what its words mean. */
export const addVip = (program: Command, run: (options: EdgeOptions) => Promise<void>): void => {
  withRuntime(
    withEndpoint(
      program
        .command("vip")
        .description("hold the address of a cluster's API servers, on its control-plane hosts")
        .addHelpText("after", HELP),
    ),
  ).action((flags: Flags, command: Command) => {
    requireEndpoint(flags, command);
    return run(vipOptions(flags));
  });
};
