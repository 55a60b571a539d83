/** Which program has a port. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const lines = (path: string): readonly string[] => {
  try {
    return readFileSync(path, "latin1").split("\n").slice(1);
  } catch {
    return [];
  }
};

/** What the kernel calls a socket that waits for connections. */
const LISTENING = "0A";

/**
 * Inodes of the sockets that are bound to a port, or of TCP wait for connections there; the second column is ADDRESS:PORT in
 * hexadecimal, the fourth the state, the tenth the inode.
 */
const inodesOf = (proc: string, protocol: "tcp" | "udp", port: number): ReadonlySet<string> => {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = [protocol, `${protocol}6`].flatMap((table) => lines(`${proc}/net/${table}`));
  return new Set(
    rows.flatMap((row) => {
      const columns = row.trim().split(/\s+/);
      const isBound = columns[1]?.endsWith(`:${wanted}`) === true;
      return isBound && (protocol === "udp" || columns[3] === LISTENING) ? [columns[9] ?? ""] : [];
    }),
  );
};

const attempt = <Value>(look: () => Value): Value | undefined => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

/** A program that has a port. */
export type PortOwner = {
  readonly name: string;
  /** `undefined` where its process may not be seen. */
  readonly pid: number | undefined;
  /** Its command line. */
  readonly words: readonly string[];
};

const text = (path: string): string => attempt(() => readFileSync(path, "utf8").trim()) ?? "";

/** The command line of a process; empty where it may not be seen. `proc` is /proc but in tests. */
export const commandWords = (pid: number, proc = "/proc"): readonly string[] =>
  text(`${proc}/${pid}/cmdline`)
    .split("\0")
    .filter((word) => word !== "");

/** Inodes of the sockets that a process has open, as far as that may be seen. */
const socketsOf = (pid: string, proc: string): readonly string[] =>
  (attempt(() => readdirSync(`${proc}/${pid}/fd`)) ?? []).flatMap((each) => {
    const target = attempt(() => readlinkSync(`${proc}/${pid}/fd/${each}`)) ?? "";
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });

/** All of them, since sockets may share a port; last the ones that are nobody's who may be seen. */
const ownersOf = (protocol: "tcp" | "udp", port: number, proc: string): readonly PortOwner[] => {
  const inodes = inodesOf(proc, protocol, port);
  if (inodes.size === 0) return [];
  const unseen = new Set(inodes);
  const owners: PortOwner[] = [];
  for (const pid of readdirSync(proc).filter((name) => /^\d+$/.test(name))) {
    const open = socketsOf(pid, proc).filter((inode) => inodes.has(inode));
    if (open.length === 0) continue;
    for (const inode of open) unseen.delete(inode);
    const words = commandWords(Number(pid), proc);
    owners.push({ name: text(`${proc}/${pid}/comm`), pid: Number(pid), words });
  }
  return unseen.size === 0 ? owners : [...owners, { name: "another program", pid: undefined, words: [] }];
};

/** All who have this UDP port. `proc` is /proc but in tests. */
export const udpPortOwners = (port: number, proc = "/proc"): readonly PortOwner[] =>
  ownersOf("udp", port, proc);

/** All who wait for connections to this TCP port. `proc` is /proc but in tests. */
export const tcpPortOwners = (port: number, proc = "/proc"): readonly PortOwner[] =>
  ownersOf("tcp", port, proc);
