/** The peer: FRR's bfdd, with the zebra that tells it of interfaces. */
import type { LabProcess } from "#lab/index";
import type { BfdBed } from "./bfd-bed.ts";
import { until } from "./bfd-bed.ts";

/** One peer as `show bfd peers json` has it; intervals in milliseconds. */
export type FrrPeer = {
  readonly status: "up" | "init" | "down" | "shutdown";
  readonly diagnostic: string;
  readonly "remote-diagnostic": string;
  readonly "receive-interval": number;
  readonly "transmit-interval": number;
  readonly "remote-receive-interval": number;
  readonly "remote-transmit-interval": number;
  readonly "remote-detect-multiplier": number;
};

export type Frr = {
  /** bfdd, as it was started last. */
  readonly program: () => LabProcess;
  /** Starts bfdd again, after it ended. */
  readonly restart: () => Promise<void>;
  /** Its only peer. */
  readonly peer: () => Promise<FrrPeer>;
  /** Resolves when its peer has this status. */
  readonly is: (status: FrrPeer["status"], withinMs?: number) => Promise<FrrPeer>;
  /** Enters commands below `bfd` in its configuration. */
  readonly configure: (...commands: readonly string[]) => Promise<void>;
};

const RUN = "/run/frr";
const COMMON = ["-z", `${RUN}/zserv.api`, "--vty_socket", RUN, "--log", "stdout"];

/** What `bfd` begins with for a peer over one hop. */
export const frrPeer = (peer: string, local: string): string =>
  `peer ${peer} local-address ${local} interface eth0`;

/** Starts FRR on a host with one peer: the line that names it, and its settings. */
export const startFrr = async (
  bed: BfdBed,
  host: "e2" | "cl",
  ...[peer, ...settings]: readonly string[]
): Promise<Frr> => {
  const machine = bed.lab.host(host);
  await machine.write("/run/zebra.conf", "log stdout\n");
  await machine.write("/run/bfdd.conf", "log stdout\n");
  await machine.expect([
    "sh",
    "-c",
    `mkdir -p ${RUN} && chown frr:frr ${RUN} /run/zebra.conf /run/bfdd.conf`,
  ]);
  const start = async (name: "zebra" | "bfdd"): Promise<LabProcess> => {
    const files = ["-f", `/run/${name}.conf`, "-i", `${RUN}/${name}.pid`];
    const own = name === "bfdd" ? ["--bfdctl", `${RUN}/bfdd.sock`] : [];
    const program = await machine.spawn([`/usr/lib/frr/${name}`, ...COMMON, ...files, ...own]);
    bed.remember(name, program);
    await program.said(/starting: vty/);
    return program;
  };
  const zebra = await start("zebra");
  let program = await start("bfdd");
  await zebra.said(/client .* says hello .* bfd/);
  const vtysh = (...commands: readonly string[]): Promise<string> =>
    machine.expect(["vtysh", "--vty_socket", RUN, "-d", "bfdd", ...commands.flatMap((each) => ["-c", each])]);
  const configure = async (...commands: readonly string[]): Promise<void> => {
    await vtysh("configure terminal", "bfd", ...commands);
  };
  await configure(peer ?? "", ...settings);
  const ask = async (): Promise<FrrPeer> => {
    const peers: readonly FrrPeer[] = JSON.parse(await vtysh("show bfd peers json"));
    const [only] = peers;
    if (only === undefined || peers.length !== 1) throw new Error(`FRR has ${peers.length} peers`);
    return only;
  };
  return {
    program: () => program,
    restart: async () => {
      program = await start("bfdd");
      await configure(peer ?? "", ...settings);
    },
    configure,
    peer: ask,
    is: (status, withinMs) => until(ask, (answer) => answer.status === status, withinMs),
  };
};
