/** `steelyard vip` on the hosts of a lab, as its unit starts it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openLabServer } from "../lab/program.ts";
import { readLaunch } from "../launch.ts";
import type { ServerProgram } from "../server-program.ts";
import type { Master, Masters } from "./bed.ts";
import { lanAddress, lanAddress6, MASTERS, type MasterName, VIRTUAL_ADDRESS } from "./plan.ts";

const MAIN = join(import.meta.dirname, "../../../dist/main.js");
const START_WITHIN_MS = 60_000;

export type VipOptions = {
  /** Default: that of tests, IPv4. */
  readonly addresses?: readonly string[];
  /** Further flags, such as `--balance`. */
  readonly flags?: readonly string[];
  /** The command line of `steelyard`; default: the built one, started as people start it. */
  readonly program?: readonly string[];
};

export type Vips = {
  on(name: MasterName): ServerProgram;
  /** Starts it wherever it does not run, at the same moment. */
  start(names?: readonly MasterName[]): Promise<void>;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** What `steelyard status` says on that host. */
  status(name: MasterName): Promise<string>;
  /** The last lines that each has said. */
  lastWords(lines: number): string;
};

const builtProgram = (): readonly string[] => {
  if (!existsSync(MAIN)) throw new Error('run "npm run build" first');
  return [process.execPath, ...readLaunch().flags, MAIN];
};

/** Of each host's own /run. */
const ADMIN = "/run/steelyard-vip/vip.sock";

/** The same line on every host. */
const commandLine = (authorityFile: string, options: VipOptions): readonly string[] => {
  const { addresses = [VIRTUAL_ADDRESS], flags = [], program = builtProgram() } = options;
  const isDualStack = addresses.some((address) => address.includes(":"));
  const peers = [...MASTERS.map(lanAddress), ...(isDualStack ? MASTERS.map(lanAddress6) : [])];
  return [
    ...[...program, "vip", ...addresses.map((address) => `--address=${address}`)],
    ...["--interface=eth0", `--peers=${peers.join()}`],
    ...[`--ca=${authorityFile}`, `--admin=${ADMIN}`, "--log-format=text", ...flags],
  ];
};

/** Describes it on every host; it does not run yet. */
export const openVips = (
  { all, folder, authority }: Pick<Masters, "all" | "folder" | "authority">,
  options: VipOptions = {},
): Vips => {
  const command = commandLine(authority.caFile, options);
  const program = options.program ?? builtProgram();
  const status = async ({ host }: Master): Promise<string> => {
    const { code, stdout } = await host.run([...program, "status", `--admin=${ADMIN}`]);
    return code === 0 ? stdout : "";
  };
  const servers = new Map(
    all.map((master) => [
      master.name,
      openLabServer(master.host, {
        name: `vip of ${master.name}`,
        command,
        environment: readLaunch().environment,
        log: join(folder, `vip-${master.name}.log`),
        isReady: async () => (await status(master)) !== "",
        readyWithinMs: START_WITHIN_MS,
      }),
    ]),
  );
  const on = (name: MasterName): ServerProgram => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`there is no ${name}`);
    return server;
  };
  return {
    on,
    start: async (names = MASTERS) => {
      await Promise.all(names.map((name) => (on(name).pid() === undefined ? on(name).start() : undefined)));
    },
    stop: async (signal = "SIGTERM") => {
      await Promise.all(MASTERS.map((name) => on(name).stop(signal)));
    },
    status: async (name) => {
      const master = all.find((each) => each.name === name);
      return master === undefined ? "" : await status(master);
    },
    lastWords: (lines) => MASTERS.map((name) => `vip of ${name}:\n${on(name).lastWords(lines)}`).join("\n"),
  };
};
