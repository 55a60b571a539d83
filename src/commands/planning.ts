/** `steelyard plan` and `steelyard explain` on the command line: their options, and what they mean. */
import type { Command } from "commander";

const PLAN_HELP = `
A state is what \`kubectl get --output yaml\` prints of services, namespaces and all of metallb.io and steelyard.dev; large
ones are read sooner as JSON. Without -f and --delete it says what a controller would change by itself.

What is there now is read from the cluster, or from files with --state.

Exit status: 0 when no Service would lose or change an address, 1 when the cluster does not answer, 2 when the files or the
command line are wrong, 3 when some would.`;

const EXPLAIN_HELP = `
Exit status: 0 when the Service is there, 1 when the cluster does not answer, 2 when the Service is not there or the files are
wrong.`;

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

type WorldFlags = { state?: string[]; kubeconfig?: string; namespace: string };

/** What is there now, from the cluster unless files are named. */
const nowOf = async ({ state, kubeconfig, namespace }: WorldFlags, scope: "addresses" | "answers") => {
  if (state !== undefined) return {};
  const { readClusterWorld } = await import("./cluster-world.ts");
  return { now: await readClusterWorld({ kubeconfig, namespace, scope }) };
};

const withWorldOptions = (command: Command): Command =>
  command
    .option(
      "-s, --state <path>",
      "file or directory with what is there now, instead of a cluster; may be given several times",
      collect,
    )
    .option("--kubeconfig <path>", "credentials of the cluster (default: as kubectl, or the pod's)")
    .option(
      "--namespace <name>",
      "where the pools lie in the cluster",
      process.env.POD_NAMESPACE ?? "steelyard-system",
    )
    .option("--lb-class <class>", "the loadBalancerClass that the controller serves")
    .option("--json", "print JSON");

/** What the program for people offers its commands. */
export type Ending = {
  /** Takes the exit status. */
  readonly finish: (status: number) => void;
  /** Ends the program when the reader of its output has seen enough. */
  readonly endWithReader: () => void;
};

const addPlan = (program: Command, { finish, endWithReader }: Ending): void => {
  withWorldOptions(
    program
      .command("plan")
      .description("list which Services would get, lose or change an address by a change")
      .option("-f, --filename <path>", "what is to be applied; may be given several times", collect)
      .option(
        "-d, --delete <object>",
        "what is to be deleted, as KIND/NAME or KIND/NAMESPACE/NAME; may be given several times",
        collect,
      ),
  )
    .addHelpText("after", PLAN_HELP)
    .action(
      async (flags: {
        state?: string[];
        kubeconfig?: string;
        namespace: string;
        filename?: string[];
        delete?: string[];
        lbClass?: string;
        json?: boolean;
      }) => {
        endWithReader();
        const { plan } = await import("./plan.ts");
        const { state = [], filename: changes = [], delete: deletions = [], lbClass, json = false } = flags;
        finish(plan({ state, ...(await nowOf(flags, "addresses")), changes, deletions, lbClass, json }));
      },
    );
};

const addExplainAddress = (explaining: Command, { finish, endWithReader }: Ending): void => {
  explaining
    .command("address <address>")
    .description(
      "who answers for an address, and which BGP peers of this node have its route, and which do not and why",
    )
    .option("--admin <path>", "where the speaker of a node answers (default: that of this node)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExit status: 1 when the speaker does not answer, or no Service has the address.")
    .action(async (address: string, { admin, json = false }: { admin?: string; json?: boolean }) => {
      endWithReader();
      const { explainAddress } = await import("./explain-address.ts");
      finish(await explainAddress({ address, admin, json }));
    });
};

const addExplain = (program: Command, ending: Ending): void => {
  const { finish, endWithReader } = ending;
  const explaining = program
    .command("explain")
    .description("say why something is as it is")
    .addHelpText("after", "\nExit status: 2 without a subject; see the subject's own --help.")
    .showHelpAfterError("(--help tells more)");
  addExplainAddress(explaining, ending);
  withWorldOptions(
    explaining
      .command("service <name>")
      .description(
        "why a Service, NAMESPACE/NAME, has the address that it has, or none, and who answers for it",
      ),
  )
    .addHelpText("after", EXPLAIN_HELP)
    .action(async (service: string, flags: WorldFlags & { lbClass?: string; json?: boolean }) => {
      endWithReader();
      const { explain } = await import("./explain.ts");
      const { state = [], lbClass, json = false } = flags;
      finish(explain({ service, state, ...(await nowOf(flags, "answers")), lbClass, json }));
    });
};

/** Adds both commands to the program. */
export const addPlanning = (program: Command, ending: Ending): void => {
  addPlan(program, ending);
  addExplain(program, ending);
};
