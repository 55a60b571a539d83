/** Opening a lab that lives as long as its user, and what one does with it. */
import { type Connection, LabError, openConnection } from "./connection.ts";
import { FAULT_USAGE, type Fault, parseFault } from "./faults.ts";
import { type LabHostHandle, openHost } from "./host.ts";
import { launchHolder } from "./launch.ts";
import type { LabStatus } from "./protocol.ts";
import { explainRefusal, missingRequirements } from "./requirements.ts";
import { standardTopology, type Topology, topologyProblems } from "./topology.ts";

/** An open lab. */
export type Lab = {
  /** The pid of the lab's first process outside; when it ends, so does everything in the lab. */
  readonly pid: number;
  readonly topology: Topology;
  /** A host or switch by name. */
  readonly host: (name: string) => LabHostHandle;
  /** Injects a fault, given as a value or in the words of `steelyard lab fault`; resolves when it is in force. */
  readonly fault: (fault: Fault | string) => Promise<void>;
  /** Writes a file below /run/lab, which every host sees, and gives its path. */
  readonly write: (path: string, text: string) => Promise<string>;
  readonly read: (path: string) => Promise<string>;
  readonly status: () => Promise<LabStatus>;
  /** Ends every program in the lab and the lab itself; resolves when nothing of it is left. */
  readonly close: () => Promise<void>;
};

/** A lab seen through a connection to its holder. */
export const labOver = (
  connection: Connection,
  { pid, topology, close }: Pick<Lab, "pid" | "topology" | "close">,
): Lab => ({
  pid,
  topology,
  close,
  host: (name) => {
    const known = [...topology.hosts.map((each) => each.name), ...topology.switches];
    if (known.includes(name)) return openHost(connection, name);
    throw new LabError(`there is no host ${name}; there are ${known.join(", ")}`);
  },
  fault: async (given) => {
    const fault = typeof given === "string" ? parseFault(given.split(" ")) : given;
    if (fault === undefined) throw new LabError(`no such fault; these exist:\n${FAULT_USAGE.join("\n")}`);
    await connection.ask({ op: "fault", fault });
  },
  write: async (path, text) => {
    const whole = path.startsWith("/") ? path : `/run/lab/${path}`;
    await connection.ask({ op: "write", path: whole, text });
    return whole;
  },
  read: (path) => connection.ask({ op: "read", path }),
  status: () => connection.ask({ op: "status" }),
});

/** Fails early, and in the operator's words, on a machine that cannot hold a lab. */
export const requireLab = (topology: Topology): void => {
  const missing = missingRequirements();
  if (missing !== undefined) throw new LabError(missing);
  const problems = topologyProblems(topology);
  if (problems.length > 0) throw new LabError(problems.join("; "));
};

/** Why a holder ended before it said hello. */
export const refusalText = (said: string): string => {
  const refused = /unshare|not permitted|permission denied/i.test(said);
  const advice = refused ? ` (${explainRefusal(process.getuid?.() === 0)})` : "";
  return `the lab could not be opened: ${said.trim()}${advice}`;
};

/** Builds a network in namespaces of its own. It is gone when `close` is called or when this process ends, however. */
export const openLab = async (topology: Topology = standardTopology()): Promise<Lab> => {
  requireLab(topology);
  const child = launchHolder();
  let said = "";
  const connection = openConnection((text) => child.stdin?.write(text));
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
  child.stdin?.on("error", () => {}); // The end of the holder is told by `closed`.
  child.stdout?.setEncoding("utf8").on("data", connection.receive);
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  void closed.then(() => connection.lose(said === "" ? "the lab is closed" : refusalText(said)));
  const close = async (): Promise<void> => {
    child.stdin?.end();
    await closed;
  };
  try {
    const pid = await connection.hello;
    await connection.ask({ op: "build", topology });
    return labOver(connection, { pid, topology, close });
  } catch (error) {
    await close();
    throw error;
  }
};
