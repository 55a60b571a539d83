/** `steelyard edge` on the command line: its options, as people spell them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  EDGE_DEFAULTS,
  type EdgeFlags,
  edgeOptions,
  LOG_FORMATS,
  LOG_LEVELS,
  parseDrain,
  parseSyncId,
} from "#roles/edge/arguments";
import { type EdgeOptions, ENGINES } from "#roles/edge/options";

const HELP = `
SIGHUP reads the configuration again, as does a change of its files. SIGTERM and SIGINT let the peer take over, and end.

Exit status: 0 when told to end, 1 when this machine lacks something, 2 when the configuration or the command line is wrong.`;

/** Gathers the values of an option that may be given several times. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

const syncId = (value: string): number => {
  const id = parseSyncId(value);
  if (id !== undefined) return id;
  throw new InvalidArgumentError("It is a number from 1 to 255.");
};

const drain = (value: string): number => {
  const duration = parseDrain(value);
  if (duration !== undefined) return duration;
  throw new InvalidArgumentError("Write a number and a unit, from 0s to 10m: 5s.");
};

/** Where an edge, or what is one under another name, answers. */
export const adminOption = (usual: string = EDGE_DEFAULTS.admin): Option =>
  new Option("--admin <socket>", "admin socket").default(usual);

/** Where it keeps its state. */
export const runtimeOption = (usual: string = EDGE_DEFAULTS.runtimeDir): Option =>
  new Option("--runtime-dir <directory>", "what must survive a restart, but not a reboot").default(usual);

/** How it logs, and what it is scheduled as. */
export const withRunning = (command: Command): Command =>
  command
    .addOption(
      new Option("--log-format <format>", "how logs look")
        .choices(LOG_FORMATS)
        .default(EDGE_DEFAULTS.logFormat),
    )
    .addOption(
      new Option("--log-level <level>", "least severity that is logged")
        .choices(LOG_LEVELS)
        .default(EDGE_DEFAULTS.logLevel),
    )
    .option(
      "--realtime",
      "warn when the thread that speaks VRRP is refused real-time scheduling (CAP_SYS_NICE)",
    )
    .option("--no-realtime", "do not ask for real-time scheduling");

const withOptions = (command: Command): Command =>
  withRunning(
    command
      .requiredOption(
        "-c, --config <path>",
        "configuration file or directory; may be given several times",
        collect,
      )
      .addOption(adminOption())
      .addOption(runtimeOption()),
  )
    .addOption(
      new Option("--engine <engine>", "who forwards packets where it can; nftables does the rest")
        .choices(ENGINES)
        .default(EDGE_DEFAULTS.engine),
    )
    .option("--ipvs-sync <interface>", "share IPVS's connections with the other edge through this interface")
    .option(
      "--ipvs-sync-id <number>",
      "1..255, the same on both edges of a pair",
      syncId,
      EDGE_DEFAULTS.ipvsSyncId,
    )
    .addOption(
      new Option(
        "--bgp-drain <duration>",
        "how long BGP peers hear that routes are about to go, before they are withdrawn at the end",
      )
        .argParser(drain)
        .default(EDGE_DEFAULTS.bgpDrain, "5s"),
    );

/** Adds the command; `run` is called with what its words mean. */
export const addEdge = (program: Command, run: (options: EdgeOptions) => Promise<void>): void => {
  withOptions(
    program
      .command("edge")
      .description("hold virtual addresses and balance what arrives for them")
      .addHelpText("after", HELP),
  ).action((flags: EdgeFlags) => run(edgeOptions(flags)));
};
