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

const ownerOf = (protocol: "tcp" | "udp", port: number, proc: string): PortOwner | undefined => {
  const inodes = inodesOf(proc, protocol, port);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync(proc).filter((name) => /^\d+$/.test(name))) {
    const open = attempt(() => readdirSync(`${proc}/${pid}/fd`)) ?? [];
    const isOwner = open.some((each) => {
      const target = attempt(() => readlinkSync(`${proc}/${pid}/fd/${each}`)) ?? "";
      return inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "none");
    });
    if (!isOwner) continue;
    return { name: text(`${proc}/${pid}/comm`), pid: Number(pid), words: commandWords(Number(pid), proc) };
  }
  return { name: "another program", pid: undefined, words: [] };
};

/** Who has this UDP port; `undefined` when nobody has it. `proc` is /proc but in tests. */
export const udpPortOwner = (port: number, proc = "/proc"): PortOwner | undefined =>
  ownerOf("udp", port, proc);

/** Who waits for connections to this TCP port; `undefined` when nobody does. `proc` is /proc but in tests. */
export const tcpPortOwner = (port: number, proc = "/proc"): PortOwner | undefined =>
  ownerOf("tcp", port, proc);
