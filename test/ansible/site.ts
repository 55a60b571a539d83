/**
 * Hosts for Ansible: machines with systemd as process 1 on one network, a client and a backend beside them, and an inventory
 * that names the machines. The collection is built and installed as an operator would do it.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UdpRecord } from "#lab/probe/records";
import { programCommand } from "#lab/programs";
import { type Namespaces, openNamespaces } from "#test/kernel/namespaces";
import { type StartedMachine, startMachine } from "#test/kernel/systemd-bed";

const ROOT = join(import.meta.dirname, "../..");

/** Longest time for one run of Ansible, in milliseconds. */
const RUN_LIMIT = 180_000;

/** What one host had to say at the end of a run. */
export type Recap = {
  readonly ok: number;
  readonly changed: number;
  readonly unreachable: number;
  readonly failed: number;
};

/** One run of `ansible-playbook`. */
export type Run = {
  readonly status: number | null;
  readonly output: string;
  readonly hosts: ReadonlyMap<string, Recap>;
};

/** Datagrams of a client, all the time. */
export type Probing = { readonly process: ChildProcess; readonly end: () => Promise<UdpRecord> };

export type Site = {
  /** Writable, and gone afterwards. */
  readonly folder: string;
  readonly machine: (name: string) => StartedMachine;
  /** Replaces the inventory; the machines are told to Ansible by themselves. */
  readonly inventory: (groups: object) => void;
  /** Runs a playbook of the collection. */
  readonly play: (playbook: string, ...options: readonly string[]) => Promise<Run>;
  /** What a client gets over HTTP; `undefined` if nothing. */
  readonly fetch: (url: string) => string | undefined;
  readonly probe: (address: string, port: number) => Promise<Probing>;
  readonly close: () => Promise<void>;
};

/** Builds the collection with Ansible's own tool and installs it below `folder`. */
const installCollection = (folder: string): string => {
  const galaxy = (...args: readonly string[]): void => {
    const ran = spawnSync("ansible-galaxy", ["collection", ...args], {
      encoding: "utf8",
      env: { ...process.env, ANSIBLE_HOME: join(folder, "home"), ANSIBLE_NOCOLOR: "1" },
    });
    assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
    assert.doesNotMatch(ran.stderr, /WARNING.*symbolic/, "all of its files are in it");
  };
  const collections = join(folder, "collections");
  galaxy("build", join(ROOT, "packaging/ansible"), "--output-path", folder);
  galaxy("install", join(folder, "steelyard-loadbalancer-0.1.0.tar.gz"), "--collections-path", collections);
  return collections;
};

const RECAP = /^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)/gm;

const recapOf = (output: string): ReadonlyMap<string, Recap> =>
  new Map(
    Array.from(output.matchAll(RECAP), ([, name = "", ...counts]) => {
      const [ok = 0, changed = 0, unreachable = 0, failed = 0] = counts.map(Number);
      return [name, { ok, changed, unreachable, failed }];
    }),
  );

/** The environment of each run: nothing of whoever runs the tests. */
const environment = (folder: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  LC_ALL: "C.UTF-8",
  HOME: folder,
  PYTHONDONTWRITEBYTECODE: "1",
  ANSIBLE_HOME: join(folder, "home"),
  ANSIBLE_COLLECTIONS_PATH: join(folder, "collections"),
  ANSIBLE_CONNECTION_PLUGINS: import.meta.dirname,
  ANSIBLE_INVENTORY: join(folder, "inventory.json"),
  ANSIBLE_DEPRECATION_WARNINGS: "0",
  ANSIBLE_LOCALHOST_WARNING: "0",
  ANSIBLE_NOCOLOR: "1",
  ANSIBLE_PIPELINING: "1",
  ANSIBLE_DIFF_ALWAYS: "1",
});

const runPlaybook = (folder: string, playbook: string, options: readonly string[]): Promise<Run> =>
  new Promise((resolve) => {
    const ran = spawn("ansible-playbook", [playbook, ...options], {
      cwd: folder,
      env: environment(folder),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: RUN_LIMIT,
    });
    let output = "";
    for (const stream of [ran.stdout, ran.stderr]) {
      stream.setEncoding("utf8").on("data", (piece: string) => {
        output += piece;
      });
    }
    ran.once("close", (status) => resolve({ status, output, hosts: recapOf(output) }));
  });

/** A program in a network of `openNamespaces`, once it says that it is ready. */
const start = async (namespace: string, command: readonly string[]): Promise<ChildProcess> => {
  const child = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["pipe", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`${command.join(" ")} ended with ${code}`)));
  });
  return child;
};

const startProbing = async (namespace: string, address: string, port: number): Promise<Probing> => {
  const options = ["--address", address, "--port", String(port), "--interval", "20", "--flows", "8"];
  const child = await start(namespace, programCommand("udp-probe", ...options));
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
    said += piece;
  });
  return {
    process: child,
    end: async () => {
      const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
      child.stdin?.end();
      await ended;
      return JSON.parse(said.trim().split("\n").at(-1) ?? "");
    },
  };
};

const NETWORK = "10.9.0";

/** Puts a machine on the network with the address 10.9.0.`number`. */
const plug = (networks: Namespaces, machine: StartedMachine, number: number): void => {
  const port = `port${number}`;
  networks.ip(
    "lan",
    `link add ${port} type veth peer name eth0 netns ${machine.pid}`,
    `link set ${port} master br0 up`,
  );
  machine.run(`ip addr add ${NETWORK}.${number}/24 dev eth0 && ip link set lo up && ip link set eth0 up`);
};

/** The backend n1 (10.9.0.21) and a client (10.9.0.1) on a bridge. */
const openNetwork = (): Namespaces => {
  const networks = openNamespaces(["lan", "n1", "cl"]);
  networks.ip("lan", "link add br0 type bridge", "link set br0 up");
  for (const [host, number] of [
    ["n1", 21],
    ["cl", 1],
  ] as const) {
    networks.ip(
      "lan",
      `link add ${host} type veth peer name eth0 netns ${networks.name(host)}`,
      `link set ${host} master br0 up`,
    );
    networks.ip(host, `addr add ${NETWORK}.${number}/24 dev eth0`, "link set eth0 up");
  }
  return networks;
};

/** Starts machines of these names, with the addresses 10.9.0.11 and so on. Whatever happens, `close` what comes back. */
export const openSite = async (names: readonly string[]): Promise<Site> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-site-"));
  const networks = openNetwork();
  const machines = new Map<string, StartedMachine>();
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children) child.kill("SIGKILL");
    for (const machine of machines.values()) await machine.stop();
    networks.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const machine = (name: string): StartedMachine => machines.get(name) ?? assert.fail(name);
  try {
    mkdirSync(join(folder, "home"));
    installCollection(folder);
    for (const [index, name] of names.entries()) {
      machines.set(name, await startMachine());
      plug(networks, machine(name), 11 + index);
    }
    children.push(await start(networks.name("n1"), programCommand("servers", "n1")));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    folder,
    machine,
    close,
    inventory: (groups) => {
      const connection = (name: string) => ({
        ...{ ansible_connection: "machine", ansible_machine_pid: machine(name).pid },
        ansible_python_interpreter: "/usr/bin/python3",
      });
      const hosts = Object.fromEntries(names.map((name) => [name, connection(name)]));
      writeFileSync(join(folder, "inventory.json"), JSON.stringify({ all: { hosts, children: groups } }));
    },
    play: (playbook, ...options) => runPlaybook(folder, `steelyard.loadbalancer.${playbook}`, options),
    fetch: (url) => {
      const program = `process.stdout.write(await (await fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5_000) })).text())`;
      const command = [process.execPath, "--input-type=module", "--eval", program];
      const { status, stdout } = spawnSync("ip", ["netns", "exec", networks.name("cl"), ...command], {
        encoding: "utf8",
      });
      return status === 0 ? stdout : undefined;
    },
    probe: async (address, port) => {
      const probing = await startProbing(networks.name("cl"), address, port);
      children.push(probing.process);
      return probing;
    },
  };
};

/** What ansible-lint thinks of the collection that is installed below `folder`. */
export const lintCollection = (
  folder: string,
): { readonly status: number | null; readonly output: string } => {
  const installed = join(folder, "collections/ansible_collections/steelyard/loadbalancer");
  // What is copied there is generated elsewhere.
  const parts = ["roles", "playbooks", "plugins", "meta", "--exclude", "roles/speaker/files"];
  const { status, stdout, stderr } = spawnSync(
    "ansible-lint",
    ["--offline", "--nocolor", "--strict", ...parts],
    {
      cwd: installed,
      encoding: "utf8",
      env: environment(folder),
    },
  );
  return { status, output: `${stdout}${stderr}` };
};
