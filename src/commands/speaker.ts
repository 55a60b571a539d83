/** `steelyard speaker` on the command line: its options, and what they mean. */
import { hostname } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration, seconds, toMillis } from "#base/time";
import { isNodeName } from "#core/node/read";
import { type ListenAddress, parseListenAddress } from "#drivers/http/listen-address";
import { DEFAULT_SPEAKER_ADMIN, DEFAULT_SPEAKER_STATE, type SpeakerOptions } from "#roles/speaker/options";

const HELP = `
One runs on each node. It answers ARP and Neighbour Discovery for the addresses of Services that the node holds, watches the
others by BFD, and takes over what a dead one held. To the routers that BGPPeers name it announces by BGP. Where the API server is away it goes on from what it knows, at its start
from what is on disk.

The secret file is read again when it changes: to change the secret, add the new one as a second line on all nodes, then put it
first. Without the option speakers believe whoever speaks BFD.

SIGTERM and SIGINT let the others take over, and end; a second one ends at once. Outside of pods routers are told that the routes are
gone. SIGUSR2 is for a restart (RestartKillSignal= of systemd): routers with graceful restart keep the routes for the next run.

Exit status: 0 when told to end, 1 when this machine lacks something, 2 when the command line or the secret is wrong.`;

const listenAddress = (text: string): ListenAddress => {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError("Write :PORT, ADDRESS:PORT or [ADDRESS]:PORT.");
};

const nodeName = (text: string): string => {
  if (isNodeName(text)) return text;
  throw new InvalidArgumentError("Write it as `kubectl get nodes` does.");
};

const SHORTEST_REFRESH = seconds(10);
const LONGEST_REFRESH = seconds(3_600);

const refreshInterval = (text: string): number => {
  const duration = parseDuration(text);
  if (duration !== undefined && duration >= SHORTEST_REFRESH && duration <= LONGEST_REFRESH)
    return toMillis(duration);
  throw new InvalidArgumentError("Write a number and a unit, from 10s to 1h: 100s.");
};

const LARGEST_PORT = 65_535;

const bgpPort = (text: string): number => {
  const port = Number(text);
  if (/^[0-9]+$/.test(text) && port >= 1 && port <= LARGEST_PORT) return port;
  throw new InvalidArgumentError("Write a port, 1..65535: 179 is BGP's.");
};

const LONGEST_DRAIN = seconds(600);

const drainTime = (text: string): number => {
  const duration = parseDuration(text);
  if (duration !== undefined && duration <= LONGEST_DRAIN) return toMillis(duration);
  throw new InvalidArgumentError("Write a number and a unit, from 0s to 10m: 5s.");
};

const LARGEST_SPREAD = 100;

const share = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== "" && value >= 1 && value <= LARGEST_SPREAD) return value;
  throw new InvalidArgumentError("Write a number from 1 to 100, such as 1.25.");
};

const BGP_PORT = 179;

type Flags = Omit<
  SpeakerOptions,
  | "kubeconfig"
  | "loadBalancerClass"
  | "ignoreExcludeLabel"
  | "spread"
  | "secretFile"
  | "stateDirectory"
  | "bgpListen"
  | "frrSockets"
  | "bind"
> & {
  readonly bind?: boolean;
  readonly frrSockets?: string;
  readonly bgpListen?: number;
  readonly kubeconfig?: string;
  readonly lbClass?: string;
  readonly ignoreExcludeLb?: boolean;
  readonly spread?: number;
  readonly secretFile?: string;
  readonly stateDir: string;
};

const optionsOf = ({ bind, lbClass, ignoreExcludeLb, stateDir, ...flags }: Flags): SpeakerOptions => ({
  ...flags,
  ...{ kubeconfig: flags.kubeconfig, spread: flags.spread, secretFile: flags.secretFile },
  frrSockets: flags.frrSockets,
  bind: bind === true,
  // FRR listens by itself.
  bgpListen: flags.bgpListen ?? (flags.bgpEngine === "frr" ? BGP_PORT : undefined),
  loadBalancerClass: lbClass,
  ignoreExcludeLabel: ignoreExcludeLb === true,
  stateDirectory: stateDir,
});

const withCluster = (command: Command): Command =>
  command
    .addOption(
      new Option("--node <name>", "the node that it runs on, as Kubernetes calls it")
        .argParser(nodeName)
        .default(process.env.NODE_NAME ?? hostname()),
    )
    .option(
      "--namespace <name>",
      "where the resources and the speakers' pods lie",
      process.env.POD_NAMESPACE ?? "steelyard-system",
    )
    .option("--kubeconfig <path>", "credentials (default: the pod's service account)")
    .option(
      "--lb-class <name>",
      "announce only Services of this loadBalancerClass (default: those without one)",
    )
    .addOption(
      new Option(
        "--rules <rules>",
        "whose rules say which node answers; MetalLB's while its speakers run too",
      )
        .choices(["steelyard", "metallb"])
        .default("steelyard"),
    )
    .option(
      "--ignore-exclude-lb",
      "use nodes labelled node.kubernetes.io/exclude-from-external-load-balancers all the same",
    )
    .addOption(
      new Option(
        "--spread <factor>",
        "spread addresses evenly: no node gets more than so many times its share (default: MetalLB's order)",
      ).argParser(share),
    );

const withLink = (command: Command): Command =>
  command
    .option(
      "--secret-file <path>",
      "secrets of all speakers, one a line: the first signs what they say to each other, all are accepted",
    )
    .addOption(
      new Option("--refresh <duration>", "longest time between two announcements of an address that is held")
        .argParser(refreshInterval)
        .default(100_000, "100s"),
    )
    .option(
      "--bind",
      "bind addresses to the interfaces while this node holds them, so that its kernel answers (needs CAP_NET_ADMIN)",
    )
    .option("--no-probe", "do not ask from other nodes whether addresses work")
    .addOption(
      new Option("--without-gateway <what>", "what a node does that hears no other and knows no gateway")
        .choices(["go-on", "withdraw"])
        .default("go-on"),
    );

const withBgp = (command: Command): Command =>
  command
    .addOption(
      new Option("--bgp-engine <engine>", "who talks to BGP peers: this program, or the FRR of this machine")
        .choices(["own", "frr"])
        .default("own"),
    )
    .option("--frr-sockets <directory>", "where FRR has its sockets (default: where vtysh looks for them)")
    .addOption(
      new Option(
        "--bgp-listen <port>",
        "port on which BGP peers may open sessions (default: this node opens all of them itself)",
      ).argParser(bgpPort),
    )
    .addOption(
      new Option(
        "--bgp-drain <duration>",
        "how long routers that do not keep routes over a restart hear that routes are about to go",
      )
        .argParser(drainTime)
        .default(5_000, "5s"),
    );

type Ends = {
  /** Runs a speaker; gives its exit status. */
  readonly run: (options: SpeakerOptions) => Promise<number>;
  readonly finish: (status: number) => void;
};

/** Adds the command to the program. */
export const addSpeaker = (program: Command, { run, finish }: Ends): void => {
  const command = program
    .command("speaker")
    .description(
      "announce addresses of Services to the local network and to routers, from one node of a cluster",
    );
  withBgp(withLink(withCluster(command)))
    .addOption(
      new Option("--listen <address>", "where health and metrics are told")
        .argParser(listenAddress)
        .default(listenAddress(":9122"), ":9122"),
    )
    .option("--admin <socket>", "admin socket", DEFAULT_SPEAKER_ADMIN)
    .option("--state-dir <directory>", "what must survive a restart", DEFAULT_SPEAKER_STATE)
    .addOption(new Option("--log-format <format>", "how logs look").choices(["text", "json"]).default("text"))
    .addOption(
      new Option("--log-level <level>", "least severity that is logged")
        .choices(["error", "warning", "info", "debug"])
        .default("info"),
    )
    .addHelpText("after", HELP)
    .action(async (flags: Flags) => finish(await run(optionsOf(flags))));
};
