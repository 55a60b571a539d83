/**
 * Labs that outlive the command that made them, found again by name.
 *
 * Each has a folder, readable by its owner only, with the holder's socket and pid. The folder of a lab that has died
 * is swept away when the name is next used or the labs are listed.
 */
import {
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LabError, openConnection } from "./connection.ts";
import { type Lab, labOver, refusalText, requireLab } from "./lab.ts";
import { launchHolder } from "./launch.ts";
import type { Topology } from "./topology.ts";

const NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
/** How long a holder may take to come up. */
const START_LIMIT_MS = 10_000;

const ownUid = (): number => process.getuid?.() ?? 0;

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The folder of all labs of this user. */
const root = (): string => {
  const own = [process.env.XDG_RUNTIME_DIR, `/run/user/${ownUid()}`].find(
    (each) => each !== undefined && each !== "" && isFolder(each),
  );
  const folder = join(own ?? tmpdir(), `steelyard-lab-${ownUid()}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  if (uid === ownUid() && (mode & 0o077) === 0) return folder;
  throw new LabError(`${folder} belongs to somebody else, or others may enter it: remove it`);
};

/** A process, told apart from a later one with the same pid by when it started. */
type Holder = { readonly pid: number; readonly startedAt: string };

const startOf = (pid: number): string | undefined => {
  try {
    // Field 22 of proc_pid_stat(5), counted after the name, which may contain blanks.
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[19];
  } catch {
    return undefined; // No such process.
  }
};

const holderIn = (folder: string): Holder | undefined => {
  try {
    const holder: Holder = JSON.parse(readFileSync(join(folder, "holder.json"), "utf8"));
    return startOf(holder.pid) === holder.startedAt ? holder : undefined;
  } catch {
    return undefined; // Not written yet, or gone.
  }
};

const folderOf = (name: string): string => {
  if (!NAME.test(name)) throw new LabError(`${name}: a lab's name is 1 to 31 of a-z, 0-9 and "-"`);
  return join(root(), name);
};

const claim = (name: string): string => {
  const folder = folderOf(name);
  if (holderIn(folder) !== undefined)
    throw new LabError(`lab ${name} is up already: steelyard lab down --name ${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  return folder;
};

/** Connects to the holder that serves in `folder`; `undefined` when nobody answers there. */
const attach = async (
  folder: string,
): Promise<{ lab: Lab; build: (topology: Topology) => Promise<Lab> } | undefined> => {
  const socket = connect(join(folder, "control.sock"));
  const connection = openConnection((text) => socket.write(text));
  socket.setEncoding("utf8").on("data", (text) => connection.receive(String(text)));
  socket.on("error", () => {}); // Always followed by `close`.
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  void closed.then(() => connection.lose("the lab is gone"));
  const pid = await connection.hello.catch(() => undefined);
  if (pid === undefined) return undefined;
  const close = async (): Promise<void> => {
    socket.end();
    await closed;
  };
  const { topology = { switches: [], hosts: [] } } = await connection.ask({ op: "status" });
  return {
    lab: labOver(connection, { pid, topology, close }),
    build: async (wanted) => {
      await connection.ask({ op: "build", topology: wanted });
      return labOver(connection, { pid, topology: wanted, close });
    },
  };
};

/** Builds a lab that stays until `closeNamedLab`. The result's `close` only ends this connection to it. */
export const createNamedLab = async (name: string, topology: Topology): Promise<Lab> => {
  requireLab(topology);
  const folder = claim(name);
  const log = join(folder, "holder.log");
  const child = launchHolder({ state: folder, log: openSync(log, "a", 0o600) });
  let ended = false;
  child.once("exit", () => {
    ended = true;
  });
  child.unref();
  try {
    for (const limit = Date.now() + START_LIMIT_MS; Date.now() < limit && !ended; await pause(10)) {
      const attached = await attach(folder);
      if (attached === undefined) continue;
      const { pid } = attached.lab;
      const holder: Holder = { pid, startedAt: startOf(pid) ?? "" };
      writeFileSync(join(folder, "holder.json"), JSON.stringify(holder));
      return await attached.build(topology);
    }
    throw new LabError(refusalText(readFileSync(log, "utf8")));
  } catch (error) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
};

/** Connects to a lab that is up. */
export const connectNamedLab = async (name: string): Promise<Lab> => {
  const attached = await attach(folderOf(name));
  if (attached !== undefined) return attached.lab;
  throw new LabError(`lab ${name} is not up: steelyard lab up${name === "lab" ? "" : ` --name ${name}`}`);
};

/** Ends a lab and everything in it; `false` when it was not up. */
export const closeNamedLab = async (name: string): Promise<boolean> => {
  const folder = folderOf(name);
  const holder = holderIn(folder);
  if (holder !== undefined) {
    process.kill(holder.pid, "SIGKILL");
    while (startOf(holder.pid) === holder.startedAt) await pause(5);
  }
  rmSync(folder, { recursive: true, force: true });
  if (readdirSync(root()).length === 0) rmdirSync(root());
  return holder !== undefined;
};

/** The names of the labs that are up. */
export const listNamedLabs = (): readonly string[] => {
  const names = readdirSync(root());
  for (const name of names) {
    if (holderIn(join(root(), name)) === undefined)
      rmSync(join(root(), name), { recursive: true, force: true });
  }
  return readdirSync(root());
};

/** The command line that runs `argv` in a host of a lab with our own terminal. `anchor` is from the lab's status. */
export const execCommand = (
  lab: Lab,
  { anchor, argv }: { readonly anchor: number; readonly argv: readonly string[] },
): readonly string[] => {
  const user = ownUid() === 0 ? [] : ["--user", "--preserve-credentials"];
  const host = [
    "nsenter",
    "--target",
    String(anchor),
    "--net",
    "--mount",
    "--uts",
    `--wdns=${process.cwd()}`,
  ];
  return ["nsenter", "--target", String(lab.pid), ...user, "--mount", "--pid", "--", ...host, "--", ...argv];
};
