/** FRR's zebra, bfdd and bgpd on one host of a lab, which `vtysh` is told everything. */
import type { LabHostHandle, LabProcess } from "#lab/index";

/** The daemons that BGP needs, in the order in which they start. */
const DAEMONS = ["zebra", "bfdd", "bgpd"] as const;

/** The folder of their sockets; each host has one of its own there. */
export const FRR_SOCKETS = "/run/frr";

export type FrrDaemons = {
  /** Says commands to all of them, and gives what they print. */
  readonly vtysh: (...commands: readonly string[]) => Promise<string>;
  /** Gives them a file of configuration; fails with what they say when they refuse a line. */
  readonly load: (text: string) => Promise<void>;
  /** What they run with. */
  readonly running: () => Promise<string>;
  /** Kills all of them, and starts them with what they were started with. */
  readonly restart: () => Promise<void>;
  /** The folder of their sockets. */
  readonly run: string;
};

/** Starts them with nothing configured. */
export const startFrrDaemons = async (
  lab: { readonly host: (name: string) => LabHostHandle },
  host: string,
  remember: (name: string, program: LabProcess) => void,
  daemons: readonly (typeof DAEMONS)[number][] = DAEMONS,
): Promise<FrrDaemons> => {
  const machine = lab.host(host);
  const run = FRR_SOCKETS;
  const files = daemons.map((name) => `${run}/${name}.conf`);
  await machine.expect([
    "sh",
    "-c",
    `mkdir -p ${run} && touch ${files.join(" ")} ${run}/vtysh.conf && chown -R frr:frr ${run}`,
  ]);
  const start = async (): Promise<readonly LabProcess[]> => {
    const programs: LabProcess[] = [];
    for (const name of daemons) {
      const common = ["-z", `${run}/zserv.api`, "--vty_socket", run, "--log", "stdout"];
      const own = name === "bfdd" ? ["--bfdctl", `${run}/bfdd.sock`] : [];
      const file = ["-f", `${run}/${name}.conf`, "-i", `${run}/${name}.pid`];
      const program = await machine.spawn([`/usr/lib/frr/${name}`, ...common, ...file, ...own]);
      remember(`${name} on ${host}`, program);
      await program.said(/starting: vty/);
      programs.push(program);
    }
    return programs;
  };
  let programs = await start();
  const shell = ["vtysh", "--vty_socket", run, "--config_dir", run];
  const vtysh: FrrDaemons["vtysh"] = (...commands) =>
    machine.expect([...shell, ...commands.flatMap((each) => ["-c", each])]);
  return {
    ...{ vtysh, run },
    load: async (text) => {
      await machine.write(`${run}/load.conf`, text);
      await machine.expect([...shell, "-f", `${run}/load.conf`]);
    },
    running: () => vtysh("show running-config"),
    restart: async () => {
      for (const program of [...programs].reverse()) await program.signal("SIGKILL");
      for (const program of programs) await program.stop();
      programs = await start();
    },
  };
};
