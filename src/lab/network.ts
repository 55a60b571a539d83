/** Builds a topology inside the lab and knows how to get into each of its hosts. Runs in the holder. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { renderCables, renderHost, renderHostBridge, renderHostInit, renderSwitch } from "./build.ts";
import { mustRun } from "./command.ts";
import type { Topology } from "./topology.ts";

/** A built network. */
export type Network = {
  readonly topology: Topology;
  /** Hosts and switches by name. */
  readonly anchorByName: ReadonlyMap<string, number>;
  /** The command line that runs `argv` in a host. */
  readonly enter: (host: string, argv: readonly string[], directory?: string) => readonly string[];
  /** Whether a process is in a host's network. */
  readonly isIn: (host: string, pid: number) => boolean;
  /** The processes in a host, without the one that keeps its namespaces. */
  readonly processesIn: (host: string) => readonly number[];
};

/** Starts the process that keeps a host's namespaces for as long as the lab lives. */
const startAnchor = async (name: string, sysctls: Readonly<Record<string, string>>): Promise<number> => {
  const script = renderHostInit(name, sysctls);
  const child: ChildProcess = spawn("unshare", ["--net", "--mount", "--uts", "sh", "-ec", script], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (piece) => {
    said += String(piece);
  });
  const ready = new Promise<boolean>((resolve) => {
    child.stdout?.once("data", () => resolve(true));
    child.once("close", () => resolve(false));
    child.once("error", () => resolve(false));
  });
  if (!(await ready) || child.pid === undefined)
    throw new Error(`host ${name} could not be set up: ${said.trim()}`);
  return child.pid;
};

const networkOf = (pid: number | string): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // It has ended meanwhile, or it is being reaped.
  }
};

/** Every process whose network namespace is that of `anchor`, except `anchor` itself. */
const companions = (anchor: number): readonly number[] => {
  const network = networkOf(anchor);
  if (network === undefined) return [];
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== anchor && networkOf(entry) === network)
    .map(Number);
};

/** Creates every host and switch, lays the cables and gives the addresses. Takes 100 to 200 ms. */
export const buildNetwork = async (topology: Topology): Promise<Network> => {
  const switches = topology.switches.map((name) => ({
    name,
    sysctls: {},
    batch: renderSwitch(topology, name),
  }));
  const hosts = topology.hosts.map((host) => ({
    name: host.name,
    sysctls: host.sysctls,
    batch: renderHostBridge(topology, host) + renderHost(host),
  }));
  const members = [...switches, ...hosts];
  const anchors = await Promise.all(members.map(({ name, sysctls }) => startAnchor(name, sysctls)));
  const anchorByName = new Map(members.map(({ name }, index) => [name, anchors[index] ?? 0]));
  const names = [...anchorByName].map(([name, pid]) => `netns attach ${name} ${pid}\n`).join("");
  await mustRun(["ip", "-batch", "-"], names + renderCables(topology));
  // A cable has carrier only when both ends are up, so the switches come first and addresses work at once.
  await Promise.all(switches.map(({ name, batch }) => mustRun(["ip", "-n", name, "-batch", "-"], batch)));
  await Promise.all(hosts.map(({ name, batch }) => mustRun(["ip", "-n", name, "-batch", "-"], batch)));
  const anchorOf = (name: string): number => {
    const pid = anchorByName.get(name);
    if (pid === undefined)
      throw new Error(`there is no host ${name}; there are ${[...anchorByName.keys()].join(", ")}`);
    return pid;
  };
  return {
    topology,
    anchorByName,
    enter: (host, argv, directory = "/") => [
      ...[
        "nsenter",
        "--target",
        String(anchorOf(host)),
        "--net",
        "--mount",
        "--uts",
        `--wdns=${directory}`,
        "--",
      ],
      ...argv,
    ],
    isIn: (host, pid) => networkOf(pid) === networkOf(anchorOf(host)),
    processesIn: (host) => companions(anchorOf(host)),
  };
};

/**
 * Sends a signal to everything in a host. To kill, everything is stopped first and again until nothing is left:
 * otherwise a parent might start a new child in between.
 */
export const signalHost = async (network: Network, host: string, signal: NodeJS.Signals): Promise<void> => {
  const send = (which: NodeJS.Signals): number => {
    const pids = network.processesIn(host);
    for (const pid of pids) {
      try {
        process.kill(pid, which);
      } catch {
        // Gone by itself.
      }
    }
    return pids.length;
  };
  if (signal !== "SIGKILL") {
    send(signal);
    return;
  }
  while (send("SIGSTOP") > 0) {
    send("SIGKILL");
    await pause(1);
  }
};
