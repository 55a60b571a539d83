/**
 * The one program that is inside: it builds the network, keeps it, and does what users outside ask for.
 *
 * It is the only child of the lab's process 1. When it ends, for whatever reason, process 1 ends, and with it the
 * kernel ends everything else in the lab's process namespace and drops all of its networks, mounts and files.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { mustRun } from "./command.ts";
import { addFault, type Fault, type FaultState, faultProblems, NO_FAULTS, planFaults } from "./faults.ts";
import { buildNetwork, type Network, signalHost } from "./network.ts";
import { openProcesses } from "./processes.ts";
import { type LabStatus, lineReader, type Message, type Order, type Request } from "./protocol.ts";
import { topologyProblems } from "./topology.ts";

/** What all connections share. */
type Lab = { network: Network | undefined; faults: FaultState; work: Promise<unknown> };

const built = (lab: Lab): Network => {
  if (lab.network === undefined) throw new Error("the lab has no network yet");
  return lab.network;
};

const build = async (lab: Lab, order: Extract<Order, { op: "build" }>): Promise<void> => {
  if (lab.network !== undefined) throw new Error("the lab has a network already");
  const problems = topologyProblems(order.topology);
  if (problems.length > 0) throw new Error(problems.join("; "));
  lab.network = await buildNetwork(order.topology);
};

const inject = async (lab: Lab, fault: Fault): Promise<void> => {
  const network = built(lab);
  const problems = faultProblems(network.topology, fault);
  if (problems.length > 0) throw new Error(problems.join("; "));
  if (fault.type === "signal") return await signalHost(network, fault.host, fault.signal);
  if (fault.type === "duplicate-address") {
    const argv = ["ip", "address", "add", fault.address, "dev", "eth0"];
    const nodad = fault.address.includes(":") ? ["nodad"] : [];
    await mustRun(network.enter(fault.host, [...argv, ...nodad]));
    return;
  }
  const after = addFault(lab.faults, fault);
  const commands = planFaults(network.topology, { before: lab.faults, after });
  lab.faults = after;
  await Promise.all(commands.map((each) => mustRun(network.enter(each.switch, each.argv), each.input)));
};

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return ""; // It has ended meanwhile.
  }
};

const status = ({ network, faults }: Lab): LabStatus => ({
  topology: network?.topology,
  faults,
  hosts: [...(network?.anchorByName ?? [])].map(([name, anchor]) => ({
    name,
    anchor,
    processes: (network?.processesIn(name) ?? []).map((pid) => `${pid} ${commandLine(pid)}`),
  })),
});

const below = (path: string): string => {
  const whole = resolve("/run/lab", path);
  if (!whole.startsWith("/run/lab/")) throw new Error(`${path} is not below /run/lab`);
  return whole;
};

const write = (path: string, text: string): void => {
  mkdirSync(dirname(below(path)), { recursive: true });
  writeFileSync(below(path), text);
};

/** Serves one user; the result takes its lines and, called without one, learns that the user has left. */
const attend = (lab: Lab, send: (message: Message) => void) => {
  const processes = openProcesses(send);
  const perform = (id: number, order: Order): unknown => {
    switch (order.op) {
      case "build":
        return build(lab, order);
      case "start":
        return processes.start(id, built(lab), order.options);
      case "input":
        return processes.input(order.process, order.text, order.end);
      case "signal":
        return processes.signal(order.process, order.signal);
      case "fault": {
        // One after the other: each starts from the faults that the one before has left.
        const result = lab.work.then(() => inject(lab, order.fault));
        lab.work = result.catch(() => {});
        return result;
      }
      case "write":
        return write(order.path, order.text);
      case "read":
        return readFileSync(below(order.path), "utf8");
      case "status":
        return status(lab);
    }
  };
  const onLine = async (line: string): Promise<void> => {
    const { id, order }: Request = JSON.parse(line);
    try {
      send({ type: "reply", id, value: await perform(id, order) });
    } catch (error) {
      send({ type: "refusal", id, reason: error instanceof Error ? error.message : String(error) });
    }
  };
  const read = lineReader((line) => void onLine(line));
  return { read, leave: processes.leave };
};

const newLab = (): Lab => ({ network: undefined, faults: NO_FAULTS, work: Promise.resolve() });

const hello = (): Message => ({ type: "hello", pid: Number(process.env.STEELYARD_LAB_PID) });

/** One user on standard input and output; the lab ends with it. */
const holdForParent = (): Promise<void> =>
  new Promise((resolve) => {
    const send = (message: Message): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
    const user = attend(newLab(), send);
    process.stdin.setEncoding("utf8").on("data", user.read).once("end", resolve);
    process.stdout.on("error", () => resolve());
    send(hello());
  });

/** How often a lab without users looks whether it can still be found. */
const SOCKET_CHECK_MS = 1_000;

/** Any number of users on a unix socket; the lab goes on without them once it has a network. */
const holdForAll = (path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const lab = newLab();
    const server = createServer((socket) => {
      const send = (message: Message): void => void socket.write(`${JSON.stringify(message)}\n`);
      const user = attend(lab, send);
      socket.setEncoding("utf8").on("data", (text) => user.read(String(text)));
      socket.on("error", () => {});
      socket.once("close", () => {
        user.leave();
        if (lab.network === undefined) resolve();
      });
      send(hello());
    });
    server.once("error", reject);
    server.listen(path, () => chmodSync(path, 0o600));
    // Nobody can ask for anything any more once the socket is gone, not even for the end.
    setInterval(() => existsSync(path) || resolve(), SOCKET_CHECK_MS);
  });

/** The holder's main program. `--socket PATH` serves there; otherwise standard input and output are the one user. */
export const hold = async (args: readonly string[]): Promise<void> => {
  const [flag, path] = args;
  await (flag === "--socket" && path !== undefined ? holdForAll(path) : holdForParent());
  process.exit(0);
};
