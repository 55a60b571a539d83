/** `steelyard router-config` on the command line: its options, and what they mean. */
import { type Command, Option } from "commander";
import { VENDORS } from "#core/router-config/vendors";
import type { Ending } from "./planning.ts";

const HELP = `
For each router that a BGPPeer names, what belongs into it so that its sessions with the nodes come up: docs/router-config.md.
Passwords are not printed; a placeholder stands where each belongs.

The resources are read from the files, which may hold Nodes as well, or from the cluster when none is named.

Exit status: 0 when done, 1 when the cluster does not answer, 2 when the files or the command line are wrong.`;

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** Adds the command to the program. */
export const addRouterConfig = (program: Command, { finish, endWithReader }: Ending): void => {
  program
    .command("router-config [file...]")
    .description("print what the routers at the other end of BGP sessions have to be told")
    .addOption(
      new Option("--vendor <name>", "whose language the router speaks")
        .choices(VENDORS)
        .makeOptionMandatory(),
    )
    .option("--node <name=address>", "a node and its address; may be given several times", collect)
    .option("--nodes <cidr>", "the network that nodes connect from; may be given several times", collect)
    .option("--peer <name>", "only this BGPPeer; may be given several times", collect)
    .option("--router-asn <number>", "the router's number, where a BGPPeer takes any")
    .option("--kubeconfig <path>", "credentials of the cluster (default: as kubectl, or the pod's)")
    .option(
      "--namespace <name>",
      "where the resources lie in the cluster",
      process.env.POD_NAMESPACE ?? "steelyard-system",
    )
    .addHelpText("after", HELP)
    .action(
      async (
        paths: string[],
        flags: {
          vendor: string;
          node?: string[];
          nodes?: string[];
          peer?: string[];
          routerAsn?: string;
          kubeconfig?: string;
          namespace: string;
        },
      ) => {
        endWithReader();
        const { vendor, node = [], nodes = [], peer = [], routerAsn, kubeconfig, namespace } = flags;
        const { routerConfig } = await import("./router-config.ts");
        const options = { vendor, paths, node, nodes, peer, routerAsn };
        if (paths.length > 0) {
          finish(routerConfig(options));
          return;
        }
        const { readClusterWorld } = await import("./cluster-world.ts");
        finish(
          routerConfig({
            ...options,
            now: await readClusterWorld({ kubeconfig, namespace, scope: "routers" }),
          }),
        );
      },
    );
};
