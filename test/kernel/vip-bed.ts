/**
 * Control-plane hosts in a lab, each with a stand-in for its API server and with the real `steelyard vip`, for tests of the whole.
 *
 * Who holds the address is never taken from the program: `holdings` records what the kernels say.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { EventRecord } from "#api/events";
import type { Status } from "#api/status";
import { type Holdings, recordHoldings } from "#lab/holdings";
import { type Lab, type LabHostHandle, type LabProcess, openLab, standardTopology } from "#lab/index";
import { type Authority, type Certified, openAuthority } from "#test/cluster/certificates";
import { ask, steelyard, until } from "./edge-bed.ts";

/** The address of the API servers in all tests. */
export const VIP = "10.2.0.100";

const SERVER = join(import.meta.dirname, "vip-api-server.ts");
const ADMIN = "/run/steelyard-vip/vip.sock";
const FOLDER = "/run/api";
/** The cluster's authority, on every host. */
export const CA_FILE = "/run/api/ca.crt";

/** One control-plane host. */
export type ControlPlane = {
  readonly name: string;
  readonly address: string;
  readonly host: LabHostHandle;
  /** Starts the stand-in, with this certificate or one that is right. */
  readonly serve: (certified?: Certified) => Promise<LabProcess>;
  /** What it answers from now on: a status, or `slow MILLISECONDS`. */
  readonly answer: (mode: string) => Promise<void>;
  /** Kills it, as the kernel would; `pause` and `go on` freeze and thaw it. */
  readonly server: (signal: NodeJS.Signals) => Promise<void>;
  /** Starts `steelyard vip` with these arguments, and does not wait. */
  readonly launch: (args?: readonly string[]) => Promise<LabProcess>;
  /** Waits until it has ended and launches it again. */
  readonly relaunch: (args?: readonly string[]) => Promise<LabProcess>;
  /** Signals its wire process. */
  readonly signal: (signal: NodeJS.Signals) => Promise<void>;
  readonly status: () => Promise<Status | undefined>;
  readonly events: () => Promise<readonly EventRecord[]>;
  /** Resolves with the first status that satisfies `good`. */
  readonly until: (what: string, good: (status: Status) => boolean, withinMs?: number) => Promise<Status>;
};

/** The lab as one test uses it. */
export type VipBed = {
  readonly lab: Lab;
  readonly hosts: readonly [ControlPlane, ControlPlane, ControlPlane];
  readonly holdings: Holdings;
  readonly authority: Authority;
  /** Where certificates are made. */
  readonly folder: string;
};

/** All hosts, as every one of them is told. */
const PEERS = "10.2.0.11,10.2.0.12,10.2.0.13";

/** The same line on every host, as operators write it. */
export const STANDARD_LINE: readonly string[] = [
  ...["--address", VIP, "--interface", "eth0", "--peers", PEERS, "--ca", CA_FILE],
];

/** The same, only quicker. */
export const LINE: readonly string[] = [
  ...STANDARD_LINE,
  ...["--advertisement-interval", "100ms", "--check-interval", "200ms", "--fall", "2"],
];

/** Names that the API server of every kubeadm, k3s and RKE2 cluster has. */
export const NAMES: readonly string[] = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];

const openControlPlane = async (
  lab: Lab,
  {
    index,
    authority,
    remember,
  }: { index: number; authority: Authority; remember: (name: string, program: LabProcess) => void },
): Promise<ControlPlane> => {
  const name = `e${index}`;
  const address = `10.2.0.1${index}`;
  const host = lab.host(name);
  const socket = `/proc/${lab.pid}/root/run/lab/hosts/${name}${ADMIN}`;
  let program: LabProcess | undefined;
  let server: LabProcess | undefined;
  const own = await authority.issue(name, { type: "server", addresses: [address], names: NAMES });
  await host.write(CA_FILE, authority.ca);

  const status = async (): Promise<Status | undefined> => {
    const answer = await ask(socket, "/v1/status");
    return answer.status === 200 ? JSON.parse(answer.body) : undefined;
  };
  const launch = async (args: readonly string[] = LINE): Promise<LabProcess> => {
    program = await host.spawn(steelyard("vip", ...args));
    remember(name, program);
    return program;
  };
  return {
    ...{ name, address, host, status },
    serve: async (certified = own) => {
      await host.write(`${FOLDER}/tls.crt`, certified.cert);
      await host.write(`${FOLDER}/tls.key`, certified.key);
      server = await host.spawn([process.execPath, SERVER, name, FOLDER, "6443"]);
      remember(`${name}'s API server`, server);
      await server.said(/ready/, 20_000);
      return server;
    },
    answer: async (mode) => {
      await host.write(`${FOLDER}/mode.new`, mode);
      await host.expect(["mv", `${FOLDER}/mode.new`, `${FOLDER}/mode`]);
    },
    server: async (signal) => {
      assert(server !== undefined, `${name} has no API server`);
      await server.signal(signal);
    },
    launch,
    relaunch: async (args = LINE) => {
      await program?.exited;
      return await launch(args);
    },
    signal: async (signal) => {
      assert(program !== undefined, `${name} was not started`);
      await host.expect(["kill", `-${signal}`, String(program.pid)]);
    },
    events: async () =>
      (await ask(socket, "/v1/events")).body
        .split("\n")
        .filter((line) => line !== "")
        .map((line): EventRecord => JSON.parse(line)),
    until: async (what, good, withinMs = 15_000) => {
      let seen: Status | undefined;
      const look = async (): Promise<Status | false> => {
        seen = await status();
        return seen !== undefined && good(seen) ? seen : false;
      };
      return await until(`${name}: ${what}`, look, { withinMs, seen: () => seen ?? "no answer" });
    },
  };
};

/** Runs one test in a lab of its own, which is gone afterwards however the test ends. */
export const inVipBed = async (context: TestContext, test: (bed: VipBed) => Promise<void>): Promise<void> => {
  assert(existsSync(steelyard()[1] ?? ""), 'run "npm run build" first');
  const programs: { readonly name: string; readonly program: LabProcess }[] = [];
  const remember = (name: string, program: LabProcess): void => void programs.push({ name, program });
  const folder = mkdtempSync(join(tmpdir(), "vip-bed-"));
  const lab = await openLab(standardTopology({ edges: 3, nodes: 0, client: "lan" }));
  try {
    const authority = await openAuthority(folder);
    const open = (index: number): Promise<ControlPlane> =>
      openControlPlane(lab, { index, authority, remember });
    const hosts = [await open(1), await open(2), await open(3)] as const;
    await test({ lab, hosts, holdings: await recordHoldings(lab), authority, folder });
  } catch (error) {
    for (const { name, program } of programs)
      context.diagnostic(`${name}:\n${program.stdout()}${program.stderr()}`);
    throw error;
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true });
  }
};

/** What a busy machine may take to start three programs, or to see that a server is frozen, in milliseconds. */
export const PATIENCE = 60_000;

/** Starts the stand-ins and then, at the same moment, the program on all hosts; resolves when one has the address and all take part. */
export const startAll = async (
  { hosts, holdings }: VipBed,
  args: readonly string[] = LINE,
): Promise<string> => {
  await Promise.all(hosts.map((each) => each.serve()));
  await Promise.all(hosts.map((each) => each.launch(args)));
  await Promise.all(
    hosts.map((each) =>
      each.until(
        "takes part",
        ({ routers }) => routers.length > 0 && routers.every(({ state }) => /active|backup/.test(state)),
        PATIENCE,
      ),
    ),
  );
  return await holderOf(holdings);
};

/** Resolves with the one host that has the address, once it is one and has been for a second. */
export const holderOf = async (holdings: Holdings, address: string = VIP): Promise<string> => {
  let last = "";
  let since = performance.now();
  return await until(
    `one host holds ${address}`,
    async () => {
      const now = holdings.holders(address).join();
      if (now !== last) [last, since] = [now, performance.now()];
      return now !== "" && !now.includes(",") && performance.now() - since > 1_000 ? now : undefined;
    },
    { withinMs: PATIENCE, seen: () => holdings.tenures(address) },
  );
};

/** The host of this name, and the others. */
export const parted = (
  { hosts }: VipBed,
  name: string,
): { readonly holder: ControlPlane; readonly others: readonly ControlPlane[] } => {
  const holder = hosts.find((each) => each.name === name);
  assert(holder !== undefined, name);
  return { holder, others: hosts.filter((each) => each !== holder) };
};
