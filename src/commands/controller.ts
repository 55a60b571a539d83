/** `steelyard controller` on the command line: its options, and what they mean. */

import { hostname } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration, toMillis } from "#base/time";
import { type ListenAddress, parseListenAddress } from "#drivers/http/listen-address";
import {
  type ControllerOptions,
  DEFAULT_CONTROLLER_ADMIN,
  type WebhookMode,
} from "#roles/controller/options";

const HELP = `
It gives an address to each Service of type LoadBalancer from the pools that resources of metallb.io describe, and says on
the Service why it cannot. Replicas elect one of them; the others stand by.

With --shadow nothing is written: what would differ from what is there is told in the log, in status and in metrics.

Exit status: 0 when told to end, 1 without credentials or without the addresses to listen on, 2 when the command line is wrong.`;

const listenAddress = (text: string): ListenAddress => {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError("Write :PORT, ADDRESS:PORT or [ADDRESS]:PORT.");
};

const milliseconds = (text: string): number => {
  const duration = parseDuration(text);
  if (duration !== undefined && duration > 0) return toMillis(duration);
  throw new InvalidArgumentError("Write a number and a unit: 15s.");
};

type Flags = {
  namespace: string;
  kubeconfig?: string;
  lbClass?: string;
  webhookMode: WebhookMode;
  webhookAddress: ListenAddress;
  webhookService: string;
  takeConversion?: boolean;
  listen: ListenAddress;
  admin: string;
  shadow?: boolean;
  metallbMetrics?: boolean;
  leaseName: string;
  leaseDuration: number;
  logFormat: ControllerOptions["logFormat"];
  logLevel: ControllerOptions["logLevel"];
};

const optionsOf = ({ kubeconfig, lbClass, ...flags }: Flags, identity: string): ControllerOptions => ({
  ...flags,
  kubeconfig,
  loadBalancerClass: lbClass,
  takeConversion: flags.takeConversion === true,
  shadow: flags.shadow === true,
  metallbMetrics: flags.metallbMetrics === true,
  identity,
});

const addressOption = (flags: string, description: string, standard: string): Option =>
  new Option(flags, description).argParser(listenAddress).default(listenAddress(standard), standard);

/** Adds the command to the program; `finish` takes its exit status. */
export const addController = (program: Command, finish: (status: number) => void): void => {
  program
    .command("controller")
    .description("give addresses to Services of type LoadBalancer in a Kubernetes cluster")
    .option("--namespace <name>", "where the resources lie", process.env.POD_NAMESPACE ?? "steelyard-system")
    .option("--kubeconfig <path>", "credentials (default: the pod's service account)")
    .option("--lb-class <name>", "serve only Services of this loadBalancerClass (default: those without one)")
    .addOption(
      new Option("--webhook-mode <mode>", "whether to validate resources; `only` does nothing else")
        .choices(["enabled", "disabled", "only"])
        .default("enabled"),
    )
    .addOption(addressOption("--webhook-address <address>", "where the webhook listens", ":9443"))
    .option("--webhook-service <name>", "the Service in front of the webhook", "steelyard-webhook")
    .option("--take-conversion", "convert BGPPeer even while MetalLB's webhook is named for it")
    .addOption(addressOption("--listen <address>", "where health and metrics are told", ":9120"))
    .option("--admin <socket>", "admin socket", DEFAULT_CONTROLLER_ADMIN)
    .option("--shadow", "write nothing, only say what would differ")
    .option("--metallb-metrics", "tell metrics under MetalLB's names as well")
    .option("--lease-name <name>", "the Lease that replicas elect their leader by", "steelyard-controller")
    .addOption(
      new Option("--lease-duration <duration>", "how long a silent leader is believed in")
        .argParser(milliseconds)
        .default(15_000, "15s"),
    )
    .addOption(new Option("--log-format <format>", "how logs look").choices(["text", "json"]).default("text"))
    .addOption(
      new Option("--log-level <level>", "least severity that is logged")
        .choices(["error", "warning", "info", "debug"])
        .default("info"),
    )
    .addHelpText("after", HELP)
    .action(async (flags: Flags) => {
      const { randomBytes } = await import("node:crypto");
      // Unique among replicas and starts: the Lease of one that was killed must not look like one of its successor.
      const identity = `${process.env.POD_NAME ?? hostname()}_${randomBytes(4).toString("hex")}`;
      const { runController } = await import("#roles/controller/run");
      finish(await runController(optionsOf(flags, identity)));
    });
};
