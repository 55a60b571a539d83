/** The lab in which benches run, and the copy of the build they run. */
import { type Lab, openLab } from "#lab/lab";
import { startServers } from "#lab/probe/start";
import { standardTopology } from "#lab/topology";
import { type BuildCopy, copyBuild } from "./build-copy.ts";

export type BenchOptions = {
  /** How often each thing is measured. */
  readonly runs: number;
  /** As much as two minutes allow. */
  readonly quick: boolean;
  /** How long advertisements are timed while the agent reads lists; `undefined` means the bench's own choice. */
  readonly seconds: number | undefined;
  /** A checkout of Katran's sources to compare with; `undefined` when there is none. */
  readonly katran: string | undefined;
  readonly say: (line: string) => void;
};

/** Opens a lab with backends, gives it to the bench, and leaves nothing behind however the bench ends. */
export const inLab = async <Outcome>(
  options: Parameters<typeof standardTopology>[0],
  bench: (lab: Lab, copy: BuildCopy) => Promise<Outcome>,
  /** Whether the nodes run the lab's own servers. */
  servers: "servers" | "no servers" = "servers",
): Promise<Outcome> => {
  const copy = copyBuild();
  const removeCopy = (): void => copy.remove();
  process.once("exit", removeCopy);
  try {
    const lab = await openLab(standardTopology(options));
    try {
      const nodes = lab.topology.hosts.filter(({ role }) => role === "node");
      if (servers === "servers") await Promise.all(nodes.map(({ name }) => startServers(lab.host(name))));
      return await bench(lab, copy);
    } finally {
      await lab.close();
    }
  } finally {
    copy.remove();
    process.off("exit", removeCopy);
  }
};
